//! A stand-in for the PF_KEY service that sends every message back, and programs that try it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, accept, bind, listen,
        recv, send, socket,
    },
};

/// Listens as long as the test program runs.
pub struct Service {
    directory: tempfile::TempDir,
}

impl Service {
    pub fn start() -> Self {
        let service = Self { directory: tempfile::tempdir().unwrap() };
        let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(service.socket()).unwrap()).unwrap();
        listen(&listener, 8).unwrap();
        thread::spawn(move || {
            while let Ok(connection) = accept(&listener) {
                thread::spawn(move || send_back(&connection));
            }
        });
        service
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("pfkey.sock")
    }

    /// Has a command and all that it starts use this service.
    pub fn for_command<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("XFRM_TOOLS_PFKEY_SOCKET", self.socket()).env("XFRM_TOOLS_PFKEY", "service")
    }
}

fn send_back(connection: &OwnedFd) {
    let mut message = vec![0; 1 << 16];
    while let Ok((length @ 1.., _)) = recv(connection, &mut *message, RecvFlags::empty()) {
        if send(connection, &message[..length], SendFlags::empty()).is_err() {
            return;
        }
    }
}

/// Runs a Python program of `programs/`, which fails by itself.
pub fn python(command: &mut Command, program: &str) {
    let path = Path::new("crates/preload/tests/programs").join(program);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = above.map(|directory| directory.join(&path)).find(|path| path.exists()).unwrap();
    let output = command.arg("-B").arg(path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", said(&output));
}

/// What a command said.
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Without CAP_NET_ADMIN nobody gets a PF_KEY socket.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root has PF_KEY sockets");
    }
    root
}
