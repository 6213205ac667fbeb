use std::{env, ffi::OsStr, io, sync::Once};

use rustix::termios::tcgetwinsize;

/// The width of lines on standard output, in columns: that of the variable `COLUMNS`, or of the
/// terminal. What is not a terminal takes lines of any length.
#[must_use]
pub fn output_width() -> Option<usize> {
    let variable = env::var_os("COLUMNS").filter(|value| !value.is_empty());
    let of_variable = variable.and_then(|value| {
        let width: Option<usize> = value.to_str().and_then(|word| word.parse().ok());
        if width.is_none() {
            warn_once(&value);
        }
        width.filter(|&width| width > 0)
    });
    let of_terminal = || tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    of_variable.or_else(|| of_terminal().filter(|&width| width > 0))
}

fn warn_once(value: &OsStr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| tracing::warn!("COLUMNS is `{}`: expected a number", value.display()));
}
