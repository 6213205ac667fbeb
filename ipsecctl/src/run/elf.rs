//! Which dynamic linker a program is started by.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::Path,
};

/// How many scripts the kernel goes through (execve(2)).
const MOST_SCRIPTS: usize = 5;

/// The longest first line of a script, and the longest path of a linker here.
const LONGEST: usize = 256;

/// Sizes and offsets of ELF files of 64 bits (elf(5)).
const HEADER: usize = 64;
const MACHINE: usize = 18;
const TABLE: usize = 32;
const ENTRY_SIZE: usize = 54;
const ENTRIES: usize = 56;
const ENTRY: usize = 56;
const ENTRY_OFFSET: usize = 8;
const ENTRY_LENGTH: usize = 32;
const PT_INTERP: u32 = 3;

/// How a file of this machine's word size and byte order begins.
#[cfg(target_endian = "little")]
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
#[cfg(target_endian = "big")]
const MAGIC: &[u8] = b"\x7fELF\x02\x02";

/// What the kernel starts to start a program.
#[derive(Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// The program itself: it is linked statically.
    None,
    /// A dynamic linker, for a machine.
    Linker {
        /// `e_machine`.
        machine: u16,
        /// Its path, as it stands in the program.
        path: Vec<u8>,
    },
}

impl Interpreter {
    /// That of a program, or of the program that a script names. `None`: it cannot be read, or has
    /// another word size, or is something else.
    pub fn of(program: &Path) -> Option<Self> {
        let mut path = program.to_owned();
        for _ in 0..=MOST_SCRIPTS {
            let file = File::open(&path).ok()?;
            let mut start = Vec::new();
            (&file).take(LONGEST as u64).read_to_end(&mut start).ok()?;
            let Some(line) = start.strip_prefix(b"#!") else { return of_elf(&file, &start) };
            let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii_start();
            let word = line.split(u8::is_ascii_whitespace).next()?;
            path = OsStr::from_bytes(word).into();
        }
        None
    }
}

fn of_elf(file: &File, header: &[u8]) -> Option<Interpreter> {
    let header = header.get(..HEADER).filter(|header| header.starts_with(MAGIC))?;
    let (table, size) = (u64::from_ne_bytes(at(header, TABLE)?), at(header, ENTRY_SIZE)?);
    let (size, count) = (u16::from_ne_bytes(size), u16::from_ne_bytes(at(header, ENTRIES)?));
    for number in 0..u64::from(count) {
        let mut entry = [0; ENTRY];
        let place = table.checked_add(number * u64::from(size))?;
        file.read_exact_at(&mut entry, place).ok()?;
        if u32::from_ne_bytes(at(&entry, 0)?) == PT_INTERP {
            let length = usize::try_from(u64::from_ne_bytes(at(&entry, ENTRY_LENGTH)?)).ok()?;
            let mut path = vec![0; Some(length).filter(|length| *length <= LONGEST)?];
            file.read_exact_at(&mut path, u64::from_ne_bytes(at(&entry, ENTRY_OFFSET)?)).ok()?;
            return Some(Interpreter::Linker {
                machine: u16::from_ne_bytes(at(header, MACHINE)?),
                path,
            });
        }
    }
    Some(Interpreter::None)
}

fn at<const COUNT: usize>(bytes: &[u8], place: usize) -> Option<[u8; COUNT]> {
    bytes.get(place..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn written(text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        (directory, path)
    }

    #[test]
    fn a_script_has_that_of_what_reads_it() {
        let own = env::current_exe().unwrap();
        let linker = Interpreter::of(&own).unwrap();
        assert!(matches!(&linker, Interpreter::Linker { path, .. } if path.starts_with(b"/lib")));
        // In such a line a path has no blanks.
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        symlink(&own, &link).unwrap();
        let (_directory, script) = written(format!("#! {} -x\n", link.display()).as_bytes());
        assert_eq!(Interpreter::of(&script), Some(linker));
        let (_other, endless) = written(b"");
        fs::write(&endless, format!("#!{}", endless.display())).unwrap();
        assert_eq!(Interpreter::of(&endless), None);
    }

    #[test]
    fn what_is_no_program_of_this_machine_has_none() {
        let own = fs::read(env::current_exe().unwrap()).unwrap();
        let mut narrow = own[..HEADER].to_vec();
        narrow[4] = 1;
        for bytes in [&own[..HEADER - 1], &narrow, b"echo", b""] {
            let (_directory, path) = written(bytes);
            assert_eq!(Interpreter::of(&path), None);
        }
        assert_eq!(Interpreter::of(Path::new("/nonexistent")), None);
    }
}
