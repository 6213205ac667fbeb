//! Where the statements of a script come from.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use crate::error::Error;

/// Where statements come from.
pub struct Input {
    /// Reads them.
    pub reader: Box<dyn Read>,
    /// What messages call it.
    pub name: String,
    /// Go on after a mistake, and word results without a line (`-c`).
    pub interactive: bool,
}

impl Input {
    /// A file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self { interactive: false, ..Self::interactive() });
        }
        let file =
            File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        Ok(Self { reader: Box::new(file), name, interactive: false })
    }

    /// Standard input, as `-c` reads it.
    pub fn interactive() -> Self {
        let reader = Box::new(io::stdin());
        Self { reader, name: "<stdin>".into(), interactive: true }
    }

    /// A script on the command line.
    pub fn text(text: &str) -> Self {
        let reader = Box::new(Cursor::new(text.to_owned().into_bytes()));
        Self { reader, name: "<argument>".into(), interactive: false }
    }
}
