use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use engine::Namespace;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
        socket_with,
    },
};

use super::Error;

/// Programs that may wait to be let in.
const BACKLOG: i32 = 128;

/// The socket that programs connect to; its file goes away with it.
pub(super) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
}

/// Where the service of a network namespace listens.
#[must_use]
pub fn socket_path(namespace: &Namespace) -> PathBuf {
    namespace.directory().join("pfkey.sock")
}

/// Where it tells of its clients.
#[must_use]
pub fn clients_path(namespace: &Namespace) -> PathBuf {
    namespace.directory().join("clients.sock")
}

impl Listener {
    /// Listens at a path below the directory of a network namespace, for root alone. A file that a
    /// service left behind is replaced.
    pub(super) fn open(
        namespace: &Namespace,
        path: PathBuf,
        kind: SocketType,
    ) -> Result<Self, Error> {
        let failed = |doing| {
            let path = path.clone();
            move |source: io::Error| Error::Socket { path, doing, source }
        };
        namespace.make().map_err(failed("making its directory"))?;
        Self::listen(path, kind)
    }

    fn listen(path: PathBuf, kind: SocketType) -> Result<Self, Error> {
        let failed = |doing| {
            let path = path.clone();
            move |source: io::Error| Error::Socket { path, doing, source }
        };
        let address = SocketAddrUnix::new(&path).map_err(io::Error::from);
        let address = address.map_err(failed("naming the socket"))?;
        if is_served(&address, kind).map_err(failed("looking for another service"))? {
            return Err(Error::Running(path));
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replacing an old socket")(error));
            }
            _ => {}
        }
        let socket = socket(kind).map_err(failed("making a socket"))?;
        bind(&socket, &address).map_err(|errno| failed("binding the socket")(errno.into()))?;
        // Nobody can connect before it listens.
        let for_root = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, for_root).map_err(failed("protecting the socket"))?;
        listen(&socket, BACKLOG).map_err(|errno| failed("listening")(errno.into()))?;
        Ok(Self { socket, path })
    }

    /// The next program that waits to be let in; none: nobody does.
    pub(super) fn accept(&self) -> Result<Option<OwnedFd>, Errno> {
        match accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => Ok(Some(socket)),
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
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
        // Somebody may have cleared the directory.
        let _ = fs::remove_file(&self.path);
    }
}

fn socket(kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, kind, flags, None)?)
}

/// Whether somebody listens at an address.
fn is_served(address: &SocketAddrUnix, kind: SocketType) -> io::Result<bool> {
    match connect(&socket(kind)?, address) {
        // EAGAIN: so many wait that there is no room.
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: SocketType = SocketType::SEQPACKET;

    #[test]
    fn one_service_a_socket_and_its_file_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let listener = Listener::listen(path.clone(), KIND).unwrap();
        assert_eq!(listener.path(), path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Listener::listen(path.clone(), KIND), Err(Error::Running(_))));
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_service_left_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let left = socket(KIND).unwrap();
        bind(&left, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        drop(left);
        let listener = Listener::listen(path, KIND).unwrap();
        assert!(is_served(&SocketAddrUnix::new(listener.path()).unwrap(), KIND).unwrap());
    }
}
