use std::{
    fs::{self, Permissions},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
        socket_with,
    },
};

use crate::Error;

/// Programs that may wait to be let in.
const BACKLOG: i32 = 128;

/// The socket that programs connect to, whoever they are; its file goes away with it.
pub(crate) struct Listener {
    socket: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// Listens at a path, in whose directory anybody can look for it. A file that a service left
    /// behind is replaced.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |doing| {
            let path = path.to_owned();
            move |source: io::Error| Error::Socket { path, doing, source }
        };
        let directory = path.parent().unwrap_or(path);
        fs::create_dir_all(directory).map_err(failed("making its directory"))?;
        let set = |path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
        set(directory, 0o755).map_err(failed("opening its directory to everybody"))?;
        let address = SocketAddrUnix::new(path).map_err(io::Error::from);
        let address = address.map_err(failed("naming the socket"))?;
        if is_served(&address).map_err(failed("looking for another service"))? {
            return Err(Error::Running(path.to_owned()));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replacing an old socket")(error));
            }
            _ => {}
        }
        let socket = socket().map_err(failed("making a socket"))?;
        bind(&socket, &address).map_err(|errno| failed("binding the socket")(errno.into()))?;
        set(path, 0o666).map_err(failed("opening the socket to everybody"))?;
        listen(&socket, BACKLOG).map_err(|errno| failed("listening")(errno.into()))?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// The next program that waits to be let in; none: nobody does.
    pub(crate) fn accept(&self) -> Result<Option<OwnedFd>, Errno> {
        match accept_with(&self.socket, SocketFlags::CLOEXEC) {
            Ok(socket) => Ok(Some(socket)),
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Where it listens.
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
        // Somebody may have cleared the directory.
        let _ = fs::remove_file(&self.path);
    }
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Whether somebody listens at an address.
fn is_served(address: &SocketAddrUnix) -> io::Result<bool> {
    match connect(&socket()?, address) {
        // EAGAIN: so many wait that there is no room.
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
