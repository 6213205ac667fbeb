//! The descriptors that a daemon hands over to the next one, each with a name. They stay open in the
//! program that this process executes, or are stored by the service manager (`FDSTORE=1`,
//! sd_pid_notify_with_fds(3)).

use std::{
    collections::HashSet,
    env,
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    process::{self, Command, Stdio},
};

use nix::unistd::execve;
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use sys::descriptor::inherited;
use tracing::warn;

use crate::ServiceManager;

/// The variable that names them to the executed program: `PID NAME=DESCRIPTOR ...`.
const EXECUTED: &str = "XFRM_TOOLS_IPSECD_FILES";

/// The number of the first descriptor from a service manager (`SD_LISTEN_FDS_START`).
const FIRST: i32 = 3;

/// Descriptors by name. Several may have the same name.
#[derive(Debug, Default)]
pub struct Handover(Vec<(String, OwnedFd)>);

impl Handover {
    /// The descriptors that this process was started with. To be called once, before the process opens
    /// any descriptor itself.
    #[must_use]
    pub fn from_environment() -> Self {
        let pid = process::id();
        let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let executed = executed(&variable(EXECUTED).unwrap_or_default(), pid);
        let stored = variable("LISTEN_FDS").map_or(Ok(Vec::new()), |count| {
            let [for_pid, names] = ["LISTEN_PID", "LISTEN_FDNAMES"].map(variable);
            stored(&for_pid.unwrap_or_default(), &count, &names.unwrap_or_default(), pid)
        });
        let mut numbers = HashSet::new();
        let mut files = Vec::new();
        for named in [executed, stored] {
            let named = named.unwrap_or_else(|Wrong { variable, value, reason }| {
                warn!(variable, value, reason, "descriptors not taken over");
                Vec::new()
            });
            for (name, number) in named {
                if let Some(file) = inherited(number).filter(|_| numbers.insert(number)) {
                    files.push((name, file));
                } else {
                    warn!(name, number, "descriptor not taken over: it is not open");
                }
            }
        }
        Self(files)
    }

    /// Logs that nothing has taken some, which are closed now.
    pub fn log_unused(self) {
        if let Some((name, _)) = self.0.first() {
            warn!(count = self.0.len(), first = name, "descriptors not used");
        }
    }

    /// Adds a copy of a descriptor. The name consists of letters and hyphens.
    pub fn push(&mut self, name: &str, file: impl AsFd) -> io::Result<()> {
        self.0.push((name.to_owned(), file.as_fd().try_clone_to_owned()?));
        Ok(())
    }

    /// Adds a descriptor.
    pub(crate) fn give(&mut self, name: String, file: OwnedFd) {
        self.0.push((name, file));
    }

    /// The descriptors and their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OwnedFd)> {
        self.0.iter().map(|(name, file)| (name.as_str(), file))
    }

    /// Takes the first descriptor of this name.
    pub fn take(&mut self, name: &str) -> Option<OwnedFd> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes all descriptors of this name.
    pub fn take_all(&mut self, name: &str) -> Vec<OwnedFd> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    /// Executes `program` in this process, with the same arguments and these descriptors. Returns
    /// only if that fails, and has changed nothing then. The signals that this thread has blocked stay
    /// blocked, and pending ones stay pending.
    #[must_use]
    pub fn execute(&self, program: &Path) -> io::Error {
        if let Err(error) = check(program) {
            return error;
        }
        let set_all = |flags| self.0.iter().try_for_each(|(_, file)| fcntl_setfd(file, flags));
        let error = set_all(FdFlags::empty())
            .map_err(io::Error::from)
            .and_then(|()| self.execve(program))
            .err();
        let _ = set_all(FdFlags::CLOEXEC);
        error.unwrap_or_else(|| io::ErrorKind::Other.into())
    }

    /// Calls execve(2). execvp(3) would execute a shell for a file that is not a program.
    fn execve(&self, program: &Path) -> io::Result<()> {
        let words = self.0.iter().map(|(name, file)| format!(" {name}={}", file.as_raw_fd()));
        let words = process::id().to_string() + &words.collect::<String>();
        let variables = env::vars_os().filter(|(name, _)| name != EXECUTED && name != "LISTEN_FDS");
        let variables = variables.chain([(EXECUTED.into(), words.into())]);
        let variables =
            variables.map(|(name, value)| text([name.as_bytes(), b"=", value.as_bytes()].concat()));
        let arguments = env::args_os().map(|word| text(word.into_vec()));
        let program = text(program.as_os_str().as_bytes().to_vec())?;
        let arguments = arguments.collect::<io::Result<Vec<_>>>()?;
        let variables = variables.collect::<io::Result<Vec<_>>>()?;
        execve(&program, &arguments, &variables)?;
        Ok(())
    }

    /// Has the service manager store the descriptors for the next daemon, in place of those of the same
    /// names that it has.
    pub fn store(&self, manager: &ServiceManager) -> io::Result<()> {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names.into_iter().try_for_each(|name| manager.remove(name))?;
        self.0.iter().try_for_each(|(name, file)| manager.store(name, file))?;
        manager.wait_until_stored()
    }
}

