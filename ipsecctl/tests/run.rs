//! `ipsecctl run` with a stand-in for the service, by the supervisor alone. `preloaded.rs` has it with
//! the library.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../crates/preload/tests/stand_in/mod.rs"]
mod stand_in;

mod linked;

use std::{
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use linked::static_program;
use rustix::process::{Pid, Signal, kill_process};
use stand_in::{Service, is_root, output_of, python};

fn ipsecctl(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipsecctl"));
    command.args(words);
    command
}

fn run(program: &[&str]) -> Command {
    ipsecctl(&[&["run", "--no-preload", "--"], program].concat())
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Runs a Python program by way of others.
fn through(words: &[&str], program: &str) {
    if is_root() {
        let service = Service::start();
        python(service.for_command(&mut run(words)), program);
    }
}

#[test]
fn all_programs_are_served() {
    stand_in::all_programs_are_served(run);
}

#[test]
fn none_is_served_without_a_service() {
    stand_in::none_is_served_without_a_service(run);
}

#[test]
fn the_kernel_answers_otherwise() {
    stand_in::the_kernel_answers_otherwise(run);
}

#[test]
fn a_static_program_has_it_too() {
    if is_root() {
        let (_directory, program) = static_program("static.c");
        let service = Service::start();
        let mut command = run(&[program.to_str().unwrap()]);
        let output = output(service.for_command(&mut command));
        assert_eq!(output_of(&output), "exit status: 0\n16 bytes\n");
    }
}

#[test]
fn the_service_is_that_of_the_callers_namespace() {
    if is_root() {
        for namespaces in ["--net", "--net --user --map-root-user"] {
            let words: Vec<&str> = ["unshare"].into_iter().chain(namespaces.split(' ')).collect();
            let mut command = run(&[&words[..], &["python3"]].concat());
            python(&mut command, "namespace.py");
        }
    }
}

/// The service sees root, the supervisor: what the caller lacks, the supervisor must see.
#[test]
fn a_caller_without_the_capability_is_refused() {
    through(&["setpriv", "--bounding-set=-net_admin", "python3"], "refused.py");
    // All capabilities, but in a user namespace that does not own the network namespace.
    through(&["unshare", "--user", "--map-root-user", "python3"], "refused.py");
    // In a network namespace of its own it has them. The service is that of another.
    through(&["unshare", "--net", "--user", "--map-root-user", "python3"], "refused.py");
}

/// The supervisor is in a network namespace that a user namespace owns, and the service is in that of
/// the host. All capabilities in the user namespace are none over the service.
#[test]
fn a_caller_without_the_capability_over_the_service_is_refused() {
    if !is_root() {
        return;
    }
    let mut owner = Command::new("unshare");
    owner.args(["--user", "--map-root-user", "--net", "sh", "-c", "echo; exec cat"]);
    let mut owner = owner.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    owner.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let namespace = |name| format!("/proc/{}/ns/{name}", owner.id());
    let (net, user) = (namespace("net"), format!("--user={}", namespace("user")));
    let supervisor = format!("exec nsenter --net={net} \"$@\"");
    let service = Service::start();
    for (words, program) in [
        (&["nsenter", "--preserve-credentials", &user, "python3"][..], "refused.py"),
        (&["setpriv", "--bounding-set=-net_admin", "python3"], "refused.py"),
        (&["python3"], "message.py"),
    ] {
        let mut command = Command::new("sh");
        let ipsecctl = env!("CARGO_BIN_EXE_ipsecctl");
        command.args(["-c", &supervisor, "sh", ipsecctl, "run", "--no-preload", "--"]);
        python(service.for_command(command.args(words)), program);
    }
    drop(owner.stdin.take());
    owner.wait().unwrap();
}

/// The numbers of callers are those of other processes in /proc, which have all capabilities.
#[test]
fn a_proc_of_another_pid_namespace_is_refused() {
    if is_root() {
        let mut command = Command::new("unshare");
        let ipsecctl = env!("CARGO_BIN_EXE_ipsecctl");
        command.args(["--pid", "--fork", ipsecctl, "run", "--no-preload", "true"]);
        assert_eq!(
            output_of(&output(&mut command)),
            "exit status: 125\n\
             ipsecctl: /proc is that of another PID namespace: `mount -t proc proc /proc` mounts that \
             of this one\n"
        );
    }
}

/// By XFRM, whether this kernel has AF_KEY or not.
#[test]
fn sockets_have_the_policies_of_af_key() {
    if is_root() {
        for program in ["policies.py", "policies_kept.py"] {
            let mut command = run(&["unshare", "--net", "python3"]);
            command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
            python(&mut command, program);
        }
    }
}

/// The policies are set and returned for a static program. It has the privilege that it would need.
#[test]
fn a_static_program_has_policies() {
    if is_root() {
        let (_directory, program) = static_program("policies.c");
        let mut command = run(&["unshare", "--net", program.to_str().unwrap()]);
        command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
        let output = output(&mut command);
        assert_eq!(output_of(&output), "exit status: 0\n");
    }
}

#[test]
fn the_program_is_the_process_that_was_started() {
    assert_eq!(output(&mut run(&["sh", "-c", "exit 7"])).status.code(), Some(7));
    assert_eq!(output(&mut run(&["sh", "-c", "kill -KILL $$"])).status.signal(), Some(9));
    let mut child = run(&["sleep", "60"]).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let name = || fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap();
    wait_until(|| name() == "sleep\n");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    python(&mut run(&["python3"]), "childless.py");
}

#[test]
fn a_program_that_cannot_be_run_is_named() {
    let absent = output(&mut run(&["/nonexistent"]));
    assert_eq!(
        output_of(&absent),
        "exit status: 127\n\
         ipsecctl: cannot run `/nonexistent`: No such file or directory\n"
    );
    assert_eq!(output(&mut run(&["/"])).status.code(), Some(126));
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    for (name, value, expected) in [
        ("XFRM_TOOLS_PFKEY", "daemon", "expected `service` or `kernel`"),
        ("XFRM_TOOLS_SOCKET_POLICY", "daemon", "expected `xfrm` or `kernel`"),
        ("XFRM_TOOLS_SOCKET_SERVICE", "x", "expected an absolute path of at most 108 bytes"),
    ] {
        let output = output(run(&["true"]).env(name, value));
        let message = format!("exit status: 125\nipsecctl: {name} is `{value}`: {expected}\n");
        assert_eq!(output_of(&output), message);
    }
}

#[test]
fn it_does_not_nest() {
    let inner = env!("CARGO_BIN_EXE_ipsecctl");
    let output = output(&mut run(&[inner, "run", "true"]));
    assert_eq!(
        output_of(&output),
        "exit status: 125\n\
         ipsecctl: another supervisor has the system calls of this process already: \
         `ipsecctl run` does not nest\n"
    );
}

#[test]
fn only_the_unprivileged_lose_new_privileges() {
    if is_root() {
        let privileges = ["grep", "NoNewPrivs", "/proc/self/status"];
        assert_eq!(output(&mut run(&privileges)).stdout, b"NoNewPrivs:\t0\n");
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("ipsecctl");
        // Written here, it would be busy in children that other tests start meanwhile.
        let mut cp = Command::new("cp");
        assert!(cp.arg(env!("CARGO_BIN_EXE_ipsecctl")).arg(&copy).status().unwrap().success());
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--clear-groups"]).arg(&copy).arg("run").args(privileges);
        assert_eq!(output_of(&output(&mut command)), "exit status: 0\nNoNewPrivs:\t1\n");
    }
}

#[test]
fn the_supervisor_lives_as_long_as_a_process_of_the_program() {
    if is_root() {
        let service = Service::start();
        let report = service.socket().with_file_name("report");
        let daemon = "(sleep 2; python3 -c 'import socket; socket.socket(15, 3, 2)'; \
             echo $? >$0.new; mv $0.new $0) >/dev/null 2>&1 &";
        let mut command = run(&["sh", "-c", daemon, report.to_str().unwrap()]);
        let output = output(service.for_command(&mut command));
        assert!(!report.exists(), "the supervisor keeps a pipe of the program open");
        assert!(!supervisors_of(&report).is_empty());
        assert_eq!(output_of(&output), "exit status: 0\n");
        wait_until(|| report.exists());
        assert_eq!(fs::read_to_string(&report).unwrap(), "0\n");
        wait_until(|| supervisors_of(&report).is_empty());
    }
}

/// The processes `ipsecctl run` with `word` on their command line.
fn supervisors_of(word: &Path) -> Vec<String> {
    let lines = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("cmdline")).ok());
    let word = word.to_str().unwrap();
    lines.filter(|line| line.contains("ipsecctl\0run\0") && line.contains(word)).collect()
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for too long");
        sleep(Duration::from_millis(20));
    }
}
