//! The files below /proc/sys.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use crate::name::Name;

/// Where they are.
pub const FOLDER: &str = "/proc/sys/";

/// The most bytes of a variable; a list of ports has a fifth of it at most.
const MOST: u64 = 1 << 20;

/// What a file allows its owner, whichever user runs the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// It can be read.
    pub readable: bool,
    /// It can be written.
    pub writable: bool,
}

/// What is there under a name: a folder is no file.
pub fn find(name: &Name) -> io::Result<Option<File>> {
    let status = fs::metadata(path(name))?;
    let mode = status.permissions().mode();
    let file = File { readable: mode & 0o400 != 0, writable: mode & 0o200 != 0 };
    Ok((!status.is_dir()).then_some(file))
}

/// The path of a name.
pub fn path(name: &Name) -> PathBuf {
    PathBuf::from(format!("{FOLDER}{}", name.path()))
}

/// Whether a name stays below /proc/sys when `..` and links are followed.
pub fn is_below(name: &Name) -> bool {
    fs::canonicalize(path(name)).is_ok_and(|path| path.starts_with(FOLDER))
}

/// What a folder holds, in no order.
pub fn list(folder: &Name) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(path(folder))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// The text of a variable.
pub fn read(name: &Name) -> io::Result<Vec<u8>> {
    sys::bounded::read(fs::File::open(path(name))?, MOST)
}

/// Sets a variable. The kernel takes a value in one write(2).
pub fn write(name: &Name, value: &str) -> Result<(), Failed> {
    let file = OpenOptions::new().write(true).open(path(name));
    let mut file = file.map_err(Failed::Open)?;
    file.write_all(format!("{value}\n").as_bytes()).map_err(Failed::Write)
}

/// Why a variable was not set.
#[derive(Debug)]
pub enum Failed {
    /// The file cannot be opened: it is read-only, or another user's.
    Open(io::Error),
    /// It does not take the value.
    Write(io::Error),
}
