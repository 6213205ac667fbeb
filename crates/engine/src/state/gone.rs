//! Directories of network namespaces that are gone.
//!
//! The kernel does not report whether a namespace of an inode number exists. So a directory is removed
//! only if no trace of its namespace is found twice: no process or thread is in it, none has it open, and
//! none of their mount namespaces has it mounted. A namespace that only a socket keeps alive has no
//! trace; such a directory is removed after an hour without use, and only its variables and records are
//! lost. Where a process cannot be looked at, or there may be processes that are not in /proc, nothing
//! is removed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use tracing::debug;

use super::files;

/// How long a directory was not used.
const AGE: Duration = Duration::from_secs(60 * 60);

/// The inode number of the first PID namespace, whose /proc has all processes (`PROC_PID_INIT_INO`,
/// linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// Removes the directories beside `own` whose namespaces are gone, if no program has one of these files
/// locked. Nothing depends on it: a failure is none.
pub(crate) fn remove_gone(own: &Path, locks: &[&str]) {
    let Some(root) = own.parent() else { return };
    let mut gone = old_directories(root).unwrap_or_default();
    gone.retain(|number| root.join(number.to_string()) != own);
    // A process may hand a namespace to one that was looked at before.
    for _ in 0..2 {
        if gone.is_empty() {
            return;
        }
        match traces() {
            Ok(traces) => gone.retain(|number| !traces.contains(number)),
            Err(error) => return debug!(%error, "namespaces not looked for"),
        }
    }
    for number in gone {
        let directory = root.join(number.to_string());
        if is_unlocked(&directory, locks) && fs::remove_dir_all(&directory).is_ok() {
            debug!(directory = %directory.display(), "removed, its namespace is gone");
        }
    }
}

/// The numbers of directories that were not used for some time.
fn old_directories(root: &Path) -> io::Result<Vec<u64>> {
    let is_old = |path: &Path| {
        let newest = fs::read_dir(path).into_iter().flatten().flatten();
        let files = newest.filter_map(|entry| entry.metadata().ok());
        let all = files.chain(fs::symlink_metadata(path).ok());
        let changed = all.filter_map(|file| file.modified().ok()).max();
        let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
        age.is_some_and(|age| age >= AGE)
    };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        let is_directory = entry.file_type().is_ok_and(|file| file.is_dir());
        numbers.extend(number.filter(|_| is_directory && is_old(&entry.path())));
    }
    Ok(numbers)
}

/// Whether no program has a lock in a directory.
fn is_unlocked(directory: &Path, locks: &[&str]) -> bool {
    let is_free = |name: &&str| {
        let Ok(file) = files::open_existing(&directory.join(name)) else { return true };
        let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        rustix::fs::flock(&file, operation).is_ok()
    };
    locks.iter().all(is_free)
}

/// The inode numbers of all network namespaces that processes are in, have open or have mounted.
fn traces() -> io::Result<BTreeSet<u64>> {
    let proc = Path::new("/proc");
    if fs::metadata("/proc/self/ns/pid")?.ino() != FIRST_PID_NAMESPACE
        || fs::read_link("/proc/self")?.as_os_str() != std::process::id().to_string().as_str()
    {
        return Err(io::Error::other("not all processes are in /proc"));
    }
    let mut traces = BTreeSet::new();
    let mut mounts = BTreeSet::new();
    for entry in fs::read_dir(proc)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()) {
            unless_ended(of_process(&entry.path(), &mut traces, &mut mounts))?;
        }
    }
    Ok(traces)
}

fn of_process(
    process: &Path,
    traces: &mut BTreeSet<u64>,
    mounts: &mut BTreeSet<u64>,
) -> io::Result<()> {
    for task in fs::read_dir(process.join("task"))? {
        let task = task?.path();
        unless_ended(of_task(&task, traces, mounts))?;
    }
    Ok(())
}

