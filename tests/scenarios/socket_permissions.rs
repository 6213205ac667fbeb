//! Policies for the sockets of programs that have no privilege: ipsecd sets them as its configuration
//! permits.

mod actions;
mod strangers;
mod units;

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use scenarios::{
    Daemon, ESP_BOTH_DIRECTIONS, Host, Outcome, Pair, Program, Wire, echo, ipsecctl, preload,
    protocol::{ESP, UDP},
};
use tempfile::TempDir;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
const UDP_V4: &str = "AF_INET SOCK_DGRAM 192.0.2.2 7";

/// Two hosts with SAs; on the second one sends back what it gets, if it comes by ESP.
struct Hosts {
    a: Host,
    wire: Wire,
    _server: Program,
    _b: Host,
    /// Files that anybody may read.
    files: TempDir,
}

impl Hosts {
    fn new() -> Self {
        let files = TempDir::new().expect("a temporary directory");
        for (file, mode) in [
            (ipsecctl().to_owned(), 0o755),
            (preload(), 0o644),
            (Path::new(SCRIPTS).join("socket_policies/echo.py"), 0o644),
            (Path::new(SCRIPTS).join("socket_permissions/ask.py"), 0o644),
        ] {
            let copy = files.path().join(file.file_name().expect("a file"));
            fs::copy(file, &copy).expect("a copy");
            open(&copy, mode);
        }
        open(files.path(), 0o755);
        let pair = Pair::new();
        let server = pair.serve(ESP_BOTH_DIRECTIONS, UDP_V4);
        let Pair { a, b, wire } = pair;
        Self { a, wire, _server: server, _b: b, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A command of user and group 1000, without privilege.
    fn unprivileged(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.a.command("setpriv");
        command.args(["--reuid=1000", "--regid=1000", "--clear-groups"]);
        command.args(["--inh-caps=-all", "--bounding-set=-all"]).arg(program);
        command
    }

    /// `ipsecctl exec` with a client, by an unprivileged user.
    fn exec(&self, policies: &[&str]) -> Outcome {
        Outcome::of(self.with_client(&mut self.unprivileged(self.file("ipsecctl")), policies))
    }

    /// The words behind `ipsecctl` that run a client.
    fn with_client<'a>(&self, command: &'a mut Command, policies: &[&str]) -> &'a mut Command {
        command.arg("exec").args(policies.iter().map(|policy| format!("--policy={policy}")));
        command.args(["--", "/usr/bin/python3", "-B"]).arg(self.file("echo.py"));
        command.arg("ask").args(UDP_V4.split(' '))
    }

    /// A program that uses IP_IPSEC_POLICY.
    fn preloaded(&self, command: &mut Command) -> Outcome {
        command.env("LD_PRELOAD", self.file("libpfkey_preload.so"));
        Outcome::of(command.arg("-B").arg(self.file("ask.py")).args(["192.0.2.2", "7"]))
    }

