//! Builds the C programs of this folder.

use std::{
    env,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// The library's headers.
pub const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include");

/// The library that Cargo built for this test.
pub fn library() -> PathBuf {
    let test = env::current_exe().unwrap();
    let library = test.parent().unwrap().join("liblibipsec.so");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

/// A file of this directory.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

/// The top of the working copy.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The C compiler, strict, with the library's headers.
pub fn cc() -> Command {
    let mut cc = Command::new("cc");
    cc.args(["-Wall", "-Wextra", "-Werror", "-I", INCLUDE]);
    cc
}

/// A place for programs, with the library under the name by which they look for it.
pub struct Programs(TempDir);

impl Programs {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["libipsec.so", "libipsec.so.0"] {
            symlink(library(), directory.path().join(name)).unwrap();
        }
        Self(directory)
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }

    /// Builds a program and returns the command that runs it.
    pub fn command(&self, name: &str, flags: &[&str]) -> Command {
        let (directory, program) = (self.directory(), self.directory().join(name));
        let mut cc = cc();
        cc.args(flags).arg(source(&format!("{name}.c"))).arg("-o").arg(&program);
        cc.arg("-L").arg(directory).arg("-lipsec");
        let output = cc.arg(format!("-Wl,-rpath,{}", directory.display())).output().unwrap();
        assert_eq!(output_of(&output), "exit status: 0");
        Command::new(program)
    }
}

/// What a command said.
pub fn output_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}{}", text(&output.stdout), text(&output.stderr), output.status)
}
