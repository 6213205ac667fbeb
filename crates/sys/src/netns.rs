//! Network namespaces, and the user namespaces that own them.
//!
//! Hand-written because neither rustix nor nix has the ioctls of ioctl_ns(2) and `SIOCGSKNS`, nor the
//! socket option `SO_NETNS_COOKIE`.
#![allow(unsafe_code, reason = "ioctls that return descriptors")]

use std::os::{
    fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    unix::net::UnixDatagram,
};

use nix::sched::{CloneFlags, unshare};
use rustix::{
    fs::{Mode, OFlags, open, stat},
    io::Errno,
};

use crate::{
    errno::{checked, from_nix},
    sockopt,
};

/// linux/sockios.h.
const SIOCGSKNS: libc::Ioctl = 0x894c;

const CURRENT: &str = "/proc/thread-self/ns/net";

/// Opens this thread's network namespace. Errors: ENOENT without /proc.
pub fn current() -> Result<OwnedFd, Errno> {
    open(CURRENT, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// The inode of this thread's network namespace, which the kernel gives again when the namespace has
/// gone. Allocates nothing. Errors: ENOENT without /proc.
pub fn inode() -> Result<u64, Errno> {
    stat(CURRENT).map(|namespace| namespace.st_ino)
}

/// The cookie of this thread's network namespace, which no other gets until the next boot. `None`
/// before Linux 5.14.
#[must_use]
pub fn cookie() -> Option<u64> {
    // A Unix socket needs no address: the namespace may have none yet.
    sockopt::netns_cookie(UnixDatagram::unbound().ok()?).ok()
}

/// Moves this thread into a new network namespace, which ends with it. Errors: EPERM without CAP_SYS_ADMIN,
/// EINVAL on a kernel without network namespaces.
pub fn leave() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(from_nix)
}

/// The network namespace of a socket (`SIOCGSKNS`). Errors: EPERM without CAP_NET_ADMIN in it.
pub fn of_socket(socket: impl AsFd) -> Result<OwnedFd, Errno> {
    related(socket, SIOCGSKNS)
}

/// The user namespace that owns a namespace. Errors: EPERM if it is neither that of this process nor
/// below it.
pub fn owner(namespace: impl AsFd) -> Result<OwnedFd, Errno> {
    related(namespace, libc::NS_GET_USERNS)
}

/// The user namespace above another. Errors: EPERM if it is neither that of this process nor below it.
pub fn parent(user_namespace: impl AsFd) -> Result<OwnedFd, Errno> {
    related(user_namespace, libc::NS_GET_PARENT)
}

fn related(file: impl AsFd, request: libc::Ioctl) -> Result<OwnedFd, Errno> {
    // SAFETY: the requests take no argument and return a new descriptor, closed on exec.
    unsafe {
        let descriptor = checked(libc::ioctl(file.as_fd().as_raw_fd(), request))?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::MetadataExt};

    use super::*;

    #[test]
    fn a_namespace_is_known_by_its_inode() {
        let file = File::from(current().unwrap());
        assert_eq!(inode().unwrap(), file.metadata().unwrap().ino());
        assert_eq!(cookie(), cookie());
    }

    #[test]
    fn another_descriptor_has_no_owner() {
        assert_eq!(owner(tempfile::tempfile().unwrap()).unwrap_err(), Errno::NOTTY);
    }
}
