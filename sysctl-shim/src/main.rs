//! sysctl(8) with the variables of ipsec(4): a stand-in for the one of procps, and for those of
//! the BSDs.

mod conf;
mod consequences;
mod error;
mod filter;
mod form;
mod guard;
mod hint;
mod host;
mod name;
mod options;
mod proc;
mod read;
mod report;
mod tree;
mod usage;
mod write;

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use model::Dialect;

use conf::{Assignment, Line};
use error::Error;
use form::{Output, What};
use host::Host;
use name::Name;
use options::{Action, Command, Stop};
use read::Reader;
use report::Report;
use tree::Scope;
use write::Writer;

fn main() -> ExitCode {
    let program = program();
    match options::parse(env::args_os()) {
        Ok(command) => {
            let report = Report { program, dialect: command.dialect };
            match (Run { command: &command, report: &report }).run() {
                Ok(status) => exit_code(status, command.dialect),
                // Whoever reads our output has gone: nobody is left to tell.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
                Err(error) => {
                    report.note(&format!("standard output: {error}"));
                    ExitCode::FAILURE
                }
            }
        }
        Err(stop) => stopped(&program, stop),
    }
}

/// The name by which this command was called: a link may call it sysctl.
fn program() -> String {
    let path = env::args_os().next().map(PathBuf::from);
    let name = path.as_deref().and_then(Path::file_name);
    name.map_or("sysctl-shim".into(), |name| name.to_string_lossy().into_owned())
}

/// procps adds one for each variable that cannot be read.
fn exit_code(status: i32, dialect: Dialect) -> ExitCode {
    let status = if dialect.is_bsd() { i32::from(status != 0) } else { status };
    ExitCode::from(status.to_le_bytes()[0])
}

/// Answers a command line that asks for nothing.
fn stopped(program: &str, stop: Stop) -> ExitCode {
    match stop {
        Stop::Help(Dialect::Linux) => print!("{}", usage::text(program, Dialect::Linux)),
        Stop::Version => println!("{program} from xfrm-tools {}", env!("CARGO_PKG_VERSION")),
        // The exit status is procps'.
        Stop::Wrong(words, Dialect::Linux) => {
            eprintln!("{program}: {words}");
            print!("{}", usage::text(program, Dialect::Linux));
        }
        Stop::Wrong(words, dialect) => {
            eprint!("{program}: {words}\n{}", usage::text(program, dialect));
            return ExitCode::FAILURE;
        }
        Stop::Help(dialect) | Stop::Nothing(dialect) => {
            eprint!("{}", usage::text(program, dialect));
            return ExitCode::FAILURE;
        }
        Stop::Mistake(words) => {
            eprintln!("{program}: {words}\nTry `{program} --help' for more information.");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// One call of the command.
struct Run<'a> {
    command: &'a Command,
    report: &'a Report,
}

/// An argument of the command.
enum Operand {
    Print(String),
    Set(Assignment),
    /// It was complained of, or `-r` leaves it out.
    Wrong,
}

impl Run<'_> {
    fn run(&self) -> io::Result<i32> {
        let mut out = Output::new(self.command.form);
        let status = match &self.command.action {
            Action::All => self.reader().folder(&Name::top(), &mut Host::default(), &mut out)?,
            Action::Load(patterns) => {
                let files = patterns.iter().flat_map(|pattern| conf::files(pattern));
                self.load(files.collect(), &mut out)?
            }
            Action::System(root, operands) => {
                let files = conf::system_files(root);
                if !self.command.writing.quiet {
                    files.iter().try_for_each(|file| out.applying(&file.display().to_string()))?;
                }
                self.load(files, &mut out)? | self.each(operands, &mut out)?
            }
            Action::Each(operands) => self.each(operands, &mut out)?,
        };
        out.finish()?;
        Ok(status)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { command: self.command, report: self.report }
    }

    /// Sets what is in files.
    fn load(&self, files: Vec<PathBuf>, out: &mut Output) -> io::Result<i32> {
        let mut status = 0;
        let mut lines = Vec::new();
        for file in files {
            match conf::read(&file, &self.command.filter) {
                Ok((good, bad)) => {
                    let file = file.display().to_string();
                    for line in bad {
                        self.report.error(&Error::Syntax { file: file.clone(), line });
                    }
                    lines.extend(good);
                }
                Err(source) => {
                    self.report.error(&Error::Open { file, source });
                    status = 1;
                }
            }
        }
        let mut assignments = conf::assignments(&lines, self.command.scope);
        assignments.retain(|assignment| self.is_meant(&assignment.name));
        let mut writer = Writer::new(self.command, self.report, assignments.iter());
        let mut host = Host::default();
        for assignment in &assignments {
            status |= writer.write(assignment, &mut host, out)?;
        }
        Ok(status)
    }

    /// Prints or sets each of these.
    fn each(&self, operands: &[OsString], out: &mut Output) -> io::Result<i32> {
        let is_refused = |text: &OsString| {
            self.command.dialect == Dialect::NetBsd
                && !self.command.writing.expected
                && !self.describes()
                && text.as_encoded_bytes().contains(&b'=')
        };
        if operands.iter().any(is_refused) {
            self.report.error(&Error::NotWriting);
            return Ok(1);
        }
        let operands = operands.iter().map(|text| self.operand(text)).collect::<Vec<_>>();
        let assignments = operands.iter().filter_map(|operand| match operand {
            Operand::Set(assignment) => Some(assignment),
            _ => None,
        });
        let mut writer = Writer::new(self.command, self.report, assignments);
        let mut host = Host::default();
        let mut status = 0;
        for operand in &operands {
            match operand {
                Operand::Print(name) => status += self.reader().print(name, &mut host, out)?,
                Operand::Set(assignment) => status |= writer.write(assignment, &mut host, out)?,
                Operand::Wrong => status |= 1,
            }
        }
        Ok(status)
    }

    fn operand(&self, text: &OsString) -> Operand {
        let bad = || {
            self.report.error(&Error::Syntax { file: "command line".to_owned(), line: 0 });
            Operand::Wrong
        };
        let Some(text) = text.to_str() else { return bad() };
        if self.describes() {
            return Operand::Print(text.split('=').next().unwrap_or(text).to_owned());
        }
        let must_set = self.command.writing.expected && !self.command.dialect.is_bsd();
        if !must_set && !text.contains('=') {
            return Operand::Print(text.to_owned());
        }
        match conf::parse(text, &self.command.filter) {
            // So short is nothing to procps.
            _ if text.trim_start().len() < 2 => Operand::Wrong,
            Ok(Line::Assign(assignment)) => Operand::Set(assignment),
            Ok(Line::Empty) => Operand::Wrong,
            Ok(Line::Except(_)) | Err(_) => bad(),
        }
    }

    fn describes(&self) -> bool {
        matches!(self.command.form.what, What::Descriptions { .. })
    }

    /// Whether a variable of a file is to be set. With `--ours`, names that ipsec(4) has not are
    /// meant too if they are in its folders: they are complained of.
    fn is_meant(&self, name: &Name) -> bool {
        self.command.scope == Scope::All || tree::is_in_our_folders(&name.dotted())
    }
}