/// Checks that a program can be executed: a package may be half installed.
fn check(program: &Path) -> io::Result<()> {
    let mut magic = [0; 4];
    File::open(program)?.read_exact(&mut magic)?;
    if &magic != b"\x7fELF" {
        return Err(io::Error::from(Errno::NOEXEC));
    }
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("--version: {status}"))) }
}

fn text(bytes: Vec<u8>) -> io::Result<CString> {
    Ok(CString::new(bytes)?)
}

/// A variable of the environment that names descriptors, and is not as a program that sets it writes it.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    variable: &'static str,
    value: String,
    reason: &'static str,
}

impl Wrong {
    fn new(variable: &'static str, value: &str, reason: &'static str) -> Self {
        Self { variable, value: value.to_owned(), reason }
    }
}

/// The descriptors from the program that has executed this one.
fn executed(value: &str, pid: u32) -> Result<Vec<(String, i32)>, Wrong> {
    let mut words = value.split_whitespace();
    let Some(for_pid) = words.next() else { return Ok(Vec::new()) };
    let wrong = |reason| Wrong::new(EXECUTED, value, reason);
    let for_pid: u32 = for_pid.parse().map_err(|_| wrong("expected a process ID first"))?;
    if for_pid != pid {
        return Ok(Vec::new());
    }
    let pair = |word: &str| {
        let (name, number) = word.split_once('=')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let pairs = words.map(pair).collect::<Option<_>>();
    pairs.ok_or_else(|| wrong("expected names and numbers, as `name=3`"))
}

/// The descriptors that a service manager has stored (sd_listen_fds_with_names(3)).
fn stored(for_pid: &str, count: &str, names: &str, pid: u32) -> Result<Vec<(String, i32)>, Wrong> {
    let expected = "expected a process ID";
    let for_pid: u32 = for_pid.parse().map_err(|_| Wrong::new("LISTEN_PID", for_pid, expected))?;
    if for_pid != pid {
        return Ok(Vec::new());
    }
    let expected = "expected a number of descriptors";
    let number: usize = count.parse().map_err(|_| Wrong::new("LISTEN_FDS", count, expected))?;
    let files: Vec<_> =
        names.split(':').filter(|_| !names.is_empty()).map(str::to_owned).zip(FIRST..).collect();
    if files.len() != number {
        let expected = "expected as many names as LISTEN_FDS has descriptors";
        return Err(Wrong::new("LISTEN_FDNAMES", names, expected));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn descriptors_are_for_one_process() {
        let expected = vec![("pfkey-client".to_owned(), 7), ("pfkey-state".to_owned(), 12)];
        assert_eq!(executed("42 pfkey-client=7 pfkey-state=12", 42), Ok(expected));
        for other in ["43 pfkey-client=7", "43 of another version", ""] {
            assert_eq!(executed(other, 42), Ok(vec![]));
        }
        let expected = vec![("a".to_owned(), 3), ("b".to_owned(), 4)];
        assert_eq!(stored("42", "2", "a:b", 42), Ok(expected));
        assert_eq!(stored("41", "2", "a:b", 42), Ok(vec![]));
        assert_eq!(stored("42", "0", "", 42), Ok(vec![]));
    }

    #[test]
    fn wrong_values_are_named() {
        for value in ["x", "42 client", "42 client=", "42 client=x", "42 client=7 9"] {
            assert_eq!(executed(value, 42).unwrap_err().variable, EXECUTED, "{value}");
        }
        for (for_pid, count, names, variable) in [
            ("", "1", "a", "LISTEN_PID"),
            ("42x", "1", "a", "LISTEN_PID"),
            ("42", "", "a", "LISTEN_FDS"),
            ("42", "-1", "a", "LISTEN_FDS"),
            ("42", "99999999999999999999", "a", "LISTEN_FDS"),
            ("42", "2", "a", "LISTEN_FDNAMES"),
            ("42", "1", "", "LISTEN_FDNAMES"),
            ("42", "1", "a:b", "LISTEN_FDNAMES"),
        ] {
            let wrong = stored(for_pid, count, names, 42).unwrap_err();
            assert_eq!(wrong.variable, variable, "{for_pid} {count} {names}");
        }
    }

    #[test]
    fn each_name_gives_its_descriptors_once() {
        let mut handover = Handover::default();
        let file = tempfile::tempfile().unwrap();
        for name in ["client", "state", "client"] {
            handover.push(name, &file).unwrap();
        }
        assert_eq!(handover.take_all("client").len(), 2);
        assert!(handover.take("client").is_none());
        assert!(handover.take("state").is_some());
    }

    #[test]
    fn a_failed_execution_changes_nothing() {
        let mut handover = Handover::default();
        handover.push("state", tempfile::tempfile().unwrap()).unwrap();
        let error = handover.execute(Path::new("/nonexistent"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let directory = tempfile::tempdir().unwrap();
        for contents in ["", "exit 0", "\x7fELF of another machine"] {
            let program = directory.path().join("program");
            fs::write(&program, contents).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let _ = handover.execute(&program);
        }
        let file = handover.take("state").unwrap();
        assert_eq!(rustix::io::fcntl_getfd(&file), Ok(FdFlags::CLOEXEC));
    }
}
