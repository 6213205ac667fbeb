//! Options of sockets, and one ioctl(2), which neither rustix nor nix has: `SO_PEEK_OFF`,
//! `SO_PASSRIGHTS`, `SO_PEERGROUPS`, a raw `SO_PEERCRED`, `SO_NETNS_COOKIE`, `IP_XFRM_POLICY` and `SIOCOUTQ`. Each ends here
//! when `nix::sys::socket::sockopt` or `rustix::net::sockopt` has it.
#![allow(unsafe_code, reason = "getsockopt(2), setsockopt(2) and ioctl(2)")]

use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr,
};

use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::{
    io::Errno,
    ioctl::{Getter, ioctl},
    net::AddressFamily,
    process::Pid,
};

use crate::errno::{checked, from_nix};

/// Whether descriptors may be sent (asm-generic/socket.h, Linux 6.16).
const SO_PASSRIGHTS: libc::c_int = 83;

/// linux/sockios.h.
const SIOCOUTQ: u32 = 0x5411;

/// As many groups as a process can have (`NGROUPS_MAX`, linux/limits.h).
const MOST_GROUPS: usize = 65536;

/// Has a Unix socket pass over what `MSG_PEEK` has read, until it is received (`SO_PEEK_OFF`,
/// socket(7)).
pub fn peek_in_turn(socket: impl AsFd) -> Result<(), Errno> {
    set_int(socket, libc::SO_PEEK_OFF, 0)
}

/// Has the kernel refuse descriptors (`SCM_RIGHTS`) that are sent to a Unix socket, or to those that a
/// listening one accepts: the last process to close a descriptor may have to wait for as long as its
/// sender has chosen (`SO_LINGER`). Errors: ENOPROTOOPT before Linux 6.16.
pub fn refuse_descriptors(socket: impl AsFd) -> Result<(), Errno> {
    set_int(socket, SO_PASSRIGHTS, 0)
}

/// Sets the policy of one direction of an AF_INET or AF_INET6 socket (`struct xfrm_userpolicy_info`
/// and its templates); without a value, removes those of both directions (Linux 4.15).
pub fn set_xfrm_policy(
    socket: impl AsFd,
    family: AddressFamily,
    value: Option<&[u8]>,
) -> Result<(), Errno> {
    let (level, name) = match family {
        AddressFamily::INET => (libc::SOL_IP, libc::IP_XFRM_POLICY),
        AddressFamily::INET6 => (libc::SOL_IPV6, libc::IPV6_XFRM_POLICY),
        _ => return Err(Errno::AFNOSUPPORT),
    };
    let socket = socket.as_fd().as_raw_fd();
    let (start, length) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
    let length = length.try_into().map_err(|_| Errno::MSGSIZE)?;
    // SAFETY: the kernel reads `length` bytes from `start`, which the slice has; none from null.
    let result = unsafe { libc::setsockopt(socket, level, name, start.cast(), length) };
    checked(result).map(drop)
}

/// The process that has connected a Unix socket, or listens at its other end, as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCredentials {
    /// The number of the process. `None`: it is neither in the PID namespace of this process nor below.
    pub pid: Option<Pid>,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

/// The credentials of the peer of a Unix socket (`SO_PEERCRED`). Not rustix' `socket_peercred`: its
/// type has no value for a process of another PID namespace, whose number is 0.
pub fn peer_credentials(socket: impl AsFd) -> Result<PeerCredentials, Errno> {
    // struct ucred, linux/socket.h.
    let mut words = [0_u32; 3];
    option(socket, libc::SO_PEERCRED, &mut words)?;
    let [pid, uid, gid] = words;
    Ok(PeerCredentials { pid: Pid::from_raw(pid.cast_signed()), uid, gid })
}

/// Sets an option of bytes, on behalf of another process that has named it.
pub fn set_bytes(
    socket: impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &[u8],
) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    let length = value.len().try_into().map_err(|_| Errno::MSGSIZE)?;
    // SAFETY: the kernel reads `length` bytes, which the slice has. An option whose value contains a
    // pointer (`SO_ATTACH_FILTER`) has that checked by the kernel.
    let result = unsafe { libc::setsockopt(socket, level, name, value.as_ptr().cast(), length) };
    checked(result).map(drop)
}

/// The supplementary groups of the process that has connected, as they were then (Linux 4.13).
pub fn peer_groups(socket: impl AsFd) -> Result<Vec<u32>, Errno> {
    let mut groups = vec![0_u32; 64];
    loop {
        match option(&socket, libc::SO_PEERGROUPS, &mut groups) {
            Ok(size) => {
                groups.truncate(size / size_of::<u32>());
                return Ok(groups);
            }
            Err(Errno::RANGE) if groups.len() < MOST_GROUPS => groups.resize(MOST_GROUPS, 0),
            Err(errno) => return Err(errno),
        }
    }
}

