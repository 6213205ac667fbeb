//! The socket option, which no library sets.
#![allow(unsafe_code, reason = "one setsockopt(2)")]

use std::{io, os::fd::AsRawFd, ptr};

use ipsec::IpVersion;
use rustix::{fd::BorrowedFd, io::Errno};

/// Sets the policy of one direction, which stands in the value; without a value, takes those of
/// both away (Linux 4.15).
pub(crate) fn set(
    socket: BorrowedFd<'_>,
    family: IpVersion,
    value: Option<&[u8]>,
) -> Result<(), Errno> {
    let (level, name) = match family {
        IpVersion::V4 => (libc::SOL_IP, libc::IP_XFRM_POLICY),
        IpVersion::V6 => (libc::SOL_IPV6, libc::IPV6_XFRM_POLICY),
    };
    let (start, length) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
    let length = length.try_into().map_err(|_| Errno::MSGSIZE)?;
    // SAFETY: the kernel reads `length` bytes from `start`, which the slice has; none from null.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, start.cast(), length) };
    match result {
        0 => Ok(()),
        _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
