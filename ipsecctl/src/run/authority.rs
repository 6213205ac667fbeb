//! Over which network namespace a caller must have CAP_NET_ADMIN to get a PF_KEY socket: that of the
//! service at the other end, whose SAD and SPD it gets.

use pfkey::client::PfKeySettings;
use rustix::{
    fd::{BorrowedFd, OwnedFd},
    fs::fstat,
    io::Errno,
    thread::CapabilitySet,
};
use sys::{pidfd::Process, sockopt::peer_credentials};

use crate::seccomp_notify::caller::Caller;

/// An open network namespace. While it is open, no other has its inode number, and so no other service
/// the address with this number.
pub struct OpenNamespace {
    file: OwnedFd,
    device: u64,
    inode: u64,
}

impl OpenNamespace {
    fn new(file: OwnedFd) -> Result<Self, Errno> {
        let stat = fstat(&file)?;
        Ok(Self { file, device: stat.st_dev, inode: stat.st_ino })
    }

    /// The network namespace of the process that listens at the other end. ipsecd(8) serves its own.
    fn of_listener(connection: BorrowedFd<'_>) -> Result<Self, Errno> {
        let number = peer_credentials(connection)?.pid.ok_or(Errno::SRCH)?;
        Self::new(Process::of_peer(connection, number)?.open_file("ns/net")?)
    }
}

impl PartialEq for OpenNamespace {
    fn eq(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// The network namespace of the service at the other end of a connection, if the caller has
/// CAP_NET_ADMIN in the user namespace that owns it.
///
/// Errors: EPERM.
pub fn authorise(
    settings: &PfKeySettings,
    caller: &Caller,
    connection: BorrowedFd<'_>,
) -> Result<OpenNamespace, Errno> {
    let netns = if settings.is_of_namespace() {
        let file = caller.netns.try_clone().map_err(|_| Errno::MFILE)?;
        OpenNamespace::new(file)?
    } else {
        OpenNamespace::of_listener(connection).map_err(|_| Errno::PERM)?
    };
    let capabilities = caller.capabilities_in(&netns.file).map_err(|_| Errno::PERM)?;
    if capabilities.contains(CapabilitySet::NET_ADMIN) { Ok(netns) } else { Err(Errno::PERM) }
}

/// Whether a new connection leads to a service of the same network namespace as the one that it takes
/// the place of.
pub fn is_of_same(
    settings: &PfKeySettings,
    connection: BorrowedFd<'_>,
    netns: &OpenNamespace,
) -> bool {
    // The address of the service has the number of the namespace.
    settings.is_of_namespace()
        || OpenNamespace::of_listener(connection).is_ok_and(|new| new == *netns)
}
