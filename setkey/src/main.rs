//! setkey(8) over XFRM netlink: a drop-in for the command of ipsec-tools.

mod dump;
mod error;
mod options;
mod printer;
mod report;
mod script;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use engine::{Engine, Options};
use ipsec::Operation;

use error::Error;
use options::{Command, Database, Mode, Stop, USAGE};
use printer::{Printer, Source};

fn main() -> ExitCode {
    let command = match options::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(stop) => return stopped(&stop),
    };
    if command.verbose {
        show_messages();
    }
    match run(&command) {
        Ok(code) => code,
        // Whoever reads our output has gone: nobody is left to tell.
        Err(error) if error.is_broken_pipe() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("setkey: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Error> {
    match &command.mode {
        Mode::Script(path) => script::run(command, script::Input::open(path)?),
        Mode::Interactive => script::run(command, script::Input::interactive()),
        Mode::Dump(Database::Sad) => one(command, Operation::DumpSad(None)),
        Mode::Dump(Database::Spd) => one(command, Operation::DumpSpd),
        Mode::Flush(Database::Sad) => one(command, Operation::FlushSad(None)),
        Mode::Flush(Database::Spd) => one(command, Operation::FlushSpd),
    }
}

/// Carries out the one operation of `-D` or `-F`.
fn one(command: &Command, operation: Operation) -> Result<ExitCode, Error> {
    if command.no_action {
        return Ok(ExitCode::SUCCESS);
    }
    let mut engine = open(command)?;
    let out = io::BufWriter::new(io::stdout().lock());
    let mut printer = Printer::new(out, Source::Direct, command.ports);
    engine.submit(0, Ok(operation), &mut printer)?;
    engine.flush(&mut printer)?;
    printer.out().flush()?;
    Ok(ExitCode::SUCCESS)
}

fn open(command: &Command) -> Result<Engine, Error> {
    Ok(Engine::open(Options { forward_copies: command.forward_copies })?)
}

/// `-v`: every message to and from the kernel on standard error.
fn show_messages() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Answers a command line that asks for nothing, or for something that is not here.
fn stopped(stop: &Stop) -> ExitCode {
    match stop {
        Stop::Usage => print!("{USAGE}"),
        Stop::Version => println!("{}", USAGE.lines().next().unwrap_or_default()),
        Stop::LongVersion => {
            println!("setkey (xfrm-tools) {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Stop::Wrong(words) => {
            eprintln!("{words}");
            print!("{USAGE}");
        }
        Stop::Missing(what) => eprintln!("setkey: {what} is not in this version of xfrm-tools"),
    }
    ExitCode::FAILURE
}
