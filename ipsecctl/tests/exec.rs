//! `ipsecctl exec` and `ipsecctl socket` as far as they need no packets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::Path,
    process::{Command, Output},
};

use rustix::process::geteuid;

const BYPASS: [&str; 2] = ["--policy=out bypass", "--policy=in bypass"];

/// Runs `ipsecctl` with these words in a network namespace of its own.
fn ipsecctl(words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", env!("CARGO_BIN_EXE_ipsecctl")]).args(words);
    command
}

fn exec(program: &[&str]) -> Command {
    ipsecctl(&[&["exec"], &BYPASS[..], &["--"], program].concat())
}

fn outcome_of(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{status}\n{}{}", text(&stdout), text(&stderr))
}

/// What Python prints under `exec`.
fn python(program: &str) -> String {
    outcome_of(&mut exec(&["python3", "-c", program]))
}

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        eprintln!("skipped: only root sets policies");
    }
    root
}

#[test]
fn sockets_have_the_requested_type() {
    if is_root() {
        let flags = "import fcntl, socket\n\
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)\n\
            print(s.type == 1, s.getsockopt(1, 38), fcntl.fcntl(s, fcntl.F_GETFD), s.getblocking())\n\
            print(socket.socket(socket.AF_UNIX).family.name)";
        assert_eq!(python(flags), "exit status: 0\nTrue 6 1 False\nAF_UNIX\n");
        let wrong = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n\
            for a in (2, 99, 0), (2, 1, 17), (2, 1 | 1 << 20, 0), (10, 5, 0):\n    \
            print(libc.socket(*a), ctypes.get_errno())";
        let kernel = outcome_of(Command::new("python3").args(["-c", wrong]));
        assert_eq!(python(wrong), kernel);
    }
}

/// Who owns a socket and may have a raw one is decided as if the caller had made it.
#[test]
fn the_caller_is_whose_socket_it_is() {
    if is_root() {
        let program = "import os, socket, errno\n\
            os.setgroups([7]); os.setresgid(8, 8, 8); os.setresuid(1000, 1000, 1000)\n\
            s = socket.socket(); print(os.fstat(s.fileno()).st_uid)\n\
            def attempt(*a):\n    \
            try: socket.socket(2, *a); return 'made'\n    \
            except OSError as error: return errno.errorcode[error.errno]\n\
            print(attempt(3, 1), attempt(2, 1), attempt(1))";
        assert_eq!(python(program), "exit status: 0\n1000\nEPERM EACCES made\n");
        // As root again, the supervisor has lost nothing.
        let both = "import os, socket\n\
            if os.fork() == 0: os.setuid(1000); socket.socket(); os._exit(0)\n\
            os.wait(); s = socket.socket(2, 3, 1); print(os.fstat(s.fileno()).st_uid)";
        assert_eq!(python(both), "exit status: 0\n0\n");
    }
}

/// Members of a group that may ping, net.ipv4.ping_group_range has their numbers.
#[test]
fn the_callers_groups_say_who_may_ping() {
    if is_root() {
        let program = "import os, socket\n\
            open('/proc/sys/net/ipv4/ping_group_range', 'w').write('77 77')\n\
            os.setgroups([77]); os.setresgid(8, 8, 8); os.setresuid(1000, 1000, 1000)\n\
            print(socket.socket(2, 2, 1).proto)";
        assert_eq!(python(program), "exit status: 0\n1\n");
    }
}

#[test]
fn nothing_makes_a_socket_behind_the_supervisors_back() {
    if is_root() {
        let program = "import ctypes, errno; libc = ctypes.CDLL(None, use_errno=True)\n\
            def attempt(call): return call < 0 and errno.errorcode[ctypes.get_errno()]\n\
            print(attempt(libc.syscall(425, 8, 0)))\n\
            print(attempt(libc.socket(43, 1, 0)), attempt(libc.socket(2, 1, 262)))";
        assert_eq!(python(program), "exit status: 0\nENOSYS\nEAFNOSUPPORT EPROTONOSUPPORT\n");
    }
}

#[test]
fn sockets_of_ipv6_stay_so() {
    if is_root() {
        let program = "import socket; s = socket.socket(10)\n\
            s.setsockopt(41, 26, 0); print(s.getsockopt(41, 26))\n\
            s.setsockopt(1, 2, 1); print(s.getsockopt(1, 2))";
        assert_eq!(python(program), "exit status: 0\n1\n1\n");
        let words = [&["exec", "--dual-stack"], &BYPASS[..], &["--", "python3", "-c", program]];
        assert_eq!(outcome_of(&mut ipsecctl(&words.concat())), "exit status: 0\n0\n1\n");
    }
}

