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
    let folder = Path::new(env!("CARGO_BIN_EXE_ipsecctl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "sh", "-c", line]).env("PATH", path);
    command.output().unwrap()
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

/// What a command that succeeded printed.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
