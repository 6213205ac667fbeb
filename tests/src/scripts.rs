//! Directories of setkey scripts.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The setkey scripts (`*.conf`) of a directory, by name; none where there is no such directory.
#[must_use]
pub fn scripts(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("a readable directory").path());
    let mut scripts = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect::<Vec<_>>();
    scripts.sort();
    scripts
}
