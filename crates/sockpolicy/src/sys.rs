//! What no library asks of a socket.
#![allow(unsafe_code, reason = "one setsockopt(2) and one ioctl(2)")]

use std::{io, os::fd::AsRawFd, ptr};

use model::IpVersion;
use rustix::{
    fd::{BorrowedFd, FromRawFd, OwnedFd},
    io::Errno,
};

/// SIOCGSKNS (linux/sockios.h).
const NETWORK_NAMESPACE: libc::Ioctl = 0x894c;

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
        _ => Err(last_error()),
    }
}

/// The network namespace of a socket. EPERM without CAP_NET_ADMIN in it.
pub(crate) fn network_namespace(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the request takes no argument and returns a new descriptor, closed on exec.
    unsafe {
        match libc::ioctl(socket.as_raw_fd(), NETWORK_NAMESPACE) {
            -1 => Err(last_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}
