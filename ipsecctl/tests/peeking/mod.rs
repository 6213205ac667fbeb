//! A stand-in for the PF_KEY service that works as that does: it looks at a message, takes its time,
//! sends the message back, and takes it from its queue last.

use std::{path::PathBuf, process::Command, thread, time::Duration};

use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, accept, bind, listen,
        recv, send, socket,
    },
};

/// How long a message takes.
const WORK: Duration = Duration::from_millis(20);

/// What a message with this sequence number takes.
const LONG_WORK: (u32, Duration) = (1000, Duration::from_secs(2));

/// A message with this sequence number ends the connection.
const END: u32 = 2000;

/// Listens as long as the test program runs.
pub struct Peeking {
    directory: tempfile::TempDir,
}

impl Peeking {
    pub fn start() -> Self {
        let service = Self { directory: tempfile::tempdir().unwrap() };
        let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(service.socket()).unwrap()).unwrap();
        listen(&listener, 64).unwrap();
        thread::spawn(move || {
            while let Ok(connection) = accept(&listener) {
                thread::spawn(move || serve(&connection));
            }
        });
        service
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("pfkey.sock")
    }

    /// Has a command and all that it starts use this service.
    pub fn for_command<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("XFRM_TOOLS_PFKEY_SOCKET", self.socket()).env("XFRM_TOOLS_PFKEY", "service")
    }
}

fn serve(connection: &OwnedFd) {
    let mut message = vec![0; 1 << 20];
    while let Ok((length @ 16.., _)) = recv(connection, &mut *message, RecvFlags::PEEK) {
        let number = u32::from_ne_bytes(message[8..12].try_into().unwrap());
        if number == END {
            return;
        }
        thread::sleep(if number == LONG_WORK.0 { LONG_WORK.1 } else { WORK });
        let _ = send(connection, &message[..length], SendFlags::NOSIGNAL);
        recv(connection, &mut message[..16], RecvFlags::empty()).unwrap();
    }
}
