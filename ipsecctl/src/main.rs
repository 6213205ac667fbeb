//! ipsecctl(8): what xfrm-tools has beside setkey(8). A file is a subcommand.

mod error;
mod run;
mod show;

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
}

fn main() -> ExitCode {
    match carry_out(&Options::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ipsecctl: {error}");
            error.exit_code()
        }
    }
}

fn carry_out(command: &Command) -> Result<ExitCode, Error> {
    match command {
        Command::Run(run) => Err(run.execute()),
        Command::Show(show) => show.execute(),
    }
}