/// A pidfd of the process that has connected (Linux 6.5). Errors: ENOPROTOOPT.
pub(crate) fn peer_pidfd(socket: impl AsFd) -> Result<OwnedFd, Errno> {
    getsockopt(&socket, PeerPidfd).map_err(from_nix)
}

/// The cookie of a socket's network namespace (Linux 5.14).
pub(crate) fn netns_cookie(socket: impl AsFd) -> Result<u64, Errno> {
    let mut cookie = [0_u64];
    option(socket, libc::SO_NETNS_COOKIE, &mut cookie)?;
    Ok(cookie[0])
}

/// Bytes of memory that are charged to a socket for what it has sent and its peer has not yet received
/// (`SIOCOUTQ`; `unix_outq_len`, net/unix/af_unix.c). Allocates nothing. Errors: ENOIOCTLCMD, ENOTTY
/// for descriptors that have no such count.
pub fn unreceived_bytes(socket: impl AsFd) -> Result<i32, Errno> {
    // SAFETY: the request writes an int, and is made of its number in the kernel's headers.
    unsafe { ioctl(socket, Getter::<SIOCOUTQ, i32>::new()) }
}

fn set_int(socket: impl AsFd, name: libc::c_int, value: libc::c_int) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    let length = 4; // bytes of an int
    // SAFETY: the kernel reads an int, which outlives the call.
    let result = unsafe {
        libc::setsockopt(socket, libc::SOL_SOCKET, name, (&raw const value).cast(), length)
    };
    checked(result).map(drop)
}

/// Reads an option of the socket level, of integers: how many bytes of the value it has.
fn option<Integer: Unsigned>(
    socket: impl AsFd,
    name: libc::c_int,
    value: &mut [Integer],
) -> Result<usize, Errno> {
    let socket = socket.as_fd().as_raw_fd();
    let start = value.as_mut_ptr().cast();
    let mut size = size_of_val(value).try_into().map_err(|_| Errno::INVAL)?;
    // SAFETY: the kernel writes at most `size` bytes to `value`, and both outlive the call; integers
    // may have any bytes.
    let result = unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, name, start, &raw mut size) };
    checked(result).map(|_| size as usize)
}

/// Integers: any bytes are a value.
trait Unsigned {}
impl Unsigned for u32 {}
impl Unsigned for u64 {}

#[cfg(test)]
mod tests {
    use std::{
        net::UdpSocket,
        os::unix::net::{UnixDatagram, UnixStream},
    };

    use rustix::{
        fs::Gid,
        process::{getegid, geteuid, getgroups, getpid},
    };

    use super::*;

    #[test]
    fn bytes_that_the_peer_has_not_received_are_counted() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        assert!(unreceived_bytes(&ours).unwrap() <= 1);
        ours.send(b"request").unwrap();
        assert!(unreceived_bytes(&ours).unwrap() > 1);
        theirs.recv(&mut [0; 16]).unwrap();
        assert!(unreceived_bytes(&ours).unwrap() <= 1);
        assert!(unreceived_bytes(tempfile::tempfile().unwrap()).is_err());
    }

    #[test]
    fn the_peer_is_this_process() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let groups = getgroups().unwrap().into_iter().map(Gid::as_raw);
        assert_eq!(peer_groups(&ours).unwrap(), groups.collect::<Vec<_>>());
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let own = PeerCredentials { pid: Some(getpid()), uid, gid };
        assert_eq!(peer_credentials(&ours), Ok(own));
        let pidfd = peer_pidfd(&ours);
        assert!(pidfd.is_ok() || pidfd.unwrap_err() == Errno::NOPROTOOPT);
    }

    #[test]
    fn only_ip_sockets_have_policies() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let family = AddressFamily::UNIX;
        assert_eq!(set_xfrm_policy(&socket, family, None), Err(Errno::AFNOSUPPORT));
        let (level, name) = (libc::SOL_IP, libc::IP_TTL);
        assert_eq!(set_bytes(&socket, level, name, &9_i32.to_ne_bytes()), Ok(()));
        assert_eq!(socket.ttl().unwrap(), 9);
        // Too short for a policy, whether or not the kernel has XFRM and the process may set one.
        assert!(set_xfrm_policy(&socket, AddressFamily::INET, Some(&[0; 4])).is_err());
    }
}