    fn serve(&self, configuration: &str) -> Daemon {
        let file = self.file("ipsecd.conf");
        fs::write(&file, configuration).expect("a configuration");
        let daemon = Daemon::configured(&self.a, &file);
        daemon.wait_for_news("READY=1");
        daemon
    }
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// The first line of the log with these words.
fn audit(daemon: &Daemon, words: &str) -> String {
    daemon.wait_for_log(words);
    let log = daemon.log();
    log.lines().find(|line| line.contains(words)).expect("a line").to_owned()
}

/// A line is enough, and SIGHUP. A line that is wrong is named, and permits nothing any more; the others
/// are used.
#[test]
fn the_configuration_is_read_again() {
    let hosts = Hosts::new();
    let daemon = hosts.serve("# none\n");
    let reload = |configuration: &str| {
        fs::write(hosts.file("ipsecd.conf"), configuration).expect("a configuration");
        daemon.signal(Signal::HUP);
        daemon.wait_for_news("READY=1");
    };
    let is_permitted = || match hosts.exec(ESP_BOTH_DIRECTIONS).status {
        0 => true,
        status => {
            assert_eq!(status, 125);
            false
        }
    };
    assert!(!is_permitted());
    reload("sockets user 1000 ipsec\n");
    assert!(is_permitted());
    reload("\nsockets user 1000 ipsec everything\n");
    let error = audit(&daemon, "configuration line not used");
    assert!(error.contains("ipsecd.conf: line 2: `everything` is not a permission"), "{error}");
    assert!(!is_permitted());
    reload("sockets user 1 everything\nsockets user 1000 ipsec\n");
    assert!(is_permitted());
    reload("# none\n");
    assert!(!is_permitted());
}

#[test]
fn exec_asks_ipsecd() {
    let hosts = Hosts::new();
    let refused = hosts.exec(ESP_BOTH_DIRECTIONS);
    let takes = "ipsecctl: the policy for direction in takes CAP_NET_ADMIN in the socket's network \
        namespace; ";
    assert_eq!(
        (refused.status, refused.stderr.as_str()),
        (125, format!("{takes}ipsecd is not there to do it\n").as_str())
    );
    {
        let daemon = hosts.serve("# none\n");
        let refused = hosts.exec(ESP_BOTH_DIRECTIONS);
        let reason = "no line of ipsecd.conf is for user 1000, group 1000";
        assert_eq!(refused.status, 125);
        assert!(refused.stderr.starts_with(&format!("{takes}ipsecd: {reason}")), "{refused:?}");
        let audit = audit(&daemon, "client rejected");
        for part in ["uid=1000", reason] {
            assert!(audit.contains(part), "{audit}");
        }
    }
    let daemon = hosts.serve("sockets user 1000 ipsec\n");
    let result = hosts.exec(ESP_BOTH_DIRECTIONS);
    assert_eq!(result.status, 0, "{result:?}");
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
    let audit = audit(&daemon, "socket policy set");
    for part in ["uid=1000", r#"policy="in ipsec esp/transport//require""#] {
        assert!(audit.contains(part), "{audit}");
    }
    let refused = hosts.exec(&["out bypass"]);
    assert!(refused.stderr.contains("permits `bypass` to user 1000"), "{refused:?}");
}

#[test]
fn the_option_of_af_key_is_taken_without_it() {
    let hosts = Hosts::new();
    // Who may, does it.
    let outcome = hosts.preloaded(&mut hosts.a.command("/usr/bin/python3"));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
    let refused = hosts.preloaded(&mut hosts.unprivileged("/usr/bin/python3"));
    assert!(refused.stderr.contains("Operation not permitted"), "{refused:?}");
    let daemon = hosts.serve("sockets group 1000 ipsec # and nothing else\n");
    let outcome = hosts.preloaded(&mut hosts.unprivileged("/usr/bin/python3"));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
    assert!(
        audit(&daemon, "socket policy set")
            .contains(r#"policy="out ipsec esp/transport//require""#)
    );
    // Without policies the server does not receive it.
    assert_ne!(Outcome::of(&mut echo(&hosts.a, &[], &format!("ask {UDP_V4}"))).status, 0);
    assert_eq!(hosts.wire.packets(1)[0].protocols, [UDP]);
}

/// A network namespace gets the number of a former one, whose directory was closed to other users.
#[test]
fn a_directory_that_was_left_is_open_to_all() {
    let hosts = Hosts::new();
    let left = hosts.a.kept();
    fs::create_dir_all(&left).expect("a directory");
    open(&left, 0o700);
    let _daemon = hosts.serve("sockets user 1000 ipsec\n");
    let outcome = hosts.exec(ESP_BOTH_DIRECTIONS);
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

/// A socket of another network namespace is refused by the service, whichever process sends it.
#[test]
fn a_service_serves_its_own_namespace() {
    let hosts = Hosts::new();
    let elsewhere = Host::new("c");
    let daemon = hosts.serve("sockets user 1000 bypass\n");
    let path = Outcome::success(
        hosts
            .a
            .command("sh")
            .args(["-c", "echo /run/xfrm-tools/$(stat -Lc %i /proc/self/ns/net)/socket.sock"]),
    );
    // in bypass (linux/pfkeyv2.h).
    let ask = "import socket, struct, sys; s = socket.socket(2, 2)\n\
        s.setsockopt(0, 16, struct.pack('=HHHBBII', 2, 18, 4, 1, 0, 0, 0))";
    let ask = |host: &Host| {
        let mut command = host.command("setpriv");
        command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "/usr/bin/python3"]);
        command.env("LD_PRELOAD", hosts.file("libpfkey_preload.so"));
        command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
        command.env("XFRM_TOOLS_SOCKET_SERVICE", path.trim());
        Outcome::of(command.args(["-c", ask])).status
    };
    assert_eq!(ask(&hosts.a), 0);
    audit(&daemon, "socket policy set");
    assert_ne!(ask(&elsewhere), 0);
    audit(&daemon, "of another network namespace");
}
