//! Programs that are linked with no library that could be replaced.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The program of a file in `tests/`, and the directory where it is.
pub fn static_program(source: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("static");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(source);
    let mut cc = Command::new("cc");
    cc.args(["-Wall", "-Wextra", "-Werror", "-static", "-pthread", "-o"]).arg(&program).arg(source);
    assert!(cc.status().unwrap().success(), "`cc -static` is needed (Debian: gcc, libc6-dev)");
    (directory, program)
}
