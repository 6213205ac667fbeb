//! Where the statements of a script come from.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    os::fd::OwnedFd,
    path::Path,
};

use crate::{error::Error, signals::Signals};

/// Where statements come from.
pub struct Input {
    source: Source,
    /// What messages call it.
    pub name: String,
    /// Go on after a mistake, and word results without a line (`-c`).
    pub interactive: bool,
}

enum Source {
    File(OwnedFd),
    Text(String),
}

impl Input {
    /// A file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self { interactive: false, ..Self::interactive()? });
        }
        let file =
            File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        Ok(Self { source: Source::File(file.into()), name, interactive: false })
    }

    /// Standard input, as `-c` reads it.
    pub fn interactive() -> Result<Self, Error> {
        let name = "<stdin>".to_owned();
        let file = io::stdin();
        let file = rustix::io::fcntl_dupfd_cloexec(&file, 0)
            .map_err(|errno| Error::Read { name: name.clone(), reason: sys::errno_text(errno) })?;
        Ok(Self { source: Source::File(file), name, interactive: true })
    }

    /// A script on the command line.
    pub fn text(text: &str) -> Self {
        let name = "<argument>".into();
        Self { source: Source::Text(text.to_owned()), name, interactive: false }
    }

    /// A reader of it, which a signal ends.
    pub fn reader(self, signals: Option<&Signals>) -> Box<dyn Read> {
        match (self.source, signals) {
            (Source::Text(text), _) => Box::new(Cursor::new(text.into_bytes())),
            (Source::File(file), Some(signals)) => Box::new(signals.reader(file)),
            (Source::File(file), None) => Box::new(File::from(file)),
        }
    }
}
