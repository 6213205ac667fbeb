//! Network namespaces, and the user namespaces that own them.
//!
//! Hand-written because neither rustix nor nix has the ioctls of ioctl_ns(2) and `SIOCGSKNS`, nor the
//! socket option `SO_NETNS_COOKIE`. These in rustix would end it.
#![allow(unsafe_code, reason = "ioctls that return descriptors")]

use std::{
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    thread,
};

use nix::sched::{CloneFlags, unshare};
use rustix::{
    fs::{Mode, OFlags, open, stat},
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{
    errno::{checked, from_nix},
    sockopt,
};

/// linux/sockios.h.
const SIOCGSKNS: libc::Ioctl = 0x894c;

const CURRENT: &str = "/proc/thread-self/ns/net";

const FIRST: &str = "/proc/1/ns/net";

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

/// Does something in a thread in the network namespace of the first process, which on a host is the initial
/// one: there are kernel interfaces that are reached from there alone.
///
/// Errors: EALREADY in that namespace; those of open(2) and setns(2), EPERM without CAP_SYS_ADMIN; EIO if
/// `work` panics.
pub fn within_that_of_the_first_process<T: Send>(
    work: impl FnOnce() -> T + Send,
) -> Result<T, Errno> {
    let first = open(FIRST, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| {
        // Of another user's process (ptrace(2), PTRACE_MODE_READ_FSCREDS).
        if errno == Errno::ACCESS { Errno::PERM } else { errno }
    })?;
    if stat(FIRST)?.st_ino == inode()? {
        return Err(Errno::ALREADY);
    }
    within(&first, work)
}

/// Does something in a thread in another network namespace.
///
/// Errors: those of setns(2), EPERM without CAP_SYS_ADMIN; EIO if `work` panics.
pub fn within<T: Send>(
    namespace: impl AsFd + Sync,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Errno> {
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        });
        there.join().unwrap_or(Err(Errno::IO))
    })
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
    fn work_is_done_in_another_namespace_and_the_thread_stays() {
        let own = inode().unwrap();
        let there = thread::scope(|scope| {
            // Without CAP_SYS_ADMIN this is the only namespace.
            let elsewhere = || (leave().is_ok(), within_that_of_the_first_process(inode));
            scope.spawn(elsewhere).join().unwrap()
        });
        match there {
            (true, Ok(first)) => assert_eq!(first, stat(FIRST).map(|it| it.st_ino)),
            (_, errno) => assert!(matches!(errno, Err(Errno::ALREADY | Errno::PERM)), "{errno:?}"),
        }
        assert_eq!(inode().unwrap(), own);
    }

    #[test]
    fn another_descriptor_has_no_owner() {
        assert_eq!(owner(tempfile::tempfile().unwrap()).unwrap_err(), Errno::NOTTY);
    }
}
