//! The values of an earlier call, in a file of the caller's choice: a copy of `/proc/net/xfrm_stat`.

use std::{io, path::Path};

use model::CounterValues;
use sys::{bounded::read_file, replaced::replace};

use crate::Error;

/// The kernel's own has less than 2 KiB.
const MOST_BYTES: u64 = 1 << 16;

/// Reads the file; `None` if there is none yet. A FIFO is not waited for.
pub fn read(path: &Path) -> Result<Option<CounterValues>, Error> {
    let bytes = match read_file(path, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path)(error)),
    };
    let values = CounterValues::parse(&String::from_utf8_lossy(&bytes));
    values.map(Some).map_err(|error| Error::Counters { path: path.to_owned(), error })
}

/// Replaces the file at once: a reader finds the values of one call.
pub fn write(path: &Path, values: &CounterValues) -> Result<(), Error> {
    // As the files of File::create.
    replace(path, values.to_string().as_bytes(), 0o666).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |error| Error::File { path, error }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("counters");
        assert_eq!(read(&path).unwrap(), None);
        for text in ["XfrmInError 3\n", "XfrmInError 4\nXfrmOutError 0\n"] {
            let values = CounterValues::parse(text).unwrap();
            write(&path, &values).unwrap();
            assert_eq!(read(&path).unwrap(), Some(values));
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = write(&path, &CounterValues::parse("").unwrap()).unwrap_err().to_string();
        assert!(error.ends_with("socket: it is no file, and is not replaced"), "{error}");
        assert!(read(Path::new("/dev/zero")).unwrap_err().to_string().contains("64 KiB"));
    }

    #[test]
    fn another_file_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("letter");
        fs::write(&path, "Dear sir\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("letter: line 1 is not a name and a number: `Dear sir`"),
            "{error}"
        );
    }
}
