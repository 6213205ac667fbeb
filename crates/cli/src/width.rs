use std::{env, io};

use rustix::termios::tcgetwinsize;

/// The width of lines on standard output, in columns: that of the variable `COLUMNS`, or of the
/// terminal. What is not a terminal takes lines of any length.
#[must_use]
pub fn output_width() -> Option<usize> {
    let of_variable = || env::var("COLUMNS").ok()?.parse().ok().filter(|&width| width > 0);
    let of_terminal = || tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    of_variable().or_else(|| of_terminal().filter(|&width| width > 0))
}
