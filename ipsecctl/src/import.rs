//! `ipsecctl import`: what ip(8) has printed, and JSON, as a setkey script.

mod entries;
mod script;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use cli::{
    json::{Document, TransferJson},
    print_error,
    script::{Incomplete, SequenceNumbers},
};
use engine::Transfer;
use zeroize::Zeroizing;

use crate::{Error, input, key_output::KeyOutput, output, save};
pub use entries::{Format, Imported, read_all};

/// Exit status if something is a comment, since no statement adds it.
const INCOMPLETE: u8 = 2;

/// Print what `ip xfrm` or a command with --json has printed as a setkey script.
///
/// The script adds the same SAs and policies. It is printed to a pipe, or to a new file that its user alone may read.
#[derive(clap::Args)]
pub struct Import {
    /// Print to this file, which must not exist
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With the sequence numbers of SAs
    #[arg(long)]
    counters: bool,
    /// Print JSON: how many entries the file has, and which it does not have
    #[arg(long, requires = "output")]
    json: bool,
    /// Texts of `ip xfrm state` and `ip xfrm policy`, or JSON with keys; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
}

impl Import {
    /// Prints the script.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let mut imported = Imported::default();
        for path in &self.paths {
            let (name, mut reader) = input::reader(path)?;
            let format = Format::of_import(&name, &mut reader)?;
            imported.read(&name, reader, format)?;
        }
        imported.notes().iter().for_each(|note| print_error("ipsecctl", note));
        let mut out = KeyOutput::open(self.output.as_deref())?;
        let counters = if self.counters { SequenceNumbers::Written } else { SequenceNumbers::Left };
        let written = script::write(&imported, counters, &mut out);
        let written = written.and_then(|written| out.flush().map(|()| written));
        match written {
            Ok((written, incomplete)) => self.report(&written, &incomplete, imported.notes()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
            Err(error) => {
                out.discard();
                Err(error.into())
            }
        }
    }

    fn report(
        &self,
        written: &Transfer,
        incomplete: &Incomplete,
        notes: Vec<String>,
    ) -> Result<ExitCode, Error> {
        let reports = incomplete.reports();
        for report in &reports {
            print_error("ipsecctl", report);
        }
        let code = if reports.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) };
        if !self.json {
            return Ok(code);
        }
        let imported = Some(TransferJson { notes, ..save::json(written, None) });
        let document = Document { imported, ..Document::default() };
        let printed = output::print(|out| Ok(document.write(out)?))?;
        Ok(if printed == ExitCode::SUCCESS { code } else { printed })
    }
}

/// A file as a script that describes a state, for `diff` and `apply`.
///
/// Errors: also if there is an entry that no statement describes.
pub fn state(
    name: &str,
    reader: impl io::BufRead,
    format: Format,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut imported = Imported::default();
    imported.read(name, reader, format)?;
    imported.notes().iter().for_each(|note| print_error("ipsecctl", note));
    let mut text = Zeroizing::new(Vec::new());
    // An SA that is added goes on with the sequence numbers of the file.
    let (_, Incomplete { comments, .. }) =
        script::write(&imported, SequenceNumbers::Written, &mut *text)?;
    if comments != 0 {
        return Err(Error::NoState { name: name.to_owned(), comments });
    }
    Ok(text)
}
