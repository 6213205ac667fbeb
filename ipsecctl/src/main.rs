//! ipsecctl(8): what xfrm-tools has beside setkey(8). A file is a subcommand.

mod counters;
mod error;
mod exec;
mod output;
mod policy;
mod run;
mod seccomp_notify;
mod show;
mod socket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::Error;

/// The IPsec interface of setkey(8) and ipsec(4) on Linux.
#[derive(Parser)]
#[command(name = "ipsecctl", version, arg_required_else_help = true)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Show(show::Show),
    Counters(counters::Counters),
    Exec(exec::Exec),
    #[command(subcommand)]
    Socket(socket::Command),
}

fn main() -> ExitCode {
    cli::print_warnings("ipsecctl");
    let (error, code) = match Options::parse().command {
        Command::Run(run) => with_code(run.execute()),
        Command::Exec(exec) => with_code(exec.execute()),
        Command::Show(show) => match show.execute() {
            Ok(code) => return code,
            Err(error) => (error, ExitCode::FAILURE),
        },
        Command::Counters(counters) => match counters.execute() {
            Ok(code) => return code,
            Err(error) => (error, ExitCode::FAILURE),
        },
        Command::Socket(command) => match command.execute() {
            Ok(code) => return code,
            Err(error) => (error, ExitCode::FAILURE),
        },
    };
    cli::print_error("ipsecctl", &error);
    code
}

fn with_code(error: Error) -> (Error, ExitCode) {
    let code = error.exit_code();
    (error, code)
}
