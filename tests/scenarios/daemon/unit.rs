//! It works under the system calls, address families and limits that its units allow.

use std::{
    fs::{self, Permissions},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use rustix::{
    net::{AddressFamily, SocketAddrUnix, SocketType, accept, bind, listen, socket},
    process::Signal,
};
use scenarios::{Daemon, Host, Outcome, example, installed_ipsecd, setkey};
use tempfile::TempDir;

use super::{TUNNEL, add_sa, eventually, templates};

const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/systemd");

/// Where the process for user namespaces is reached.
const USER_NAMESPACES: &str = "/run/ipsecd-userns.sock";

/// Filters of `under_unit`, and the daemon's own.
const FILTERS: usize = 4 + 2;

/// Programs and units that the daemon's user may read.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().expect("a temporary directory"));
        fs::set_permissions(files.0.path(), Permissions::from_mode(0o755)).expect("its mode");
        files.copy(&example("under_unit"));
        for unit in ["ipsecd.service", "ipsecd-userns@.service"] {
            files.copy(&Path::new(UNITS).join(unit));
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn copy(&self, from: &Path) {
        let copy = self.path(&from.file_name().expect("a name").to_string_lossy());
        fs::copy(from, &copy).expect("a copy");
        fs::set_permissions(copy, Permissions::from_mode(0o755)).expect("its mode");
    }

    /// The words of a shell that become the daemon's user with one capability, under a unit.
    fn as_unit(&self, unit: &str, capability: &str) -> String {
        let sets = ["inh-caps", "ambient-caps", "bounding-set"]
            .map(|set| format!("--{set}=-all,+{capability}"))
            .join(" ");
        let [program, unit] = ["under_unit", unit].map(|name| self.path(name));
        format!(
            "setpriv --reuid=1 --regid=1 --clear-groups {sets} --no-new-privs {} {}",
            program.display(),
            unit.display()
        )
    }

    /// A shell script that executes its arguments and these options so.
    fn script(&self, options: &str) -> String {
        let script = self.path("start");
        let start = self.as_unit("ipsecd.service", "net_admin");
        // As the unit's Environment=.
        let line = format!("FDSTORE=512 exec {start} \"$@\" {options}\n");
        fs::write(&script, line).expect("a file");
        script.display().to_string()
    }

    /// ipsecd-userns.socket and its service.
    fn serve_user_namespaces(&self) -> JoinHandle<Child> {
        let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).expect("a socket");
        let address = SocketAddrUnix::new(USER_NAMESPACES).expect("an address");
        let _ = fs::remove_file(USER_NAMESPACES);
        bind(&listener, &address).expect("nothing else listens there");
        listen(&listener, 1).expect("it listens");
        fs::set_permissions(USER_NAMESPACES, Permissions::from_mode(0o666)).expect("its mode");
        let start = self.as_unit("ipsecd-userns@.service", "sys_ptrace");
        let line = format!("exec {start} {} --user-namespaces", installed_ipsecd().display());
        thread::spawn(move || {
            let connection: OwnedFd = accept(&listener).expect("the daemon connects");
            // No other daemon waits for an answer here.
            fs::remove_file(USER_NAMESPACES).expect("it is there");
            let mut sh = Command::new("sh");
            let sh = sh.args(["-c", &line]).stdin(Stdio::from(connection));
            sh.spawn().expect("it runs")
        })
    }
}

/// Requests of PF_KEY by the service.
fn pf_key(host: &Host, script: &str) -> Outcome {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(&file, script).expect("a script");
    Outcome::of(host.command(setkey()).args(["--pfkey", "-f"]).arg(file.path()))
}

fn works(host: &Host) {
    eventually("the policy is a part", || templates(host) == 0);
    host.ip(&add_sa());
    eventually("the policy is whole", || templates(host) == 1);
    let added = "add 192.0.2.3 192.0.2.4 esp 0x2000 -E null; dump;";
    let outcome = pf_key(host, added);
    assert!(outcome.stdout.contains("192.0.2.3 192.0.2.4"), "{outcome:?}");
    assert_eq!(pf_key(host, "flush;").status, 0);
}

#[test]
fn its_everyday_work_under_the_filter_of_its_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: systemd-analyze(1) is not there");
        return;
    }
    let (host, files) = (Host::new("host"), Files::new());
    // The directory becomes the daemon's, as RuntimeDirectory= has it. This daemon is killed, and its sockets stay.
    drop(Daemon::start(&host));
    let user_namespaces = files.serve_user_namespaces();
    let configuration = files.path("ipsecd.conf");
    fs::write(&configuration, "sockets user root bypass\n").expect("a file");
    let script = files.script(&format!("--config {}", configuration.display()));
    let daemon = Daemon::begin_by(&host, "sh", &script);
    daemon.wait_for_news("READY=1");
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid().as_raw_nonzero()));
    let status = status.expect("it is there");
    for line in [format!("Seccomp_filters:\t{FILTERS}\n"), "Uid:\t1\t1\t1\t1\n".into()] {
        assert!(status.contains(&line), "{line} in\n{status}");
    }
    host.load(&format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};"));
    works(&host);
    host.set("net.inet.ipsec.debug=1");
    for signal in [Signal::HUP, Signal::USR2] {
        daemon.forget_news();
        daemon.signal(signal);
        daemon.wait_for_news("READY=1");
        works(&host);
    }
    assert_eq!(daemon.log().matches("seccomp=in force").count(), 2, "{}", daemon.log());
    assert!(!daemon.log().contains(" WARN "), "{}", daemon.log());
    drop(daemon);
    let status = user_namespaces.join().expect("it was started").wait().expect("it ends");
    assert!(status.success(), "{status}");
}

/// Both the soft and the hard limit.
fn limit(daemon: &Daemon, name: &str) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid().as_raw_nonzero()));
    let limits = limits.expect("it is there");
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
    let mut values = line.split_whitespace().map(str::to_owned);
    (values.next().expect("a value"), values.next().expect("a value"))
}

/// A daemon that is started by hand has the limits of the unit, within those of its starter.
#[test]
fn its_limits_without_a_unit() {
    let host = Host::new("host");
    let words = "--nofile=1024:500000 --memlock=4096:100000000 --nproc=9999 --core=unlimited";
    let daemon = Daemon::begin_by(&host, "prlimit", words);
    daemon.wait_for_news("READY=1");
    let check = |expected: [(&str, &str); 4]| {
        for (name, value) in expected {
            assert_eq!(limit(&daemon, name), (value.into(), value.into()), "{name}");
        }
    };
    let expected = [
        ("Max core file size", "0"),
        ("Max open files", "65536"),
        ("Max locked memory", "67108864"),
        ("Max processes", "4096"),
    ];
    check(expected);
    daemon.wait_for_log("limits=files=65536 locked=67108864 tasks=4096");
    daemon.signal(Signal::USR2);
    daemon.wait_for_news("READY=1");
    check(expected);
    drop(daemon);
    let daemon = Daemon::begin_by(&host, "prlimit", "--nofile=2000 --memlock=65536 --nproc=300");
    daemon.wait_for_news("READY=1");
    daemon.wait_for_log("limits=files=2000 locked=65536 tasks=300");
}
