use std::{
    fmt,
    io::{self, Write},
};

use model::visible;

/// Prints an error or a note of a program on standard error, in one line. What others have chosen in it,
/// such as a path, does not change the line or the terminal.
pub fn print_error(program: &str, text: &dyn fmt::Display) {
    let line = sys::without_number(format!("{program}: {text}"));
    // Without standard error nothing can be reported.
    let _ = writeln!(io::stderr(), "{}", visible(&line));
}
