//! Files of the command line, of which `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use grammar::is_statement_as_file;
use rustix::io::fcntl_dupfd_cloexec;

use crate::Error;

/// Opens a file, and gives its name in messages.
pub fn reader(path: &Path) -> Result<(String, Box<dyn BufRead>), Error> {
    if path == Path::new("-") {
        return Ok(("<stdin>".to_owned(), Box::new(stdin()?)));
    }
    let file = File::open(path).map_err(|error| {
        if is_statement_as_file(path) {
            return Error::Statement;
        }
        Error::File { path: path.to_owned(), error }
    })?;
    Ok((path.display().to_string(), Box::new(BufReader::new(file))))
}

/// Standard input, without the buffer of the library, which is not wiped.
///
/// Errors: [`Error::Read`].
pub fn stdin() -> Result<BufReader<File>, Error> {
    let file = fcntl_dupfd_cloexec(io::stdin(), 3);
    let file = file.map_err(|errno| Error::unreadable("<stdin>", &errno.into()))?;
    Ok(BufReader::new(File::from(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_in_the_place_of_a_file_is_not_shown() {
        let statement = "add ::1 ::2 esp 256 -E aes-cbc \"sixteen byte key\";";
        for text in [statement.to_owned(), format!("{statement} # {}", "long ".repeat(100))] {
            let Err(error) = reader(Path::new(&text)) else { panic!("it is no file") };
            assert!(!error.to_string().contains("sixteen"), "{error}");
        }
        assert!(matches!(reader(Path::new("/nowhere")), Err(Error::File { .. })));
    }
}
