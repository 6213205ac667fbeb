//! A stand-in for the PF_KEY service that sends every message back, programs that try it, and what is
//! true of them in whichever way they get PF_KEY sockets: by the library, by `ipsecctl run`.

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

/// A message is taken when it has been answered, as the service does it.
fn send_back(connection: &OwnedFd) {
    let mut message = vec![0; 1 << 16];
    while let Ok((length @ 1.., _)) = recv(connection, &mut *message, RecvFlags::PEEK) {
        if send(connection, &message[..length], SendFlags::empty()).is_err()
            || recv(connection, &mut *message, RecvFlags::empty()).is_err()
        {
            return;
        }
    }
}

/// Makes a command of a program and its arguments that gets PF_KEY sockets.
pub type Launcher = fn(&[&str]) -> Command;

/// Programs that find what they would with AF_KEY.
pub fn all_programs_are_served(launch: Launcher) {
    let programs = ["message", "flags", "nonblocking", "errnos", "children", "other_sockets"];
    if is_root() {
        for program in programs {
            let service = Service::start();
            python(service.for_command(&mut launch(&["python3"])), &format!("{program}.py"));
        }
    }
}

/// Without a service there is no PF_KEY, if only the service is to answer.
pub fn none_is_served_without_a_service(launch: Launcher) {
    if is_root() {
        let mut command = launch(&["python3"]);
        command.env("XFRM_TOOLS_PFKEY", "service").env("XFRM_TOOLS_PFKEY_SOCKET", "/nonexistent");
        python(&mut command, "no_service.py");
    }
}

/// Where no service listens or is to be used, the kernel answers as it does without the library.
pub fn the_kernel_answers_otherwise(launch: Launcher) {
    const ASK: &str = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n\
        print(libc.socket(15, 3, 2), ctypes.get_errno())";
    let service = Service::start();
    let ask = |command: &mut Command| output_of(&command.output().unwrap());
    let kernel = ask(Command::new("python3").args(["-c", ASK]));
    for (choice, socket) in [(None, Path::new("/nonexistent")), (Some("kernel"), &service.socket())]
    {
        let mut command = launch(&["python3", "-c", ASK]);
        command.env("XFRM_TOOLS_PFKEY_SOCKET", socket);
        command.envs(choice.map(|choice| ("XFRM_TOOLS_PFKEY", choice)));
        assert_eq!(ask(&mut command), kernel, "{choice:?}");
    }
}

/// Runs a Python program of `programs/`, which fails by itself.
pub fn python(command: &mut Command, program: &str) {
    let path = Path::new("crates/preload/tests/programs").join(program);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = above.map(|directory| directory.join(&path)).find(|path| path.exists()).unwrap();
    let output = command.arg("-B").arg(path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", output_of(&output));
}

/// Exit status and output of a command.
pub fn output_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// PF_KEY sockets need CAP_NET_ADMIN.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root has PF_KEY sockets");
    }
    root
}
