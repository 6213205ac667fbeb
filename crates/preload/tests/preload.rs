//! Python under the library, with a stand-in for the service.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stand_in;

use std::{env, path::PathBuf, process::Command};

use stand_in::{is_root, output_of, python};

/// The library that Cargo built for this test.
const LIBRARY: &str = "libpfkey_preload.so";

/// Where it is: in LD_PRELOAD a path has no blanks (ld.so(8)).
fn place() -> PathBuf {
    let test = env::current_exe().unwrap();
    let beside = test.parent().unwrap();
    assert!(beside.join(LIBRARY).exists(), "{LIBRARY} is not in {}", beside.display());
    beside.to_owned()
}

fn preloaded(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("LD_PRELOAD", LIBRARY).env("LD_LIBRARY_PATH", place());
    command
}

#[test]
fn all_programs_are_served() {
    stand_in::all_programs_are_served(preloaded);
}

#[test]
fn none_is_served_without_a_service() {
    stand_in::none_is_served_without_a_service(preloaded);
}

#[test]
fn the_kernel_answers_otherwise() {
    stand_in::the_kernel_answers_otherwise(preloaded);
}

#[test]
fn the_service_is_that_of_the_namespace() {
    if is_root() {
        python(&mut preloaded(&["unshare", "--net", "python3"]), "namespace.py");
    }
}

/// By XFRM, whether this kernel has AF_KEY or not.
#[test]
fn sockets_have_the_policies_of_af_key() {
    if is_root() {
        for program in ["policies.py", "policies_kept.py"] {
            let mut command = preloaded(&["unshare", "--net", "python3"]);
            command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
            python(&mut command, program);
        }
    }
}

/// A lock that another thread has, or that the interrupted code has, is waited for by none of them.
#[test]
fn policies_are_set_in_children_of_threads_and_in_signal_handlers() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("forks").display().to_string();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/forks.c");
    let mut cc = Command::new("cc");
    cc.args(["-Wall", "-Wextra", "-Werror", "-pthread", "-o", &program, source]);
    assert!(cc.status().unwrap().success(), "`cc` is needed (Debian: gcc, libc6-dev)");
    for (what, count) in [("children", "2000"), ("handlers", "5000")] {
        let mut command = preloaded(&["unshare", "--net", &program, what, count]);
        let output = command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm").output().unwrap();
        assert!(output.status.success(), "{what}: {}", output_of(&output));
    }
}

#[test]
fn the_kernels_answer_stays_where_that_is_wanted() {
    let ask = "import socket; s = socket.socket(); s.getsockopt(0, 16, 64)";
    let mut command = preloaded(&["python3", "-c", ask]);
    let output = command.env("XFRM_TOOLS_SOCKET_POLICY", "kernel").output().unwrap();
    assert!(output_of(&output).contains("Protocol not available"), "{}", output_of(&output));
}

/// What is no choice is none, and the first call that it is for names it.
#[test]
fn a_variable_that_cannot_be_used_is_named_and_ignored() {
    let ask = "import ctypes, socket; libc = ctypes.CDLL(None, use_errno=True)\n\
        print([(libc.socket(15, 3, 2), ctypes.get_errno()) for _ in range(2)])\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        libc.setsockopt(s.fileno(), 0, 16, b'', 0)";
    let kernel = output_of(&Command::new("python3").args(["-c", ask]).output().unwrap());
    for (name, value, expected) in [
        ("XFRM_TOOLS_PFKEY", "neither", "expected `service` or `kernel`"),
        ("XFRM_TOOLS_PFKEY_SOCKET", "x", "expected an absolute path of at most 108 bytes"),
        ("XFRM_TOOLS_SOCKET_POLICY", "none", "expected `xfrm` or `kernel`"),
        ("XFRM_TOOLS_SOCKET_SERVICE", "x", "expected an absolute path of at most 108 bytes"),
    ] {
        let mut command = preloaded(&["python3", "-c", ask]);
        let output = output_of(&command.env(name, value).output().unwrap());
        let warning = format!("libpfkey-preload.so: {name} is `{value}`: {expected}: ignored\n");
        assert_eq!(output, format!("{kernel}{warning}"));
        let output = output_of(&preloaded(&["python3", "-c", ask]).env(name, "").output().unwrap());
        assert_eq!(output, kernel);
    }
}

/// Against a service of their own, which takes its time and dies.
fn with_a_service_of_its_own(program: &str, place: &str) {
    if is_root() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = preloaded(&["timeout", "60", "python3"]);
        command.env("XFRM_TOOLS_PFKEY_SOCKET", directory.path().join(place));
        python(command.env("XFRM_TOOLS_PFKEY", "service"), program);
    }
}

#[test]
fn what_was_sent_is_answered() {
    with_a_service_of_its_own("sends.py", "pfkey.sock");
}

#[test]
fn the_service_may_be_started_again() {
    with_a_service_of_its_own("restarts.py", "pfkey.sock");
}

#[test]
fn the_service_may_not_want_the_program() {
    with_a_service_of_its_own("turned_away.py", "directory/pfkey.sock");
}
