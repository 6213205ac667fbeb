//! Files of the host, each with a bound, below a directory that tests choose.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::system::uname;
use sys::bounded;

/// Bytes of a file. The largest is modules.dep, of less than 1 MiB on a PC.
const MOST: u64 = 8 << 20;

/// Names of a directory.
const MOST_NAMES: usize = 10_000;

/// The files of this host.
pub struct Files {
    root: PathBuf,
    /// The kernel's release.
    pub release: String,
}

impl Files {
    pub fn of_this_host() -> Self {
        let release = uname().release().to_string_lossy().into_owned();
        Self { root: PathBuf::from("/"), release }
    }

    /// Of a kernel of this release, below another directory.
    #[cfg(test)]
    pub fn below(root: &Path, release: &str) -> Self {
        Self { root: root.to_owned(), release: release.to_owned() }
    }

    /// A file; none if it cannot be read. Bytes that are not UTF-8 are replaced.
    pub fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = bounded::read_file(&self.root.join(path), MOST).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn is_there(&self, path: impl AsRef<Path>) -> bool {
        self.root.join(path).exists()
    }

    /// The names in a directory, in order.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(directory)).into_iter().flatten().flatten();
        let names =
            entries.take(MOST_NAMES).map(|it| it.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }

    /// The number in a file of /proc/sys.
    pub fn sysctl(&self, path: &str) -> Option<i64> {
        self.read(Path::new("proc/sys").join(path))?.trim().parse().ok()
    }

    /// The first two numbers of the kernel's release.
    pub fn version(&self) -> (u32, u32) {
        sys::release_numbers(&self.release)
    }
}
