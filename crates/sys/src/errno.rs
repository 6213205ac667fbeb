//! Errnos: their texts, and the one of the C library's last call.

use std::io;

use rustix::io::Errno;

/// The text of an errno as strerror(3) has it, such as `No such process`.
///
/// The standard library asks strerror_r(3) and appends the number, which is cut off here. The texts of
/// `nix::errno::Errno::desc` are not those of the C library: `I/O error` for EIO.
#[must_use]
pub fn errno_text(errno: Errno) -> String {
    let number = errno.raw_os_error();
    let mut text = io::Error::from_raw_os_error(number).to_string();
    if let Some(end) = text.rfind(&format!(" (os error {number})")) {
        text.truncate(end);
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
}
