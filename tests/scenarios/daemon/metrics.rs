//! Metrics by HTTP, from a daemon that is confined.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use scenarios::{Daemon, Host, Outcome, openmetrics};
use tempfile::NamedTempFile;

use super::eventually;

/// A client of HTTP: an address, and a request line. It prints the answer.
const CLIENT: &str = "import socket, sys
address, request = sys.argv[1:]
if address.startswith('/'):
    s = socket.socket(socket.AF_UNIX)
    s.connect(address)
else:
    s = socket.create_connection((address, 9754))
s.sendall((request + ' HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n').encode())
answer = b''
while chunk := s.recv(65536):
    answer += chunk
sys.stdout.write(answer.decode())";

/// Clients that do no harm to others: 100 that send nothing, one that never ends its request, one that does not read
/// its answers. They stay until standard input ends.
const HOSTILE: &str = "import socket, sys, threading
def connect():
    return socket.create_connection(('127.0.0.1', 9754))
silent = [connect() for _ in range(100)]
def endless():
    while True:
        try:
            s = connect()
            while True:
                s.sendall(b'GET /metrics HTTP/1.1\\r\\nX: ' + b'x' * 4096)
        except OSError:
            pass
def unread():
    kept = []
    while True:
        try:
            s = connect()
            s.sendall(b'GET /metrics HTTP/1.1\\r\\n\\r\\n' * 100)
            kept.append(s)
        except OSError:
            kept = []
for work in endless, unread:
    threading.Thread(target=work, daemon=True).start()
print('ready', flush=True)
sys.stdin.read()";

/// A client that requests the metrics as often as it can, and reads nothing of its answers. It stays until standard input ends.
const UNREAD: &str = "import socket, sys, threading
def unread():
    kept = []
    while True:
        try:
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(('127.0.0.1', 9754))
            s.sendall(b'GET /metrics HTTP/1.1\\r\\n\\r\\n')
            kept = kept[-200:] + [s]
        except OSError:
            kept = []
threading.Thread(target=unread, daemon=True).start()
print('ready', flush=True)
sys.stdin.read()";

/// As a service manager: listens, and executes its arguments with the socket.
const MANAGER: &str = "import os, socket, sys
s = socket.create_server((sys.argv[1], 9754))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='metrics')
os.execv(sys.argv[2], sys.argv[2:])";

/// Receives events and reads none; prints a line when it has begun.
const LISTENER: &str = "import socket, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.bind((0, 0xf))
print('ready', flush=True)
sys.stdin.read()";

const USER: [&str; 4] = ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];

/// What a client without privileges gets.
fn ask(host: &Host, address: &str, request: &str) -> Outcome {
    let mut command = host.command("setpriv");
    Outcome::of(command.args(USER).args(["/usr/bin/python3", "-c", CLIENT, address, request]))
}

/// The metrics that such a client gets, which are OpenMetrics.
fn scrape(host: &Host, address: &str) -> String {
    let outcome = ask(host, address, "GET /metrics");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let (head, text) = outcome.stdout.split_once("\r\n\r\n").expect("an answer");
    for line in [
        "HTTP/1.1 200 OK\r\n",
        "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        &format!("\r\nContent-Length: {}\r\n", text.len()),
    ] {
        assert!(format!("{head}\r\n").contains(line), "{line} in {head}");
    }
    openmetrics::read(text).unwrap_or_else(|error| panic!("{error}"));
    text.to_owned()
}

/// A file that the daemon's user can read.
fn configuration(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("an own file");
    fs::write(&file, text).expect("it is written");
    file
}

fn configured(host: &Host, file: &NamedTempFile) -> Daemon {
    let daemon = Daemon::configured(host, file.path());
    daemon.wait_for_news("READY=1");
    daemon
}

