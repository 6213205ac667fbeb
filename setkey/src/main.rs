//! setkey(8) over XFRM netlink, or PF_KEY: a drop-in for the command of ipsec-tools, and for those of
//! the BSDs.

mod all_or_nothing;
mod backend;
mod check;
mod dump;
mod error;
mod files;
#[cfg(test)]
mod golden;
mod input;
mod ledger;
mod message;
mod monitor;
mod options;
mod pfkey_extras;
mod printer;
mod prompt;
mod script;
mod usage;
mod words;

use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use model::{Dialect, Operation, PolicyType, Visible};

use cli::WipedOutput;

use backend::Submission;
use error::Error;
use input::ScriptInput;
use options::{CommandLine, Database, Layout, Stop, Task};
use printer::{Printer, ResultSource};

/// Exit status after the kernel refused something, with `--strict`, and of a script that is not whole.
const REFUSED: u8 = 2;

/// Statements, and what is printed of them, have keys.
#[global_allocator]
static ALLOCATOR: sys::WipingAllocator = sys::WipingAllocator;

fn main() -> ExitCode {
    sys::process::keep_memory_private();
    let command = match options::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(stop) => return stopped(&stop),
    };
    cli::print_warnings("setkey");
    match run(&command) {
        Ok(code) => code,
        // The reader of our output has gone, so a message would not be read either.
        Err(error) if error.is_broken_pipe() => ExitCode::FAILURE,
        Err(error) => {
            print_error(&error);
            error.exit_code(command.dialect)
        }
    }
}

fn run(command: &CommandLine) -> Result<ExitCode, Error> {
    match &command.mode {
        Task::Script(path) if command.all_or_nothing => {
            all_or_nothing::run(command, ScriptInput::open(path)?)
        }
        Task::Script(path) => script::run(command, ScriptInput::open(path)?),
        Task::Text(text) => script::run(command, ScriptInput::text(text)),
        Task::Interactive => script::run(command, ScriptInput::prompt_or_stdin(command.dialect)?),
        Task::Check(path) => check::run(command, ScriptInput::open(path)?),
        Task::Dump(Database::Sad) => dump(command, &Operation::DumpSad(None)),
        Task::Dump(Database::Spd) => dump(command, &Operation::DumpSpd),
        Task::Flush(Database::Sad) => one(command, Operation::FlushSad(None)),
        Task::Flush(Database::Spd) => one(command, Operation::FlushSpd(PolicyType::Main)),
        Task::Monitor(timestamp) => {
            match &command.pf_key {
                None => monitor::run(*timestamp, command.messages)?,
                Some(source) => monitor::run_pf_key(source, *timestamp, command.messages)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Task::Files(paths) => files(command, paths),
    }
}

fn files(command: &CommandLine, paths: &[PathBuf]) -> Result<ExitCode, Error> {
    for path in paths {
        files::print(command, path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `-D`, once or again every second (`-l`).
fn dump(command: &CommandLine, operation: &Operation) -> Result<ExitCode, Error> {
    if command.format.layout != Layout::Short {
        return one(command, operation.clone());
    }
    let mut backend = backend::open(command)?;
    let mut printer = printer(command, ResultSource::Option)?;
    printer.header()?;
    loop {
        backend.submit(Submission::of_option(operation.clone()), &mut printer)?;
        printer.out().flush()?;
        thread::sleep(Duration::from_secs(1));
    }
}

/// Carries out the one operation of `-D` or `-F`.
fn one(command: &CommandLine, operation: Operation) -> Result<ExitCode, Error> {
    if command.no_action {
        return Ok(ExitCode::SUCCESS);
    }
    let mut backend = backend::open(command)?;
    let mut printer = printer(command, ResultSource::Option)?;
    backend.submit(Submission::of_option(operation), &mut printer)?;
    backend.finish(&mut printer)?;
    printer.out().flush()?;
    Ok(exit_code(command, &printer))
}

/// Prints an error or a note on standard error.
fn print_error(text: &dyn fmt::Display) {
    cli::print_error("setkey", text);
}

type StdoutPrinter = Printer<WipedOutput>;

fn printer(command: &CommandLine, source: ResultSource) -> io::Result<StdoutPrinter> {
    Ok(Printer::new(WipedOutput::stdout()?, source, command))
}

/// The status when everything was read: 0 even if the kernel refused something, but for `--strict`. A script that was
/// printed lacks what is in it as a comment, which is reported.
fn exit_code(command: &CommandLine, printer: &StdoutPrinter) -> ExitCode {
    let reports = printer.incomplete().reports();
    for report in &reports {
        print_error(report);
    }
    if command.strict && printer.has_refused() || !reports.is_empty() {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    }
}

/// Answers a command line that asks for nothing.
fn stopped(stop: &Stop) -> ExitCode {
    match stop {
        Stop::Usage(dialect) => print!("{}", usage::text(*dialect)),
        Stop::Help => {
            print!("{}", options::help());
            return ExitCode::SUCCESS;
        }
        Stop::Completions(shell) => {
            print!("{}", options::completions(*shell));
            return ExitCode::SUCCESS;
        }
        Stop::Version => println!("{}", usage::version()),
        Stop::LongVersion => {
            println!("setkey (xfrm-tools) {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Stop::Wrong(words, dialect) => {
            eprintln!("{}\nsetkey: `setkey --help` lists the options", Visible(words));
            print!("{}", usage::text(*dialect));
        }
    }
    ExitCode::FAILURE
}

/// FreeBSD's errx(-1, ...).
fn failure(dialect: Dialect) -> ExitCode {
    if dialect == Dialect::FreeBsd { ExitCode::from(255) } else { ExitCode::FAILURE }
}
