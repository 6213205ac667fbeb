//! What comes from programs that wish ipsecd ill, or that have no right to anything, and what long use
//! makes of it.

mod killed;
mod messages;
mod soak;
mod unprivileged;

use std::{
    fs::{self, Permissions},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use pfkey::MessageType;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use scenarios::{
    Daemon, Host, Outcome,
    pfkey::{Side, ask, receive},
    preload,
};
use tempfile::TempDir;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/hostile");

/// How much the memory of ipsecd may grow, KiB.
const FLAT: u64 = 2 << 10;

/// Longer than anything takes: what is not done by then will not be.
const NEVER: Duration = Duration::from_secs(30);

/// A host with an ipsecd that lets user 1000 protect its sockets.
struct Served {
    host: Host,
    daemon: Daemon,
    files: TempDir,
}

impl Served {
    fn new() -> Self {
        let host = Host::new("served");
        let files = TempDir::new().expect("a temporary directory");
        open_to_all(files.path(), 0o755);
        let file = |name: &str| files.path().join(name);
        fs::write(file("ipsecd.conf"), "sockets user 1000 ipsec\n").expect("a configuration");
        fs::copy(preload(), file("preload.so")).expect("the library");
        for name in ["attack.py", "protect.py"] {
            fs::copy(Path::new(SCRIPTS).join(name), file(name)).expect("a script");
            open_to_all(&file(name), 0o644);
        }
        open_to_all(&file("preload.so"), 0o755);
        let daemon = Daemon::configured(&host, &file("ipsecd.conf"));
        daemon.wait_for_news("READY=1");
        Self { host, daemon, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Connects clients to the PF_KEY service.
    fn side(&self) -> Side {
        Side::service(Host::new("clients"), &self.host.kept().join("pfkey.sock"))
    }

    /// A script run by a user without privileges.
    fn unprivileged(&self, user: u32, script: &str) -> Command {
        let mut command = self.host.command("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}")]);
        command.args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        command.args(["/usr/bin/python3", "-B"]).arg(self.file(script));
        command
    }

    /// User 1000 protects a socket.
    fn protect(&self) -> Outcome {
        let mut command = self.unprivileged(1000, "protect.py");
        Outcome::of(command.env("LD_PRELOAD", self.file("preload.so")))
    }

    /// Both services answer, and so do the commands.
    fn answers(&self) {
        for words in ["-D", "-DP"] {
            assert_eq!(self.host.setkey(words).status, 0, "setkey {words}");
        }
        let clients = self.host.ipsecctl("show clients");
        assert_eq!((clients.status, clients.stderr.as_str()), (0, ""));
        let protected = self.protect();
        assert_eq!(protected.status, 0, "{protected:?}\n{}", self.daemon.log());
        answer_time(&patient(self.side().open()));
    }
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// A socket that fails instead of waiting for ever.
fn patient(socket: OwnedFd) -> OwnedFd {
    for which in [Timeout::Send, Timeout::Recv] {
        set_socket_timeout(&socket, which, Some(NEVER)).expect("a timeout");
    }
    socket
}

/// How long the answer to a small request takes.
fn answer_time(socket: &OwnedFd) -> Duration {
    let begin = Instant::now();
    ask(socket, "get esp sa:spi=1 src:192.0.2.1 dst:192.0.2.2", 1);
    while receive(socket).msg_type != MessageType::GET {}
    begin.elapsed()
}
