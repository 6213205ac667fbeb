//! The user of the other end of a TCP connection within this host (sock_diag(7)).
//!
//! Hand-written because `netlink-packet-sock-diag` would be a dependency of the daemon for one request of 72 bytes.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
};

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, getpeername, getsockname,
    netlink::SocketAddrNetlink, recv, sendto, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h), of the request and of its answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const TO_KERNEL: u16 = 1;
const IPPROTO_TCP: u8 = 6;

/// Bytes of `struct nlmsghdr`, and of `struct inet_diag_req_v2` behind it (linux/inet_diag.h).
const HEADER: usize = 16;
const QUESTION: usize = 56;

/// Where the user and the inode are in an answer: in `struct inet_diag_msg`, behind the header.
const USER: usize = HEADER + 64;
const INODE: usize = HEADER + 68;

/// The user who has made the socket that a TCP socket is connected to. `None` if that is not in this thread's network
/// namespace, is closed, or the kernel cannot find it (`CONFIG_INET_DIAG`).
#[must_use]
pub fn user_of_peer(socket: impl AsFd) -> Option<u32> {
    let peer = SocketAddr::try_from(getpeername(&socket).ok()??).ok()?;
    let own = SocketAddr::try_from(getsockname(&socket).ok()?).ok()?;
    let kind = u32::try_from(NETLINK_SOCK_DIAG).ok().and_then(std::num::NonZero::new)?;
    let (flags, protocol) = (SocketFlags::CLOEXEC, rustix::net::Protocol::from_raw(kind));
    let diag =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(protocol)).ok()?;
    sendto(&diag, &request(peer, own), SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    let mut answer = [0; 512];
    // The kernel answers within sendto(2).
    let (_, length) = recv(&diag, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
    user(answer.get(..length)?)
}

/// The question for the socket at `peer` that is connected to `own`.
fn request(peer: SocketAddr, own: SocketAddr) -> Vec<u8> {
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let length = u32::try_from(HEADER + QUESTION).unwrap_or(0);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([BY_FAMILY, TO_KERNEL].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([family.as_raw().to_le_bytes()[0], IPPROTO_TCP, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend([peer, own].map(|it| it.port().to_be_bytes()).concat());
    for address in [peer, own] {
        let mut room = [0; 16];
        match address.ip() {
            IpAddr::V4(ip) => room[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => room = ip.octets(),
        }
        bytes.extend(room);
    }
    // Any device, and no cookie.
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([0xff; 8]);
    bytes
}

fn user(answer: &[u8]) -> Option<u32> {
    let word = |at: usize| {
        answer.get(at..at + 4).and_then(|it| it.try_into().ok()).map(u32::from_ne_bytes)
    };
    let kind = answer.get(4..6).and_then(|it| it.try_into().ok()).map(u16::from_ne_bytes);
    // A socket without an inode is closed, and was another user's.
    let is_open = kind == Some(BY_FAMILY) && word(INODE)? != 0;
    word(USER).filter(|_| is_open)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::process::geteuid;

    use super::*;

    #[test]
    fn the_client_is_found() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A host may be without IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (served, _) = listener.accept().unwrap();
            let found = user_of_peer(&served);
            assert!(found.is_none_or(|it| it == geteuid().as_raw()), "{found:?}");
            assert_eq!(user_of_peer(&client), found);
            drop(client);
            assert_eq!(user_of_peer(&served), None, "it is closed");
        }
        assert_eq!(user_of_peer(tempfile::tempfile().unwrap()), None);
    }

    #[test]
    fn no_answer_is_too_short() {
        let mut answer = [1; HEADER + 72];
        answer[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        for length in 0..=INODE + 3 {
            assert_eq!(user(&answer[..length]), None, "{length}");
        }
        assert_eq!(user(&answer), Some(0x0101_0101));
        answer[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(user(&answer), None, "a refusal");
    }
}
