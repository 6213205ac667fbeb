//! What a confined daemon can do: the example `confined` calls the daemon's own function, and tries.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::geteuid,
};

const NOBODY: u32 = 65_534;

/// What must fail whatever the kernel has.
#[rustfmt::skip]
const REFUSED: [&str; 21] = [
    "ptrace", "signal", "udp", "udp6", "tcp", "raw", "vsock", "packet", "mount", "unshare",
    "enter-namespace", "change-root", "other-memory", "take-descriptor", "make-device", "execute-memory",
    "generic", "audit", "connector", "uevents", "dumpable",
];
/// Calls of `confinement/calls.c`, which must fail whatever their arguments.
#[rustfmt::skip]
const REFUSED_CALLS: [&str; 37] = [
    "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr", "pivot_root",
    "umount2", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf", "keyctl",
    "add_key", "request_key", "perf_event_open", "process_vm_readv", "process_vm_writev",
    "process_madvise", "pidfd_getfd", "kcmp", "clone-namespace", "unshare", "setns", "execveat",
    "open_by_handle_at", "name_to_handle_at", "personality", "setuid", "link", "symlink", "quotactl",
    "pkey_mprotect", "writable-and-executable", "memory-by-name-exec",
];
/// What must fail where memory can be made that is never executed (Linux 6.3).
const REFUSED_SINCE_6_3: &str = "memory-by-name";
/// What must fail where the kernel has landlock(7).
const REFUSED_BY_LANDLOCK: [&str; 4] =
    ["read-shadow", "write-elsewhere", "execute", "execute-written"];
/// What the daemon does.
#[rustfmt::skip]
const DONE: [&str; 10] = [
    "write", "read-configuration", "read-users", "read-status", "netlink", "xfrm", "nf-tables", "tcp-users",
    "execute-itself", "calls",
];

/// The result of each attempt, by its name.
fn attempts(user: Option<&str>) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = |path| fs::set_permissions(path, fs::Permissions::from_mode(0o755));
    open(directory.path()).expect("its mode");
    let [programs, run] = ["programs", "run"].map(|name| directory.path().join(name));
    for made in [&programs, &run] {
        fs::create_dir(made).expect("a directory");
    }
    let own = env::current_exe().expect("its path");
    let built = own.ancestors().nth(2).expect("a folder").join("examples/confined");
    let program = programs.join("confined");
    fs::copy(built, &program).expect("the example is built");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/confinement/calls.c");
    let mut cc = Command::new("cc");
    let status = cc.args(["-Wall", "-o"]).arg(programs.join("calls")).arg(source).status();
    assert!(status.expect("a C compiler (Debian: gcc, libc6-dev)").success(), "it compiles");
    fs::write(run.join("ipsecd.conf"), "").expect("a file");
    if user.is_some() {
        chown(&run, Some(NOBODY), Some(NOBODY)).expect("root gives it away");
    }
    let output = Command::new(program).arg(&run).args(user).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(a, b)| (a.into(), b.into()))
        .collect()
}

fn check(attempts: &BTreeMap<String, String>) {
    let result = |name: &str| attempts.get(name).map_or("not tried", String::as_str);
    assert_eq!(result("seccomp"), "in force");
    let mut refused: Vec<_> = REFUSED.iter().chain(&REFUSED_CALLS).copied().collect();
    if memfd_create("", MemfdFlags::NOEXEC_SEAL).is_ok() {
        refused.push(REFUSED_SINCE_6_3);
    }
    // The C library makes clone(2) then.
    assert_eq!(result("clone3"), "not there");
    for name in refused {
        assert_eq!(result(name), "permission denied", "{name} in {attempts:?}");
    }
    for name in DONE {
        assert_eq!(result(name), "done", "{name} in {attempts:?}");
    }
    if result("landlock") == "not in this kernel" {
        eprintln!("skipped: this kernel has no landlock");
        return;
    }
    for name in REFUSED_BY_LANDLOCK {
        assert_eq!(result(name), "permission denied", "{name} in {attempts:?}");
    }
}

#[test]
fn the_user_that_starts_it() {
    check(&attempts(None));
}

#[test]
fn a_user_of_its_own() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    let attempts = attempts(Some("nobody"));
    check(&attempts);
    assert_eq!(attempts["uid"], NOBODY.to_string());
    assert_eq!(attempts["read-memory"], "permission denied");
}