/// A program that has printed a line, and stays until it is killed.
fn started(host: &Host, before: &[&str], script: &str) -> Child {
    let mut command = host.command(before.first().unwrap_or(&"python3"));
    command.args(before.get(1..).unwrap_or_default()).args(["-c", script]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("it is piped"))
        .read_line(&mut line)
        .expect("a line");
    assert_eq!(line, "ready\n");
    child
}

#[test]
fn they_are_those_of_ipsecctl() {
    let host = Host::new("host");
    host.load("add 192.0.2.1 192.0.2.2 esp 0x1001 -u 7 -E null;");
    let file = configuration("metrics 127.0.0.1:9754\n");
    let daemon = configured(&host, &file);
    let text = scrape(&host, "127.0.0.1");
    assert!(text.contains("xfrm_sa_count{peer=\"192.0.2.1\",direction=\"in\"} 1\n"), "{text}");
    // A process that has just ended may still be a listener.
    eventually("they are the same", || {
        scrape(&host, "127.0.0.1") == host.ipsecctl("metrics").stdout
    });
    for (request, line) in [("GET /", "404"), ("POST /metrics", "405"), ("nonsense", "400")] {
        let answer = ask(&host, "127.0.0.1", request).stdout;
        assert!(answer.starts_with(&format!("HTTP/1.1 {line} ")), "{request}: {answer}");
    }

    // The series follow the configuration, and the socket lasts over the next program, which can make none.
    fs::write(&file, "metrics 127.0.0.1:9754\nmetrics by reqid\n").expect("it is written");
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("READY=1");
    assert!(scrape(&host, "127.0.0.1").contains("xfrm_sa_count{reqid=\"7\"} 1\n"));
    for _ in 0..3 {
        daemon.signal(Signal::USR2);
        daemon.wait_for_news("READY=1");
        assert_eq!(scrape(&host, "127.0.0.1"), host.ipsecctl("metrics --by reqid").stdout);
    }
    fs::write(&file, "").expect("it is written");
    daemon.signal(Signal::USR2);
    daemon.wait_for_news("READY=1");
    assert_ne!(ask(&host, "127.0.0.1", "GET /metrics").status, 0, "it is off");
}

#[test]
fn a_socket_for_root() {
    let host = Host::new("host");
    let file = configuration("metrics unix\n");
    let mut daemon = configured(&host, &file);
    let path = host.kept().join("metrics.sock");
    let address = path.to_str().expect("a path");
    let refused = ask(&host, address, "GET /metrics");
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
    let as_root = || {
        let mut command = host.command("python3");
        Outcome::success(command.args(["-c", CLIENT, address, "GET /metrics"]))
    };
    assert!(as_root().ends_with("\n# EOF\n"));
    daemon.signal(Signal::USR2);
    daemon.wait_for_news("READY=1");
    assert!(as_root().ends_with("\n# EOF\n"));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert!(!path.exists(), "it is left behind");
}

/// Each client is answered at once, and the others take a bounded number of descriptors.
#[test]
fn clients_that_are_slow_or_endless() {
    let host = Host::new("host");
    let file = configuration("metrics 127.0.0.1:9754\n");
    let daemon = configured(&host, &file);
    let descriptors = || {
        let path = format!("/proc/{}/fd", daemon.pid().as_raw_nonzero());
        fs::read_dir(path).expect("it is there").count()
    };
    let before = descriptors();
    scrape(&host, "127.0.0.1");
    let user = ["setpriv", USER[0], USER[1], USER[2], USER[3], "/usr/bin/python3"];
    let mut hostile = started(&host, &user, HOSTILE);
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let begun = Instant::now();
        scrape(&host, "127.0.0.1");
        longest = longest.max(begun.elapsed());
        assert!(descriptors() <= before + 40, "{} descriptors", descriptors());
    }
    println!(
        "a scrape among hostile clients takes {longest:?} at most, with the start of its client"
    );
    assert!(longest < Duration::from_secs(5));
    // The main loop is not kept from its work.
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("READY=1");
    hostile.kill().expect("it runs");
    hostile.wait().expect("it ends");
    eventually("their connections are closed", || descriptors() <= before + 1);
    scrape(&host, "127.0.0.1");
}

