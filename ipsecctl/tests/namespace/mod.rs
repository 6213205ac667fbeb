//! Command lines in a network namespace of their own, and by a user without privileges.
#![allow(clippy::unwrap_used, dead_code, reason = "each test takes what it needs, and fails")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use rustix::process::geteuid;

/// Runs a command line as the root of a new network namespace.
pub fn run(line: &str) -> Output {
    unshare().args(["sh", "-c", line]).output().unwrap()
}

/// The same with a `/run` of its own; in the line, `$1` is a file with this text.
pub fn run_with_file(line: &str, text: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let line = format!("mount -t tmpfs none /run && {line}");
    let mut command = unshare();
    command.args(["--mount", "sh", "-c", &line, "sh"]).arg(file.path()).output().unwrap()
}

fn unshare() -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_ipsecctl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user"]).env("PATH", path);
    command
}

/// Runs `ipsecctl` with these words as a user who may do nothing; `None` if only root could.
pub fn as_nobody(words: &[&str]) -> Option<Output> {
    if !geteuid().is_root() {
        eprintln!("skipped: only root becomes another user");
        return None;
    }
    // The target folder may be in a directory that others may not enter.
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let copy = directory.path().join("ipsecctl");
    fs::copy(env!("CARGO_BIN_EXE_ipsecctl"), &copy).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
    Some(command.args(words).output().unwrap())
}

/// Asserts that a user who may do nothing is refused for want of a capability, and reads nothing.
pub fn refuses_nobody(words: &[&str]) {
    let Some(output) = as_nobody(words) else { return };
    let (status, out, error) = texts(output);
    assert_eq!((status, out.as_str()), (1, ""), "{words:?}");
    assert!(error.contains("CAP_NET_ADMIN"), "{words:?}: {error}");
}

/// Exit status, standard output, standard error.
pub fn texts(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What a command that succeeded printed.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
