//! Files that describe a state: setkey scripts whose entries are what the kernel is to have, or what `ipsecctl import` makes such
//! a script of.

use std::{
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
};

use cli::{Color, Colors, Diagnostic};
use engine::{Added, RequestedTables};
use grammar::{CheckedScript, CheckedStatement, Checker, Lowered, Script, Statement};
use model::{Dialect, Visible};
use sys::{SystemNames, bounded::Bounded};

use crate::{
    Error,
    import::{self, Format},
    input::reader,
};

/// So many mistakes are reported.
const MOST_MISTAKES: usize = 100;

/// The longest file, in bytes: all that it describes is in memory.
const MOST: u64 = 64 << 20;

/// The files of a command line, and how they are read.
#[derive(clap::Args)]
pub struct StateFiles {
    /// The setkey that the files were written for: linux, netbsd or freebsd
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<String>,
    /// Add no `fwd` policy for each `in` policy
    #[arg(short = 'k')]
    no_forward_copies: bool,
    /// Setkey scripts with the SAs and policies that are to be there, or what `import` reads; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
}

impl StateFiles {
    /// The dialect of the files.
    pub fn dialect(&self) -> Result<Dialect, Error> {
        cli::chosen_dialect(self.dialect.as_deref()).map_err(Error::Usage)
    }

    /// Reads all files. Every mistake is reported on standard error.
    pub fn read(&self, dialect: Dialect) -> Result<RequestedTables, Error> {
        let mut reading = Reading {
            tables: RequestedTables::default(),
            statements: Vec::new(),
            mistakes: 0,
            colors: Colors::of(Color::Auto),
        };
        for path in &self.paths {
            reading.file(path, dialect, !self.no_forward_copies)?;
        }
        match reading.mistakes {
            0 => Ok(reading.tables),
            mistakes => Err(Error::Mistakes { mistakes }),
        }
    }
}

struct Reading {
    tables: RequestedTables,
    /// The file and line of each statement.
    statements: Vec<(String, usize)>,
    mistakes: usize,
    colors: Colors,
}

impl Reading {
    fn file(&mut self, path: &Path, dialect: Dialect, forward_copies: bool) -> Result<(), Error> {
        let (mut name, mut reader) = reader(path)?;
        let mut dialect = dialect;
        if let Some(format) = Format::of(&name, &mut reader)? {
            reader = Box::new(Cursor::new(import::state(&name, reader, format)?));
            // Lines of mistakes are those of the script.
            name += " (ipsecctl import)";
            dialect = Dialect::Linux;
        }
        let script = Script::new(Bounded::new(reader, MOST), dialect);
        let checker = Checker::of_state(forward_copies);
        let mut script = CheckedScript::new(script, checker, &SystemNames);
        while let Some(CheckedStatement { lowered, findings }) =
            script.next_statement().map_err(|error| Error::unreadable(&name, &error))?
        {
            let before = self.mistakes;
            for finding in findings.iter().filter(|finding| finding.kind.is_failure()) {
                self.report(&Diagnostic::of_finding(&name, finding, self.colors));
            }
            if self.mistakes == before
                && let Some((statement, lowered)) = lowered
            {
                self.add(&name, &statement, lowered, forward_copies);
            }
            if self.mistakes >= MOST_MISTAKES {
                break;
            }
        }
        Ok(())
    }

    /// Adds what a statement describes.
    fn add(&mut self, name: &str, statement: &Statement, lowered: Lowered, forward_copies: bool) {
        let number = self.statements.len();
        self.statements.push((name.to_owned(), statement.line()));
        for operation in lowered.operations.into_iter().flatten() {
            match self.tables.add(number, &operation, forward_copies) {
                Added::Taken | Added::NoState => {}
                Added::TwiceWith(other) => {
                    let (file, line) = self.statements[other].clone();
                    let (name, file) = (Visible(name), Visible(&file));
                    let own = statement.line();
                    self.report(&format_args!("{name}:{own}: {file}:{line} describes this, too"));
                }
            }
        }
    }

    fn report(&mut self, report: &dyn std::fmt::Display) {
        self.mistakes += 1;
        // Without standard error nothing can be reported.
        let _ = writeln!(io::stderr(), "ipsecctl: {report}");
    }
}

/// Opens a script, and gives its name in messages.
pub fn open(
    path: &Path,
    dialect: Dialect,
    forward_copies: bool,
) -> Result<(String, CheckedScript<'static, impl Read>), Error> {
    let (name, mut reader) = reader(path)?;
    if Format::of(&name, &mut reader)?.is_some() {
        return Err(Error::NoScript { name });
    }
    let script = Script::new(Bounded::new(reader, MOST), dialect);
    Ok((name, CheckedScript::new(script, Checker::new(forward_copies), &SystemNames)))
}
