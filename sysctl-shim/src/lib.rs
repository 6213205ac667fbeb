//! sysctl(8) with the variables of ipsec(4): a stand-in for the one of procps, and for those of
//! the BSDs.

mod apply_report;
mod assignment;
mod conf;
mod error;
mod filter;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hint;
mod host;
mod name;
mod operand;
mod options;
mod proc;
mod read;
mod report;
mod ssh_session;
mod tree;
mod usage;
mod write;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use model::Dialect;

use error::Error;
use format::Output;
use host::HostVariables;
use name::Name;
use operand::Operand;
use options::{CommandLine, Stop, Task};
use read::Reader;
use report::Report;
use tree::Scope;
use write::Writer;

/// Carries out the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let program = program();
    match options::parse(env::args_os()) {
        Ok(command) => {
            cli::print_warnings(program.clone());
            let report = Report { program, dialect: command.dialect };
            match (Run { command: &command, report: &report }).run() {
                Ok(status) => exit_code(status, command.dialect),
                // The reader of standard output has gone.
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

/// Answers a command line that is not carried out.
fn stopped(program: &str, stop: Stop) -> ExitCode {
    match stop {
        Stop::Help(Dialect::Linux) => print!("{}", usage::text(program, Dialect::Linux)),
        Stop::Completions(shell) => print!("{}", options::completions(program, shell)),
        Stop::Version => println!("{program} from xfrm-tools {}", env!("CARGO_PKG_VERSION")),
        // The exit status is procps'.
        Stop::Wrong(words, Dialect::Linux) => {
            cli::print_error(program, &words);
            print!("{}", usage::text(program, Dialect::Linux));
        }
        Stop::Wrong(words, dialect) => {
            cli::print_error(program, &words);
            eprint!("{}", usage::text(program, dialect));
            return ExitCode::FAILURE;
        }
        Stop::Help(dialect) | Stop::Nothing(dialect) => {
            eprint!("{}", usage::text(program, dialect));
            return ExitCode::FAILURE;
        }
        Stop::Mistake(words) => {
            cli::print_error(program, &words);
            eprintln!("Try `{program} --help' for more information.");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Which files are loaded.
#[derive(Debug, Clone, Copy)]
enum FileKind {
    /// Those that the command line names.
    Named,
    /// The system's, which are named on standard output.
    System,
}

/// One call of the command.
struct Run<'a> {
    command: &'a CommandLine,
    report: &'a Report,
}

impl Run<'_> {
    fn run(&self) -> io::Result<i32> {
        let mut host = HostVariables::default();
        let mut out = Output::new(self.command.format);
        let status = match &self.command.task {
            Task::All => self.reader().folder(&Name::top(), &mut host, &mut out)?,
            Task::Load(patterns) => {
                let files = patterns.iter().flat_map(|pattern| conf::files(pattern));
                self.load(files.collect(), FileKind::Named, &mut host, &mut out)?
            }
            Task::System(root, operands) => {
                let files = conf::system_files(root);
                self.load(files, FileKind::System, &mut host, &mut out)?
                    | self.each(operands, &mut host, &mut out)?
            }
            Task::Each(operands) => self.each(operands, &mut host, &mut out)?,
        };
        out.finish()?;
        Ok(status)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { command: self.command, report: self.report }
    }

    /// Sets what is in files, which are all read first.
    fn load(
        &self,
        files: Vec<PathBuf>,
        kind: FileKind,
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        let mut status = 0;
        let mut lines = Vec::new();
        for file in files {
            let text = match kind {
                FileKind::Named => conf::read(&file),
                FileKind::System => {
                    if !self.command.writing.quiet {
                        out.applying(&file.display().to_string())?;
                    }
                    conf::read_system(&file)
                }
            };
            match text {
                Ok(text) => {
                    let (good, bad) = conf::lines(&text, &self.command.filter);
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
        for assignment in &assignments {
            status |= writer.write(assignment, host, out)?;
        }
        Ok(status)
    }

    /// Prints or sets each of these.
    fn each(
        &self,
        operands: &[Operand],
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        let assignments = operands.iter().filter_map(|operand| match operand {
            Operand::Set(assignment) => Some(assignment),
            _ => None,
        });
        let mut writer = Writer::new(self.command, self.report, assignments);
        let mut status = 0;
        for operand in operands {
            match operand {
                Operand::Print(name) => status += self.reader().print(name, host, out)?,
                Operand::Set(assignment) => status |= writer.write(assignment, host, out)?,
                Operand::Excluded => status |= 1,
                Operand::NotWriting => {
                    self.report.error(&Error::NotWriting);
                    status |= 1;
                }
                Operand::Malformed => {
                    let file = "command line".to_owned();
                    self.report.error(&Error::Syntax { file, line: 0 });
                    status |= 1;
                }
            }
        }
        Ok(status)
    }

    /// Whether a variable of a file is to be set. With `--ours`, unknown names in the folders of
    /// ipsec(4) are, too: they are reported.
    fn is_meant(&self, name: &Name) -> bool {
        self.command.scope == Scope::All || tree::is_in_our_folders(&name.dotted())
    }
}
