//! Which process a client of ipsecd is, where numbers of processes are ambiguous.

use std::process::Command;

use scenarios::{Daemon, Host, Outcome, ipsecd};

/// Connects to the PF_KEY service, registers, and prints type and errno of what it receives.
const KNOCK: &str = "import os, socket, struct, sys
service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
service.connect(sys.argv[1])
try:
    service.send(struct.pack('=BBBBHHII', 2, 7, 0, 3, 2, 0, 1, os.getpid()))
except BrokenPipeError:
    pass  # It was rejected before: the reason is there to be read.
answer = service.recv(999)
print('type', answer[1], 'errno', answer[2])";

fn knock(host: &Host, command: &mut Command) -> String {
    let path = host.kept().join("pfkey.sock");
    Outcome::success(command.args(["python3", "-c", KNOCK]).arg(path))
}

/// A client has ended, and its number is that of a process with CAP_NET_ADMIN when the service looks at it.
#[test]
fn a_number_that_is_given_again() {
    let host = Host::new("host");
    let script =
        concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/pid_namespaces/number_given_again.py");
    let mut command = host.command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "python3", "-B", script]);
    let answer = Outcome::success(command.arg(ipsecd()));
    if answer == "no SO_PEERPIDFD\n" {
        return eprintln!("skipped: this kernel has {answer}");
    }
    assert_eq!(answer, "type 0 errno 1\n");
}

/// The kernel reports the number 0 for a process that is not in the PID namespace of the daemon.
#[test]
fn a_client_outside_of_the_namespace() {
    let host = Host::new("host");
    let daemon = Daemon::begin_by(&host, "unshare", "--pid --fork --kill-child --mount-proc");
    daemon.wait_for_news("READY=1");
    assert_eq!(knock(&host, &mut host.command("env")), "type 0 errno 1\n");
    daemon.wait_for_log(
        "client rejected pid=0 uid=0 program=\"\" reason=process of another PID namespace",
    );
    assert!(!daemon.log().contains("/proc is"), "{}", daemon.log());
}

/// /proc has other numbers than the kernel returns to the daemon: number 1 is the daemon, and init in /proc.
#[test]
fn a_proc_of_another_namespace() {
    let host = Host::new("host");
    let daemon = Daemon::begin_by(&host, "unshare", "--pid --fork --kill-child");
    daemon.wait_for_news("READY=1");
    daemon.wait_for_log("/proc is that of another PID namespace");
    let namespace = format!("--pid=/proc/{}/ns/pid_for_children", daemon.pid().as_raw_nonzero());
    let within = |words: &str| {
        let mut command = host.command("nsenter");
        knock(&host, command.args([&namespace, "--"]).args(words.split_whitespace()))
    };
    // It is number 2 or so: kthreadd or another process with all capabilities in /proc.
    assert_eq!(within("setpriv --bounding-set -net_admin"), "type 0 errno 1\n");
    assert_eq!(within("env"), "type 7 errno 0\n");
}
