use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{XattrFlags, lsetxattr},
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect,
        getsockname, listen, socket_with, sockopt::socket_acceptconn,
    },
    process::geteuid,
};

use sys::{
    owner::{give_to_owner_of_directory, set_mode},
    run,
};

use crate::Error;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// A listening Unix socket. Its file is removed when it is dropped.
pub(crate) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// The file stays when the socket is closed, for the next daemon.
    keeps_file: AtomicBool,
}

/// Who can connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// Root.
    ToRoot,
    /// All users.
    ToAll,
}

impl Open {
    fn mode(self) -> u32 {
        match self {
            Open::ToRoot => 0o600,
            Open::ToAll => 0o666,
        }
    }
}

/// Accepts the next connection, with these flags and close-on-exec; `None` if no connection waits.
pub(crate) fn accept(socket: impl AsFd, flags: SocketFlags) -> Result<Option<OwnedFd>, Errno> {
    match accept_with(socket, flags | SocketFlags::CLOEXEC) {
        Ok(socket) => Ok(Some(socket)),
        Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

impl Listener {
    /// Listens at a path. Creates the directory, and replaces the socket of a service that has ended.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub(crate) fn open(path: PathBuf, kind: SocketType, open: Open) -> Result<Self, Error> {
        let failed = |doing| {
            let path = path.clone();
            move |source: io::Error| Error::Socket { path, doing, source }
        };
        let directory = path.parent().unwrap_or(&path);
        run::open_directory(directory).map_err(failed("making its directory"))?;
        let address = SocketAddrUnix::new(&path).map_err(io::Error::from);
        let address = address.map_err(failed("naming the socket"))?;
        if is_served(&address, kind).map_err(failed("checking for another service"))? {
            return Err(Error::AnotherService(path));
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("removing an old socket")(error));
            }
            _ => {}
        }
        let socket = socket(kind).map_err(failed("making a socket"))?;
        bind(&socket, &address).map_err(|errno| failed("binding the socket")(errno.into()))?;
        // Clients cannot connect before listen(2).
        set_mode(&path, open.mode()).map_err(failed("setting the mode of the socket"))?;
        give_to_daemon(&path, open);
        if open == Open::ToRoot {
            // Older kernels accept descriptors, which are closed when the message is received.
            let _ = sys::datagrams::refuse_descriptors(&socket);
        }
        listen(&socket, BACKLOG).map_err(|errno| failed("listening")(errno.into()))?;
        Ok(Self { socket, path, keeps_file: AtomicBool::new(false) })
    }

    /// Continues with a socket that was handed over if it listens at this path; otherwise as
    /// [`Listener::open`]. It listens again, so that clients see this process as their peer
    /// (`SO_PEERCRED`), and not the previous daemon.
    pub(crate) fn inherit(
        handed_over: Option<OwnedFd>,
        path: PathBuf,
        kind: SocketType,
        open: Open,
    ) -> Result<Self, Error> {
        match handed_over {
            Some(socket) if is_at(&socket, &path) && listen(&socket, BACKLOG).is_ok() => {
                Ok(Self { socket, path, keeps_file: AtomicBool::new(false) })
            }
            _ => Self::open(path, kind, open),
        }
    }

    /// Leaves the file in place when this is dropped.
    pub(crate) fn keep_file(&self) {
        self.keeps_file.store(true, Ordering::Relaxed);
    }

    /// Accepts the next connection; `None` if no connection waits.
    pub(crate) fn accept(&self) -> Result<Option<OwnedFd>, Errno> {
        accept(&self.socket, SocketFlags::empty())
    }

    /// The path of the socket.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.keeps_file.load(Ordering::Relaxed) {
            return;
        }
        // The directory may have been cleared.
        let _ = fs::remove_file(&self.path);
    }
}

/// A descriptor that is closed to accept a connection where none is left.
pub(crate) struct Spare(Option<OwnedFd>);

impl Spare {
    /// Keeps a copy of a listening socket's descriptor.
    pub(crate) fn open(listener: &Listener) -> Self {
        Self(listener.socket.try_clone().ok())
    }

