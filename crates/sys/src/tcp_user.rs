//! The user of the other end of a TCP connection within this host (sock_diag(7)).
//!
//! Hand-written because `netlink-packet-sock-diag` would be a dependency of the daemon for one request of 72 bytes.
//! A second request would end it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
};

use model::Upper;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, getpeername, getsockname,
    netlink::SocketAddrNetlink, recv, sendto, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h), of the request and of its answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const TO_KERNEL: u16 = 1;

/// Bytes of `struct nlmsghdr`, and of `struct inet_diag_req_v2` behind it (linux/inet_diag.h).
const HEADER: usize = 16;
const QUESTION: usize = 56;

/// Where an answer has these: in `struct inet_diag_msg`, behind the header.
const FAMILY: usize = HEADER;
const STATE: usize = HEADER + 1;
const PORTS: usize = HEADER + 4;
const ADDRESSES: usize = HEADER + 8;
const USER: usize = HEADER + 64;
const INODE: usize = HEADER + 68;

/// `TCP_LISTEN` (net/tcp_states.h).
const LISTENS: u8 = 10;

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
    user(answer.get(..length)?, peer, own)
}

/// The question for the socket at `peer` that is connected to `own`.
fn request(peer: SocketAddr, own: SocketAddr) -> Vec<u8> {
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let length = u32::try_from(HEADER + QUESTION).unwrap_or(0);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([BY_FAMILY, TO_KERNEL].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([family.as_raw().to_le_bytes()[0], Upper::TCP.xfrm(), 0, 0]);
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

/// The user of the socket at `peer` that is connected to `own`. The kernel answers with a listening socket if there is no
/// such one (`inet_lookup`), as for a client of another host whose port is one of this host, too.
fn user(answer: &[u8], peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let word = |at| part(answer, at).map(u32::from_ne_bytes);
    let is_requested = answer.get(STATE) != Some(&LISTENS)
        && end(answer, 0)? == canonical(peer)
        && end(answer, 1)? == canonical(own);
    // A socket without an inode is closed, and was another user's.
    let is_open = part(answer, 4).map(u16::from_ne_bytes) == Some(BY_FAMILY) && word(INODE)? != 0;
    word(USER).filter(|_| is_requested && is_open)
}

/// One of the two ends of the socket in an answer, its own one or that of its peer.
fn end(answer: &[u8], number: usize) -> Option<(IpAddr, u16)> {
    let port = part(answer, PORTS + 2 * number).map(u16::from_be_bytes)?;
    let start = ADDRESSES + 16 * number;
    let ip = if *answer.get(FAMILY)? == AddressFamily::INET.as_raw().to_le_bytes()[0] {
        part::<4>(answer, start).map(|it| Ipv4Addr::from(it).into())?
    } else {
        part::<16>(answer, start).map(|it| Ipv6Addr::from(it).to_canonical())?
    };
    Some((ip, port))
}

/// Either end of a connection of IPv4 may have a socket of IPv6.
fn canonical(end: SocketAddr) -> (IpAddr, u16) {
    (end.ip().to_canonical(), end.port())
}

fn part<const LENGTH: usize>(answer: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    answer.get(at..at + LENGTH)?.try_into().ok()
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

    /// An answer of the kernel: user 7's socket, of this family and in this state.
    fn answer(family: AddressFamily, state: u8, ends: [&str; 2]) -> Vec<u8> {
        let ends = ends.map(address);
        let mut bytes = vec![0; HEADER + 72];
        bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        bytes[FAMILY] = family.as_raw().to_le_bytes()[0];
        bytes[STATE] = state;
        for (number, end) in ends.into_iter().enumerate() {
            let (port, start) = (PORTS + 2 * number, ADDRESSES + 16 * number);
            bytes[port..port + 2].copy_from_slice(&end.port().to_be_bytes());
            match end.ip() {
                IpAddr::V4(ip) => bytes[start..start + 4].copy_from_slice(&ip.octets()),
                IpAddr::V6(ip) => bytes[start..start + 16].copy_from_slice(&ip.octets()),
            }
        }
        bytes[USER..USER + 4].copy_from_slice(&7_u32.to_ne_bytes());
        bytes[INODE..INODE + 4].copy_from_slice(&9_u32.to_ne_bytes());
        bytes
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    const OPEN: u8 = 1;
    const V4: [&str; 2] = ["192.0.2.9:8080", "192.0.2.1:9100"];
    const MAPPED: [&str; 2] = ["[::ffff:192.0.2.9]:8080", "[::ffff:192.0.2.1]:9100"];
    const V6: [&str; 2] = ["[2001:db8::9]:8080", "[2001:db8::1]:9100"];

    #[test]
    fn a_listening_socket_is_not_that_of_a_remote_client() {
        let (inet, inet6) = (AddressFamily::INET, AddressFamily::INET6);
        for (family, requested, listening) in [
            (inet, V4, ["0.0.0.0:8080", "0.0.0.0:0"]),
            (inet, V4, ["192.0.2.9:8080", "0.0.0.0:0"]),
            (inet6, MAPPED, ["[::]:8080", "[::]:0"]),
            (inet, MAPPED, ["0.0.0.0:8080", "0.0.0.0:0"]),
            (inet6, V4, ["[::]:8080", "[::]:0"]),
            (inet6, V6, ["[::]:8080", "[::]:0"]),
        ] {
            let [peer, own] = requested.map(address);
            for state in [LISTENS, OPEN] {
                assert_eq!(
                    user(&answer(family, state, listening), peer, own),
                    None,
                    "{requested:?}"
                );
            }
        }
        for (family, requested, found) in [
            (inet, V4, V4),
            (inet6, V4, MAPPED),
            (inet, MAPPED, V4),
            (inet6, MAPPED, MAPPED),
            (inet6, V6, V6),
        ] {
            let [peer, own] = requested.map(address);
            assert_eq!(user(&answer(family, OPEN, found), peer, own), Some(7), "{requested:?}");
            assert_eq!(user(&answer(family, LISTENS, found), peer, own), None, "{requested:?}");
        }
    }

    #[test]
    fn no_answer_is_too_short() {
        let [peer, own] = V4.map(address);
        let mut answer = answer(AddressFamily::INET, OPEN, V4);
        for length in 0..=INODE + 3 {
            assert_eq!(user(&answer[..length], peer, own), None, "{length}");
        }
        assert_eq!(user(&answer, peer, own), Some(7));
        answer[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(user(&answer, peer, own), None, "a refusal");
    }
}
