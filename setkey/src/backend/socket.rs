//! A PF_KEY socket: of the service in the place of AF_KEY, or of the kernel.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    time::Duration,
};

use pfkey::{
    LONGEST_MESSAGE, Message, VERSION,
    client::{PfKeySettings, SocketCall, SocketCaller},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
    net::{
        RecvFlags, SocketAddrUnix, SocketFlags, SocketType, recv,
        sockopt::set_socket_recv_buffer_size,
    },
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    error::{Error, THE_KERNEL},
    options::PfKeySource,
};

/// Bytes that may wait to be read: beyond them AF_KEY drops notifications.
const RECEIVE_BUFFER: usize = 2 << 20;

/// An open PF_KEY socket.
pub struct PfKeySocket {
    descriptor: OwnedFd,
    /// What errors call it.
    name: String,
    buffer: Zeroizing<Vec<u8>>,
}

impl PfKeySocket {
    /// Opens one.
    pub fn open(source: &PfKeySource) -> Result<Self, Error> {
        let (name, settings) = match source {
            PfKeySource::Namespace => {
                ("PF_KEY".into(), PfKeySettings::from_environment().map_err(Error::Settings)?)
            }
            PfKeySource::Kernel => (THE_KERNEL.into(), PfKeySettings::kernel()),
            PfKeySource::Service(path) => (path.display().to_string(), service_at(path)?),
        };
        let failed = |errno| Error::NoPfKey { name: name.clone(), errno };
        let raw = SocketType::RAW.as_raw() | SocketFlags::CLOEXEC.bits();
        let call = SocketCall::new(raw.cast_signed(), VERSION.into()).map_err(failed)?;
        let socket = settings.open(call, SocketCaller::this_thread()).map_err(failed)?;
        // A smaller one does as well, as long as little happens.
        let _ = set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
        let buffer = Zeroizing::new(vec![0; LONGEST_MESSAGE]);
        Ok(Self { descriptor: socket, name, buffer })
    }

    /// Sends a message, and waits until it was carried out.
    pub fn send(&self, message: &Message) -> Result<(), Error> {
        let bytes = message.encode()?;
        match pfkey::client::send(&self.descriptor, &bytes) {
            // A service that closes the connection has sent the reason before.
            Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Hands the next message's bytes to `take`, and wipes them: they may be keys. Without a
    /// message, waits for `patience`, or for ever.
    pub fn receive<T>(
        &mut self,
        patience: Option<Duration>,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error> {
        self.wait(patience)?;
        let buffer = &mut self.buffer[..];
        let received = retry_on_intr(|| recv(&self.descriptor, &mut *buffer, RecvFlags::empty()));
        let (_, length) = received.map_err(|errno| self.failed(errno))?;
        if length == 0 {
            return Err(self.failed(Errno::CONNRESET));
        }
        let bytes = &mut self.buffer[..length];
        let taken = take(bytes);
        bytes.zeroize();
        Ok(taken)
    }

    fn wait(&self, patience: Option<Duration>) -> Result<(), Error> {
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let mut files = [PollFd::from_borrowed_fd(self.descriptor.as_fd(), PollFlags::IN)];
        let ready = retry_on_intr(|| poll(&mut files, timeout.as_ref()));
        match ready.map_err(|errno| self.failed(errno))? {
            0 => Err(self.failed(Errno::TIMEDOUT)),
            _ => Ok(()),
        }
    }

    /// The error of a conversation that cannot go on.
    pub fn failed(&self, errno: Errno) -> Error {
        Error::PfKey { name: self.name.clone(), errno }
    }
}

fn service_at(path: &PathBuf) -> Result<PfKeySettings, Error> {
    let address = SocketAddrUnix::new(path);
    address
        .map(PfKeySettings::service_at)
        .map_err(|errno| Error::NoPfKey { name: path.display().to_string(), errno })
}
