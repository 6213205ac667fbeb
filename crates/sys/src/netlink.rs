//! Netlink sockets that another process has opened.
//!
//! Hand-written because `netlink_sys::Socket` takes no `OwnedFd`: an `impl From<OwnedFd>` there would
//! end it.
#![allow(unsafe_code, reason = "netlink-sys takes a descriptor by its number only")]

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use netlink_sys::Socket;
use rustix::{
    io::Errno,
    net::{
        AddressFamily,
        sockopt::{socket_domain, socket_protocol},
    },
};

/// Takes a netlink socket of this protocol (`netlink_sys::protocols`).
///
/// Errors: EPROTOTYPE for another socket, ENOTSOCK for another descriptor.
pub fn adopt(socket: OwnedFd, protocol: isize) -> Result<Socket, Errno> {
    let number = socket_protocol(&socket)?.map_or(0, |number| number.as_raw().get());
    if socket_domain(&socket)? != AddressFamily::NETLINK || isize::try_from(number) != Ok(protocol)
    {
        return Err(Errno::PROTOTYPE);
    }
    // SAFETY: it is an open netlink socket, which nothing else owns.
    Ok(unsafe { Socket::from_raw_fd(socket.into_raw_fd()) })
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
    use rustix::net::{SocketType, socket};

    use super::*;

    #[test]
    fn only_a_netlink_socket_of_the_protocol_is_taken() {
        let open = |family, kind, protocol| socket(family, kind, protocol).unwrap();
        let route = || open(AddressFamily::NETLINK, SocketType::RAW, None);
        assert!(adopt(route(), NETLINK_ROUTE).is_ok());
        assert_eq!(adopt(route(), NETLINK_GENERIC).unwrap_err(), Errno::PROTOTYPE);
        let unix = open(AddressFamily::UNIX, SocketType::STREAM, None);
        assert_eq!(adopt(unix, NETLINK_ROUTE).unwrap_err(), Errno::PROTOTYPE);
        let file = tempfile::tempfile().unwrap().into();
        assert_eq!(adopt(file, NETLINK_ROUTE).unwrap_err(), Errno::NOTSOCK);
    }
}
