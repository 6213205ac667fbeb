//! Errnos: their texts, and the one of the C library's last call.

use std::io;

use rustix::io::Errno;

/// The text of an errno as strerror(3) has it, such as `No such process`.
///
/// The standard library asks strerror_r(3) and appends the number, which is cut off here. The texts of
/// `nix::errno::Errno::desc` are not those of the C library: `I/O error` for EIO.
#[must_use]
pub fn errno_text(errno: Errno) -> String {
    without_number(io::Error::from(errno).to_string())
}

/// The text of an error without the numbers of errnos that the standard library appends to their texts.
#[must_use]
pub fn without_number(mut text: String) -> String {
    const BEGINNING: &str = " (os error ";
    let mut from = 0;
    while let Some(start) = text[from..].find(BEGINNING).map(|at| from + at) {
        let digits = &text[start + BEGINNING.len()..];
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if length > 0 && digits[length..].starts_with(')') {
            text.replace_range(start..=start + BEGINNING.len() + length, "");
            from = start;
        } else {
            from = start + BEGINNING.len();
        }
    }
    text
}

/// The result of a function of the C library, which has set errno if it is -1.
pub(crate) fn checked(result: libc::c_int) -> Result<libc::c_int, Errno> {
    if result == -1 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(result)
}

/// An errno of nix as one of rustix.
pub(crate) fn from_nix(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw_os_error(errno as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_c_library() {
        assert_eq!(errno_text(Errno::SRCH), "No such process");
        assert_eq!(errno_text(Errno::IO), "Input/output error");
        assert_eq!(errno_text(Errno::from_raw_os_error(4000)), "Unknown error 4000");
    }

    #[test]
    fn numbers_are_cut_off() {
        let text = |text: &str| without_number(text.to_owned());
        assert_eq!(text("/etc/x: Is a directory (os error 21)"), "/etc/x: Is a directory");
        assert_eq!(text("not an address"), "not an address");
        assert_eq!(text("a (os error 2): b (os error 13)"), "a: b");
        assert_eq!(text("a (os error x)"), "a (os error x)");
    }
}
