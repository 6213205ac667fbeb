//! A host of its own for a test, and the command on it.

#![allow(dead_code, reason = "not every test file needs all of this")]
#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// A network namespace with a /run and an /etc/sysctl.d of its own, for as long as this value
/// lives. It needs root, as the command does.
pub struct Host {
    holder: Child,
    folder: TempDir,
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

const PREPARE: &str = "
    mount -t tmpfs none /run
    ip link set lo up
    echo ready
    read _";

impl Host {
    /// A host whose root is the test's user.
    pub fn new() -> Self {
        Self::start(Command::new("unshare").args(["--mount", "--net"]))
    }

    /// A host that a user without privilege made for himself.
    pub fn of_unprivileged_user() -> Self {
        let options = ["--reuid=65534", "--regid=65534", "--clear-groups", "unshare"];
        Self::start(Command::new("setpriv").args(options).args(["--map-root-user", "-mn"]))
    }

    fn start(unshare: &mut Command) -> Self {
        // A user without privilege can go neither into the build's folder nor into most homes.
        let folder = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("sysctl-shim");
        // cp(1) does it: a child of another test could inherit our end of a file that is written,
        // and a program that is open for writing cannot be started.
        let copy = Command::new("cp").arg(cargo_bin("sysctl-shim")).arg(&program).status();
        assert!(copy.unwrap().success());
        symlink(&program, folder.path().join("sysctl")).unwrap();
        unshare.args(["sh", "-ec", PREPARE]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = unshare.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "this test needs root, or user namespaces");
        Host { holder, folder }
    }

    /// A folder that everybody may read.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a file in it.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The command.
    pub fn shim(&self, args: &[&str]) -> Outcome {
        self.run(self.folder.path().join("sysctl-shim"), args)
    }

    /// The command, which must succeed in silence but for standard output.
    pub fn prints(&self, args: &[&str]) -> String {
        let outcome = self.shim(args);
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{args:?}");
        outcome.out
    }

    /// The command under the name of the one for which it stands in.
    pub fn stand_in(&self, args: &[&str]) -> Outcome {
        self.run(self.folder.path().join("sysctl"), args)
    }

    /// Any program.
    pub fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> Outcome {
        self.run_with(program, args, &[], "")
    }

    /// Any program with this in its environment and on standard input.
    pub fn run_with(
        &self,
        program: impl AsRef<Path>,
        args: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Outcome {
        let mut command = self.inside(&[]);
        command.arg(program.as_ref()).args(args).envs(environment.iter().copied());
        finish(&mut command, input)
    }

    /// The command as a user without privilege.
    pub fn unprivileged(&self, args: &[&str]) -> Outcome {
        let unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut command = self.inside(&unprivileged);
        finish(command.arg(self.folder.path().join("sysctl-shim")).args(args), "")
    }

    /// A shell script, which must succeed.
    pub fn shell(&self, script: &str) -> String {
        let outcome = self.run("/bin/sh", &["-ec", script]);
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{script}");
        outcome.out
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let id = self.holder.id().to_string();
        // The user namespace too, where it is another one.
        let ours = fs::read_link("/proc/self/ns/user").unwrap();
        let same = fs::read_link(format!("/proc/{id}/ns/user")).unwrap() == ours;
        command.args(["--target", &id, "--mount", "--net"]);
        command.args((!same).then_some("--user"));
        command.arg("--").args(words).current_dir("/").env_remove("SSH_CONNECTION");
        command.env_remove("SETKEY_DIALECT").env("LC_ALL", "C");
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The shell ends with its input.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn finish(command: &mut Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
