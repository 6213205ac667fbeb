//! Commands that need no privilege.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs a command line of sh(1) without any capability; the commands of this build are in its PATH.
pub fn run(line: &str, input: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_ipsecctl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "sh", "-c", line]);
    command.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