/// An answer that is longer than the buffers of its connection is sent to its end, however many connections another user
/// makes whose answers are not read.
#[test]
fn a_long_answer_among_clients_that_do_not_read() {
    const SAS: usize = 6_000;
    let host = Host::new("host");
    let sa = |n: usize| format!("add 192.0.2.1 192.0.2.2 esp {} -E null;\n", 0x1000 + n);
    host.load(&(0..SAS).map(sa).collect::<String>());
    let daemon = configured(&host, &configuration("metrics 127.0.0.1:9754\nmetrics by sa\n"));
    let length = scrape(&host, "127.0.0.1").len();
    let user = ["setpriv", "--reuid=1000", "--regid=1000", USER[2], USER[3], "/usr/bin/python3"];
    let mut hostile = started(&host, &user, UNREAD);
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let begun = Instant::now();
        assert!(scrape(&host, "127.0.0.1").len() > length / 2);
        longest = longest.max(begun.elapsed());
    }
    println!("a scrape of {length} bytes among clients that do not read takes {longest:?} at most");
    hostile.kill().expect("it runs");
    hostile.wait().expect("it ends");
    drop(daemon);
}

#[test]
fn a_socket_of_the_service_manager() {
    let script = NamedTempFile::new().expect("a temporary file");
    fs::write(&script, MANAGER).expect("it is written");
    let begin = |host: &Host, address: &str| {
        let words = format!("{} {address}", script.path().display());
        let daemon = Daemon::begin_by(host, "python3", &words);
        daemon.wait_for_news("READY=1");
        daemon
    };
    let host = Host::new("host");
    let daemon = begin(&host, "127.0.0.1");
    scrape(&host, "127.0.0.1");
    daemon.signal(Signal::USR2);
    daemon.wait_for_news("READY=1");
    scrape(&host, "127.0.0.1");

    // The daemon does its work without metrics.
    let open = Host::new("open");
    let daemon = begin(&open, "0.0.0.0");
    let reason = "service not started service=\"metrics\" error=metrics at 0.0.0.0:9754: metrics are served without";
    assert!(daemon.log().contains(reason), "{}", daemon.log());
    assert_ne!(ask(&open, "127.0.0.1", "GET /metrics").status, 0);
}

#[test]
fn a_port_that_is_in_use() {
    let host = Host::new("host");
    let other = "import socket, sys\ns = socket.create_server(('127.0.0.1', 9754))\nprint('ready', flush=True)\nsys.stdin.read()";
    let mut other = started(&host, &[], other);
    let daemon = configured(&host, &configuration("metrics 127.0.0.1:9754\n"));
    let reason = "error=metrics at 127.0.0.1:9754: Address already in use";
    assert!(daemon.log().contains(reason), "{}", daemon.log());
    other.kill().expect("it runs");
    other.wait().expect("it ends");
}

/// The events that a program has not read in time are counted.
#[test]
fn events_that_are_lost() {
    let host = Host::new("host");
    let lost = || {
        let families = openmetrics::read(&host.ipsecctl("metrics").stdout).expect("OpenMetrics");
        ["xfrm_event_listeners", "xfrm_lost_events"].map(|name| families[name].samples[0].1)
    };
    assert_eq!(lost(), [0, 0]);
    let mut listener = started(&host, &[], LISTENER);
    assert_eq!(lost(), [1, 0]);
    for spi in 0x1000..0x1040 {
        host.load(&format!("add 192.0.2.1 192.0.2.2 esp {spi} -E null;"));
    }
    let [listeners, events] = lost();
    assert!(listeners == 1 && events > 10, "{events} events");
    listener.kill().expect("it runs");
    listener.wait().expect("it ends");
    assert_eq!(lost(), [0, 0]);
}