/// A program of `socket.c`, linked with no library that could be replaced.
#[test]
fn a_static_program_has_policies_too() {
    if is_root() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("static");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/socket.c");
        let status = Command::new("cc").args(["-static", "-o"]).arg(&program).arg(source).status();
        assert!(status.unwrap().success(), "`cc -static` is needed (Debian: gcc, libc6-dev)");
        let outcome =
            outcome_of(&mut exec(&[program.to_str().unwrap(), env!("CARGO_BIN_EXE_ipsecctl")]));
        let (_, shown) = outcome.split_once(" static 3 ").unwrap();
        assert!(shown.starts_with("udp 0.0.0.0:0\n\tin bypass\n\tout bypass\n"), "{outcome}");
    }
}

/// In another network namespace than the supervisor was started in, the policies are of that one.
#[test]
fn sockets_are_of_the_callers_namespace() {
    if is_root() {
        let ask = "import socket, subprocess, sys; s = socket.socket()\n\
            subprocess.run([sys.argv[1], 'socket', 'list'])";
        let words = ["unshare", "--net", "python3", "-c", ask, env!("CARGO_BIN_EXE_ipsecctl")];
        let outcome = outcome_of(&mut exec(&words));
        let (_, shown) = outcome.split_once(" python3 3 ").unwrap();
        // The supervisor may hold its end a moment longer, and be listed too.
        assert!(shown.starts_with("tcp 0.0.0.0:0\n\tin bypass\n\tout bypass\n"), "{outcome}");
    }
}

#[test]
fn numbers_of_unique_are_chosen_once() {
    if is_root() {
        let ask = "import socket, subprocess, sys; s = [socket.socket() for _ in '12']\n\
            subprocess.run([sys.argv[1], 'socket', 'list'])";
        let policy = "--policy=out ipsec esp/transport//unique";
        let binary = env!("CARGO_BIN_EXE_ipsecctl");
        let mut command = ipsecctl(&["exec", policy, "--", "python3", "-c", ask, binary]);
        let outcome = outcome_of(&mut command);
        let policies = outcome
            .lines()
            .filter(|line| line.starts_with("\tout ipsec esp/transport//unique/reqid:"));
        let policies: Vec<_> = policies.collect();
        assert!(policies.len() >= 2 && policies.iter().all(|it| *it == policies[0]), "{outcome}");
    }
}

#[test]
fn without_privilege_the_reason_is_printed() {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]);
    if is_root() {
        let directory = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(directory.path(), open).unwrap();
        let copy = directory.path().join("ipsecctl");
        std::fs::copy(env!("CARGO_BIN_EXE_ipsecctl"), &copy).unwrap();
        command.arg(copy).args(["exec", BYPASS[0], "true"]);
        assert_eq!(
            outcome_of(&mut command),
            "exit status: 125\nipsecctl: the policy for direction out takes CAP_NET_ADMIN in the \
             socket's network namespace; ipsecd is not there to do it\n"
        );
    }
}

#[test]
fn a_mistake_in_a_policy_is_reported_with_its_place() {
    let refused = |policy: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipsecctl"));
        outcome_of(command.args(["exec", "--policy", policy, "--", "true"]))
    };
    let typo = refused("out ipsec esp/transprt//require");
    assert!(typo.starts_with("exit status: 2\n") && typo.contains("did you mean `transport`"));
    assert!(refused("out").contains("the policy does not say what to do at column 4"));
    assert!(
        refused("fwd bypass").contains("a socket has no policy for packets that are forwarded")
    );
}

#[test]
fn a_missing_descriptor_is_reported() {
    let set = |pid: &str, fd: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipsecctl"));
        outcome_of(command.args(["socket", "set", pid, fd, "in bypass"]))
    };
    let own = std::process::id().to_string();
    assert_eq!(set("4194305", "3"), "exit status: 1\nipsecctl: there is no process 4194305\n");
    assert_eq!(
        set(&own, "9999"),
        format!(
            "exit status: 1\nipsecctl: process {own} has no descriptor 9999: \
             `ls -l /proc/{own}/fd` shows those it has\n"
        )
    );
    assert_eq!(set(&own, "0"), "exit status: 1\nipsecctl: not a socket of IPv4 or IPv6\n");
}
