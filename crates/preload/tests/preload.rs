//! Python under the library, with a stand-in for the service.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stand_in;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use stand_in::{Service, is_root, python, said};

/// The library that Cargo built for this test.
fn library() -> PathBuf {
    let test = env::current_exe().unwrap();
    let beside = test.parent().unwrap();
    let library = beside.join("libpfkey_preload.so");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

fn preloaded(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LD_PRELOAD", library());
    command
}

fn with_service(program: &str) {
    if is_root() {
        let service = Service::start();
        python(service.for_command(&mut preloaded("python3")), program);
    }
}

#[test]
fn a_message_goes_each_way() {
    with_service("message.py");
}

#[test]
fn flags_are_those_of_the_call() {
    with_service("flags.py");
}

#[test]
fn nobody_waits_on_a_non_blocking_socket() {
    with_service("nonblocking.py");
}

#[test]
fn errnos_are_af_keys() {
    with_service("errnos.py");
}

#[test]
fn children_have_it_too() {
    with_service("children.py");
}

#[test]
fn other_sockets_are_as_they_were() {
    with_service("other_sockets.py");
}

#[test]
fn the_service_is_that_of_the_namespace() {
    if is_root() {
        python(preloaded("unshare").args(["--net", "python3"]), "namespace.py");
    }
}

#[test]
fn without_a_service_there_is_no_pf_key() {
    let mut command = preloaded("python3");
    command.env("XFRM_TOOLS_PFKEY", "service").env("XFRM_TOOLS_PFKEY_SOCKET", "/nonexistent");
    python(&mut command, "no_service.py");
}

/// By XFRM, whether this kernel has AF_KEY or not.
#[test]
fn sockets_have_the_policies_of_af_key() {
    if is_root() {
        let mut command = preloaded("unshare");
        command.args(["--net", "python3"]).env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
        python(&mut command, "policies.py");
    }
}

#[test]
fn the_kernels_answer_stays_where_that_is_wanted() {
    let ask = "import socket; s = socket.socket(); s.getsockopt(0, 16, 64)";
    let mut command = preloaded("python3");
    command.env("XFRM_TOOLS_SOCKET_POLICY", "kernel");
    let output = command.args(["-c", ask]).output().unwrap();
    assert!(said(&output).contains("Protocol not available"), "{}", said(&output));
}

/// With and without the library the kernel says the same, whatever it is.
#[test]
fn the_kernel_answers_where_there_is_no_service() {
    const ASK: &str = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n\
        print(libc.socket(15, 3, 2), ctypes.get_errno())";
    let service = Service::start();
    let ask = |command: &mut Command| said(&command.args(["-c", ASK]).output().unwrap());
    let kernel = ask(&mut Command::new("python3"));
    for (choice, socket) in [
        (None, Path::new("/nonexistent")),
        (Some("kernel"), &service.socket()),
        (Some("neither"), Path::new("/nonexistent")),
    ] {
        let mut command = preloaded("python3");
        command.env("XFRM_TOOLS_PFKEY_SOCKET", socket);
        command.envs(choice.map(|choice| ("XFRM_TOOLS_PFKEY", choice)));
        assert_eq!(ask(&mut command), kernel, "{choice:?}");
    }
}
