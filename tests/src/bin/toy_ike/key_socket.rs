//! The PF_KEY socket: questions with their answers, and what is said unasked.

use std::{
    collections::VecDeque,
    error::Error,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    process,
    time::Duration,
};

use pfkey::Message;
use pfkey::client::{PfKeySettings, SocketCall, SocketCaller};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, recv, send},
};

/// `PF_KEY_V2` (linux/pfkeyv2.h).
const PF_KEY_V2: i32 = 2;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct KeySocket {
    socket: OwnedFd,
    /// What came while an answer was awaited.
    unasked: VecDeque<Message>,
}

impl KeySocket {
    /// Opens a socket to the service that listens at this path, or to the kernel's AF_KEY.
    pub fn open(service: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let settings = match service {
            Some(path) => PfKeySettings::service_at(SocketAddrUnix::new(path)?),
            None => PfKeySettings::kernel(),
        };
        let kind = SocketType::RAW.as_raw() | SocketFlags::CLOEXEC.bits();
        let call = SocketCall::new(kind.cast_signed(), PF_KEY_V2)?;
        let socket = settings.open(call, SocketCaller::this_thread())?;
        Ok(Self { socket, unasked: VecDeque::new() })
    }

    /// The answer to a request with this number, or its refusal as an error.
    pub fn ask(&mut self, seq: u32, request: Message) -> Result<Message, Box<dyn Error>> {
        let request = request.numbered(seq, process::id());
        send(&self.socket, &request.encode()?, SendFlags::empty())?;
        loop {
            if !self.wait(PATIENCE)? {
                return Err(format!("no answer to message type {}", request.msg_type.0).into());
            }
            let Some(message) = self.receive()? else { continue };
            let number = |it: &Message| (it.msg_type, it.seq, it.pid);
            if number(&message) != number(&request) {
                self.unasked.push_back(message);
            } else if message.errno == 0 {
                return Ok(message);
            } else {
                let errno = io::Error::from_raw_os_error(message.errno.into());
                return Err(format!("message type {}: {errno}", request.msg_type.0).into());
            }
        }
    }

    /// The next message that answers nothing, if one has come: of the kernel, or of what others did.
    pub fn next_unasked(&mut self) -> Result<Option<Message>, Box<dyn Error>> {
        match self.unasked.pop_front() {
            None => self.receive(),
            message => Ok(message),
        }
    }

    /// The next message, if one has come.
    fn receive(&self) -> Result<Option<Message>, Box<dyn Error>> {
        let mut buffer = vec![0; 1 << 16];
        match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Err("the service has hung up".into()),
            Ok((_, length)) => {
                let message = Message::decode(&buffer[..length]);
                Ok(message.inspect_err(|error| eprintln!("toy_ike: passed over: {error}")).ok())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether something comes in this time.
    fn wait(&self, time: Duration) -> Result<bool, Box<dyn Error>> {
        let mut files = [PollFd::new(&self.socket, PollFlags::IN)];
        Ok(poll(&mut files, Some(&Timespec::try_from(time)?))? != 0)
    }
}

impl AsFd for KeySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
