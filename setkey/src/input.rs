//! Where the statements of a script come from.

use std::{
    fs::File,
    io::{self, Cursor, IsTerminal, Read},
    os::fd::OwnedFd,
    path::Path,
};

use model::Dialect;

use cli::Signals;

use crate::{error::Error, prompt::Prompt};

/// Where statements come from.
pub struct ScriptInput {
    source: Source,
    /// What messages call it.
    pub name: String,
    /// Go on after a mistake, and word results without a line (`-c`).
    pub interactive: bool,
}

enum Source {
    File(OwnedFd),
    Text(String),
    Prompt(Box<Prompt>),
}

impl ScriptInput {
    /// A file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self { interactive: false, ..Self::interactive()? });
        }
        let file = File::open(path).map_err(|source| Error::of_open(path, source))?;
        let name = path.display().to_string();
        Ok(Self { source: Source::File(file.into()), name, interactive: false })
    }

    /// Standard input, as `-c` reads it: on a terminal with a prompt.
    pub fn prompt_or_stdin(dialect: Dialect) -> Result<Self, Error> {
        let input = Self::interactive()?;
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Ok(input);
        }
        let prompt = Prompt::new(dialect)
            .map_err(|error| Error::Read { name: input.name.clone(), reason: error.to_string() })?;
        Ok(Self { source: Source::Prompt(Box::new(prompt)), ..input })
    }

    /// Whether a person types it: Ctrl-C is the prompt's then, and other signals end the process at once.
    pub fn has_prompt(&self) -> bool {
        matches!(self.source, Source::Prompt(_))
    }

    fn interactive() -> Result<Self, Error> {
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
            (Source::Prompt(prompt), _) => prompt,
            (Source::Text(text), _) => Box::new(Cursor::new(text.into_bytes())),
            (Source::File(file), Some(signals)) => Box::new(signals.reader(file)),
            (Source::File(file), None) => Box::new(File::from(file)),
        }
    }
}
