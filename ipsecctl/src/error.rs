//! What can go wrong, in words and as an exit status.

use std::{ffi::OsString, io, path::PathBuf, process::ExitCode};

use model::Direction;
use rustix::io::Errno;
use sockpolicy::ServiceRefusal;

/// Why a subcommand gave up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The supervisor was not started.
    #[error("cannot start the supervisor: {0}")]
    Supervisor(io::Error),
    /// A process has one supervisor of its system calls (seccomp(2), EBUSY).
    #[error(
        "another supervisor has the system calls of this process already: \
         `ipsecctl {subcommand}` does not nest"
    )]
    Nested {
        /// The subcommand that was to start one.
        subcommand: &'static str,
    },
    /// The kernel or an outer filter does not allow a supervisor of system calls.
    #[error("cannot answer system calls: {0} (seccomp user notification is in Linux 5.9)")]
    Filter(io::Error),
    /// Something about the policies, or a variable that selects who sets them.
    #[error(transparent)]
    Policy(#[from] sockpolicy::Error),
    /// What this process may not do, and ipsecd does not do for it.
    #[error(
        "the policy for direction {} takes CAP_NET_ADMIN in the socket's network namespace; \
         {refusal}", direction.word()
    )]
    Unprivileged {
        /// Of the policy that was asked for.
        direction: Direction,
        /// Why ipsecd does not set it.
        refusal: ServiceRefusal,
    },
    /// A policy that cannot be.
    #[error(transparent)]
    Model(model::Error),
    /// A policy that PF_KEY, which ipsecd is asked in, has no words for, or a variable of PF_KEY sockets.
    #[error(transparent)]
    PfKey(#[from] pfkey::Error),
    /// SAD, SPD or variables cannot be read.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The kernel's drop monitor cannot be read on, or not be stopped.
    #[error(transparent)]
    DropMonitor(#[from] drop_monitor::Error),
    /// There is no such process.
    #[error("there is no process {0}")]
    NoProcess(i32),
    /// There is no such descriptor.
    #[error("process {pid} has no descriptor {fd}: `ls -l /proc/{pid}/fd` shows those it has")]
    NoDescriptor {
        /// The process.
        pid: i32,
        /// The number of the descriptor.
        fd: i32,
    },
    /// The process is another user's (ptrace(2), PTRACE_MODE_ATTACH_REALCREDS).
    #[error("cannot read the descriptors of process {pid}: CAP_SYS_PTRACE is missing")]
    NotYours {
        /// The process.
        pid: i32,
    },
    /// The descriptor cannot be had.
    #[error("descriptor {fd} of process {pid}: {error} (pidfd_getfd is in Linux 5.6)")]
    Descriptor {
        /// The process.
        pid: i32,
        /// The number of the descriptor.
        fd: i32,
        /// The error of the system call.
        error: io::Error,
    },
    /// Another network namespace.
    #[error("the socket's network namespace cannot be entered: {0}")]
    Namespace(io::Error),
    /// /proc is not there.
    #[error("processes cannot be looked up: /proc: {0}")]
    Processes(io::Error),
    /// /proc has other processes by the same numbers.
    #[error(
        "/proc is that of another PID namespace: `mount -t proc proc /proc` mounts that of this one"
    )]
    ForeignProc,
    /// No PF_KEY service listens here.
    #[error("no PF_KEY service in this network namespace ({}): `ipsecd` is one", path.display())]
    NoService {
        /// The socket at which it would report its clients.
        path: PathBuf,
    },
    /// The service does not report its clients.
    #[error("{}: {error}", path.display())]
    Clients {
        /// The socket at which it does.
        path: PathBuf,
        /// The error of the system call.
        error: io::Error,
    },
    /// A file of earlier counters has something else.
    #[error("{}: {error}", path.display())]
    Counters {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: model::MalformedCounter,
    },
    /// A statement in the place of a file. It is not shown: it may contain a key.
    #[error("a statement is no file: write it to one, or to standard input and say -")]
    Statement,
    /// A file of the command line cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system call.
        error: io::Error,
    },
    /// The command line contains a word that is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read on.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The file, as messages name it.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A file that is to be a script has what `import` reads.
    #[error("{name} is no script: `ipsecctl import` makes one of it")]
    NoScript {
        /// The file, as messages name it.
        name: String,
    },
    /// A file has neither JSON nor what `ip xfrm` prints.
    #[error("{name} has neither JSON nor what `ip xfrm` prints")]
    NotImported {
        /// The file, as messages name it.
        name: String,
    },
    /// JSON, or what `ip xfrm` has printed, is wrong.
    #[error("{place}")]
    Imported {
        /// The file, the place in it, and what is expected there.
        place: String,
    },
    /// A file has entries that no statement adds.
    #[error(
        "{name}: no statement describes {comments} of its entries: `ipsecctl import` names them"
    )]
    NoState {
        /// The file, as messages name it.
        name: String,
        /// How many.
        comments: usize,
    },
    /// Files have mistakes, which were reported.
    #[error("the files have {mistakes} mistake{}", plural(*.mistakes))]
    Mistakes {
        /// How many were reported.
        mistakes: usize,
    },
    /// The addresses, devices or routes of the host cannot be read.
    #[error("the addresses and routes of this host cannot be read: {0}")]
    Interfaces(io::Error),
    /// Other network namespaces, or their numbers, cannot be read.
    #[error("network namespaces cannot be read: {}", sys::errno_text(*.0))]
    Namespaces(Errno),
    /// The names of network namespaces cannot be read.
    #[error("/run/netns cannot be read: {}", sys::without_number(.0.to_string()))]
    NamesOfNamespaces(io::Error),
    /// Packets and events cannot be received any more.
    #[error("packets cannot be captured: {0}")]
    Capturing(io::Error),
    /// A packet that was captured cannot be read.
    #[error("--from: {0}")]
    Capture(#[from] explain::CaptureError),
    /// The file of a captured packet cannot be read, and its name is no packet in hexadecimal digits.
    #[error("--from {}: {error}", path.display())]
    CaptureFile {
        /// The file.
        path: PathBuf,
        /// The error of the system call.
        error: io::Error,
    },
    /// A packet of which too little was given.
    #[error("the addresses of the packet are missing: give SRC and DST, or --from")]
    NoPacket,
    /// The process that would undo changes was not started.
    #[error("cannot start the process that undoes the changes: {0}")]
    Watcher(io::Error),
    /// Another `apply` waits for its confirmation.
    #[error(
        "another `ipsecctl apply --confirm` runs in this network namespace: nothing was changed"
    )]
    AlreadyWaiting,
    /// No `apply` waits for a confirmation.
    #[error("no `ipsecctl apply --confirm` waits in this network namespace")]
    NoneWaiting,
    /// Keys would be printed on a terminal.
    #[error("standard output is a terminal, and this prints keys: use -o FILE, or a pipe")]
    Terminal,
    /// Keys are not for a terminal.
    #[error("standard output is a terminal, and keys are not printed there: give a file")]
    KeysOnTerminal,
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// The program was not executed.
    #[error("cannot run `{}`: {error}", program.display())]
    Program {
        /// As it was given.
        program: OsString,
        /// What exec said.
        error: io::Error,
    },
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl From<metrics::Error> for Error {
    fn from(error: metrics::Error) -> Self {
        match error {
            metrics::Error::Engine(error) => Self::Engine(error),
            metrics::Error::Output(error) => Self::Output(error),
        }
    }
}

impl Error {
    /// A file that cannot be read on.
    pub fn unreadable(name: &str, error: &io::Error) -> Self {
        Self::Read { name: name.to_owned(), reason: error.to_string() }
    }

    /// The errno of a system call that fails for this reason.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Policy(error) => error.errno(),
            Self::Unprivileged { refusal, .. } => refusal.errno(),
            Self::Engine(error) => error.errno(),
            Self::PfKey(error) => error.errno(),
            Self::Model(error) => error.errno(),
            _ => Errno::IO,
        }
    }

    /// The exit status of `run` and `exec`: those of env(1).
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Program { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Self::Program { .. } => 126,
            _ => 125,
        })
    }
}
