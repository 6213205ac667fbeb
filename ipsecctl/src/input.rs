//! Files of the command line, of which `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use crate::Error;

/// Opens a file, and gives its name in messages.
pub fn reader(path: &Path) -> Result<(String, Box<dyn BufRead>), Error> {
    if path == Path::new("-") {
        return Ok(("<stdin>".to_owned(), Box::new(io::stdin().lock())));
    }
    let file = File::open(path).map_err(|error| Error::File { path: path.to_owned(), error })?;
    Ok((path.display().to_string(), Box::new(BufReader::new(file))))
}
