//! Standard output of the subcommands that print what there is.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use cli::WipedOutput;

use crate::Error;

/// Standard output, which is written in large pieces.
pub type Output = WipedOutput;

/// Prints to standard output. If its reader has gone, the exit status is 1 and nothing is reported.
pub fn print(print: impl FnOnce(&mut Output) -> Result<(), Error>) -> Result<ExitCode, Error> {
    let mut out = Output::stdout()?;
    match print(&mut out).and_then(|()| Ok(out.flush()?)) {
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::FAILURE)
        }
        printed => printed.map(|()| ExitCode::SUCCESS),
    }
}

/// Prints a text.
pub fn print_text(text: &str) -> Result<ExitCode, Error> {
    print(|out| Ok(out.write_all(text.as_bytes())?))
}