    /// Accepts the next connection and refuses it, which closes it. False if no connection waits.
    ///
    /// Errors: those of accept(2): another thread was faster.
    pub(crate) fn accept(
        &mut self,
        listener: &Listener,
        refuse: impl FnOnce(OwnedFd),
    ) -> Result<bool, Errno> {
        drop(self.0.take());
        let accepted = listener.accept().map(|socket| socket.map(refuse).is_some());
        *self = Self::open(listener);
        accepted
    }
}

/// Gives the socket of a daemon that is still root's to the user that it becomes, which has the directory:
/// if it is killed, the next one is that user from its start, and has to see that nothing listens there.
/// Other directories are no daemon's.
fn give_to_daemon(path: &Path, open: Open) {
    let own = geteuid();
    let owner = path.parent().and_then(|directory| fs::metadata(directory).ok()).map(|it| it.uid());
    let is_given = own.is_root() && path.starts_with(run::DIRECTORY) && owner != Some(own.as_raw());
    if open == Open::ToRoot && (is_given || !own.is_root()) {
        allow_root(path);
    }
    if is_given {
        give_to_owner_of_directory(path);
    }
}

/// Lets root connect to a socket of the daemon's user without CAP_DAC_OVERRIDE, by an access control list (acl(5)).
/// Without those in the file system, root needs the capability.
fn allow_root(path: &Path) {
    // `struct posix_acl_xattr_entry` (linux/posix_acl_xattr.h): tag, permissions, ID.
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX), // the owner
        (0x02, 6, 0),        // user 0
        (0x04, 0, u32::MAX), // the group
        (0x10, 6, u32::MAX), // the mask
        (0x20, 0, u32::MAX), // others
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        list.extend(id.to_le_bytes());
    }
    let _ = lsetxattr(path, "system.posix_acl_access", &list, XattrFlags::empty());
}

fn socket(kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, kind, flags, None)?)
}

/// Whether a socket listens at a path, and its file is there.
fn is_at(socket: &OwnedFd, path: &Path) -> bool {
    let address =
        getsockname(socket).ok().and_then(|address| SocketAddrUnix::try_from(address).ok());
    let is_named = address.is_some_and(|address| {
        address.path_bytes().is_some_and(|bytes| bytes == path.as_os_str().as_bytes())
    });
    is_named && socket_acceptconn(socket).unwrap_or(false) && path.exists()
}

/// Whether a service listens at an address.
fn is_served(address: &SocketAddrUnix, kind: SocketType) -> io::Result<bool> {
    match connect(&socket(kind)?, address) {
        // EAGAIN: the backlog is full.
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const KIND: SocketType = SocketType::SEQPACKET;

    #[test]
    fn a_path_has_one_service_and_its_file_is_removed() {
        for (open, mode) in [(Open::ToRoot, 0o600), (Open::ToAll, 0o666)] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("below/pfkey.sock");
            let listener = Listener::open(path.clone(), KIND, open).unwrap();
            assert_eq!(listener.path(), path);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            let second = Listener::open(path.clone(), KIND, open);
            assert!(matches!(second, Err(Error::AnotherService(_))));
            drop(listener);
            assert!(!path.exists());
        }
    }

    /// Tested where the kernel can refuse them.
    #[test]
    fn messages_with_descriptors_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let listener = Listener::open(path.clone(), KIND, Open::ToRoot).unwrap();
        let client = socket(KIND).unwrap();
        connect(&client, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        let sent = sys::rights::send(&client, b"request", Some(client.as_fd()));
        let is_refused = sys::datagrams::refuse_descriptors(&listener).is_ok();
        assert_eq!(sent, if is_refused { Err(Errno::PERM) } else { Ok(7) });
    }

    #[test]
    fn the_socket_of_a_service_that_has_ended_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let left = socket(KIND).unwrap();
        bind(&left, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        drop(left);
        let listener = Listener::open(path, KIND, Open::ToRoot).unwrap();
        assert!(is_served(&SocketAddrUnix::new(listener.path()).unwrap(), KIND).unwrap());
    }
}
