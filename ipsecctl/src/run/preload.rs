//! The library for programs that are linked dynamically.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, access},
    process::geteuid,
};

use super::elf::Interpreter;

/// What the dynamic linker reads (ld.so(8)).
pub const VARIABLE: &str = "LD_PRELOAD";

/// This command.
const OWN: &str = "/proc/self/exe";

/// Where the library is, from the folder of the command: as Cargo has it, and as it is installed.
const PLACES: [&str; 4] = [
    "libpfkey_preload.so",
    "../lib/libpfkey-preload.so",
    MULTIARCH,
    "../lib64/libpfkey-preload.so",
];

#[cfg(target_arch = "x86_64")]
const MULTIARCH: &str = "../lib/x86_64-linux-gnu/libpfkey-preload.so";
#[cfg(target_arch = "aarch64")]
const MULTIARCH: &str = "../lib/aarch64-linux-gnu/libpfkey-preload.so";
#[cfg(target_arch = "riscv64")]
const MULTIARCH: &str = "../lib/riscv64-linux-gnu/libpfkey-preload.so";

/// The value of the variable, if the library is there and the program can be given it: the dynamic
/// linker of another C library or architecture would fail with it, or complain.
pub fn for_program(program: &OsStr) -> Option<OsString> {
    let own = Interpreter::of(Path::new(OWN)).filter(|own| *own != Interpreter::None)?;
    let its = Interpreter::of(&find(program)?)?;
    if its != own && its != Interpreter::None {
        return None;
    }
    let library = library()?;
    let before = env::var_os(VARIABLE).unwrap_or_default();
    let mut value = library.into_os_string();
    if !before.is_empty() {
        value.push(":");
        value.push(before);
    }
    Some(value)
}

/// The library, if only root or the own user can have made it. In the variable a path has no blank
/// and no colon.
fn library() -> Option<PathBuf> {
    let own = fs::read_link(OWN).ok()?;
    let beside = own.parent()?;
    let mut places = PLACES.iter().map(|place| beside.join(place));
    let library = fs::canonicalize(places.find(|place| place.exists())?).ok()?;
    let is_a_word = !library.as_os_str().as_bytes().iter().any(|byte| b" :\t\n".contains(byte));
    let file = fs::metadata(&library).ok()?;
    let is_trusted = [0, geteuid().as_raw()].contains(&file.uid()) && file.mode() & 0o022 == 0;
    (file.is_file() && is_a_word && is_trusted).then_some(library)
}

/// The file that exec finds for a program (execvp(3)).
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let mut places = env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_exec_finds_it() {
        assert_eq!(find(OsStr::new("./sh")), Some(PathBuf::from("./sh")));
        assert!(find(OsStr::new("sh")).is_some_and(|path| path.is_absolute()));
        assert_eq!(find(OsStr::new("no such program")), None);
    }
}