fn of_task(task: &Path, traces: &mut BTreeSet<u64>, mounts: &mut BTreeSet<u64>) -> io::Result<()> {
    traces.insert(fs::metadata(task.join("ns/net"))?.ino());
    let mount_namespace = fs::metadata(task.join("ns/mnt"))?.ino();
    if !mounts.contains(&mount_namespace) {
        // A user may have made 100,000 mounts, with names of any bytes.
        for line in BufReader::new(File::open(task.join("mountinfo"))?).split(b'\n') {
            traces.extend(mounted(&line?));
        }
        // A task that ended before has shown nothing: the next one of its namespace does.
        mounts.insert(mount_namespace);
    }
    for file in fs::read_dir(task.join("fdinfo"))? {
        if let Some(file) = unless_ended(file.and_then(|file| File::open(file.path())))? {
            let inode = unless_ended(inode(file))?;
            traces.extend(inode);
        }
    }
    Ok(())
}

/// The inode number of an open file, of a namespace or another one. The name of the file does not show
/// that it is a namespace's. What follows may be long: a line per file that is watched.
fn inode(info: impl Read) -> io::Result<u64> {
    for line in BufReader::new(info).lines() {
        if let Some(number) = line?.strip_prefix("ino:").and_then(|rest| rest.trim().parse().ok()) {
            return Ok(number);
        }
    }
    Err(io::Error::other("Linux before 5.14"))
}

/// The number of a mounted network namespace in a line of mountinfo, whose `ROOT` is then
/// `net:[4026531840]` (proc(5)).
fn mounted(line: &[u8]) -> Option<u64> {
    let root = line.split(|&byte| byte == b' ').nth(3)?;
    number(str::from_utf8(root).ok()?)
}

/// The inode number of `net:[4026531840]`.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// A process or file that is gone meanwhile is none.
fn unless_ended<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    let is_gone = |error: &io::Error| {
        error.kind() == io::ErrorKind::NotFound
            || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
    };
    match looked {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// No namespace has this number.
    const NONE: &str = "1";

    fn age(path: &Path) {
        let time = SystemTime::now() - 2 * AGE;
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn only_old_directories_of_namespaces_are_looked_for() {
        let root = tempfile::tempdir().unwrap();
        for name in [NONE, "2", "other"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("3"), "").unwrap();
        assert_eq!(old_directories(root.path()).unwrap(), []);
        for name in [NONE, "2", "other", "3"] {
            age(&root.path().join(name));
        }
        // Its file was used just now.
        fs::write(root.path().join("2/lock"), "").unwrap();
        age(&root.path().join("2"));
        assert_eq!(old_directories(root.path()).unwrap(), [1]);
    }

    #[test]
    fn a_directory_with_a_lock_stays() {
        let root = tempfile::tempdir().unwrap();
        assert!(is_unlocked(root.path(), &["lock"]));
        let file = File::create(root.path().join("lock")).unwrap();
        assert!(is_unlocked(root.path(), &["lock"]));
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockShared).unwrap();
        assert!(!is_unlocked(root.path(), &["lock"]));
    }

    #[test]
    fn a_process_is_a_trace_of_its_namespace() {
        let (mut traces, mut mounts) = (BTreeSet::new(), BTreeSet::new());
        of_process(Path::new("/proc/self"), &mut traces, &mut mounts).unwrap();
        assert!(traces.contains(&sys::netns::inode().unwrap()));
        assert_eq!(number("net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(number("mnt:[4026531840]"), None);
        let info = &b"pos:\t0\nflags:\t02\nmnt_id:\t4\nino:\t4026531840\n"[..];
        // What follows is not read.
        assert_eq!(inode(info.chain(io::repeat(b'x'))).unwrap(), 4_026_531_840);
        assert!(inode(&b"pos:\t0\n"[..]).is_err());
    }

    #[test]
    fn a_mount_of_any_name_hides_no_namespace() {
        let line = |root: &[u8]| [b"24 1 0:4 ", root, b" /\xff\xfe rw - nsfs nsfs rw"].concat();
        assert_eq!(mounted(&line(b"net:[4026531840]")), Some(4_026_531_840));
        assert_eq!(mounted(&line(b"/\xff")), None);
    }
}
