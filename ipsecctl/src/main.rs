//! ipsecctl(8): what xfrm-tools has beside setkey(8). A file is a subcommand.

mod apply;
mod check;
mod counters;
mod diagnose;
mod diff;
mod doctor;
mod error;
mod exec;
mod explain;
mod export;
mod filter;
mod import;
mod input;
mod key_fingerprint;
mod key_output;
mod keygen;
mod metrics;
mod monitor;
mod move_sa;
mod output;
mod policy;
mod restore;
mod run;
mod save;
mod seccomp_notify;
mod show;
mod socket;
mod state_files;
mod statements;
mod summary;
mod tables;
mod template;
mod top;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cli::Shell;

use error::Error;

/// The IPsec interface of setkey(8) and ipsec(4) on Linux.
///
/// Without a subcommand it prints a summary of this network namespace.
#[derive(Parser)]
#[command(name = "ipsecctl", version, args_conflicts_with_subcommands = true, max_term_width = 80)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    summary: summary::Summary,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Save(save::Save),
    Restore(restore::Restore),
    Check(check::Check),
    Show(show::Show),
    Counters(counters::Counters),
    Metrics(metrics::Metrics),
    Explain(Box<explain::Explain>),
    Export(export::Export),
    Import(import::Import),
    Keygen(keygen::Keygen),
    KeyFingerprint(key_fingerprint::KeyFingerprint),
    Monitor(monitor::Monitor),
    Move(move_sa::Move),
    Trace(trace::Trace),
    Exec(exec::Exec),
    Apply(apply::Apply),
    /// Keep the changes of the `ipsecctl apply --confirm` that waits in this network namespace
    Confirm,
    Diagnose(diagnose::Diagnose),
    Diff(diff::Diff),
    Doctor(doctor::Doctor),
    Top(Box<top::Top>),
    #[command(subcommand)]
    Socket(socket::SocketVerb),
    /// Print a script that completes the arguments of ipsecctl in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the JSON Schema of what --json prints
    Schema,
}

/// Statements, and what is printed of them, have keys. (Tests are linked with `preload`, which has its own.)
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: sys::WipingAllocator = sys::WipingAllocator;

fn main() -> ExitCode {
    cli::print_warnings("ipsecctl");
    let options = Options::parse();
    let result = match options.command {
        None => options.summary.execute(),
        Some(Command::Run(run)) => {
            let error = run.execute();
            return failed(&error, error.exit_code());
        }
        Some(Command::Exec(exec)) => {
            let error = exec.execute();
            return failed(&error, error.exit_code());
        }
        Some(Command::Save(save)) => save.execute(),
        Some(Command::Restore(restore)) => restore.execute(),
        Some(Command::Show(show)) => show.execute(),
        Some(Command::Check(check)) => check.execute(),
        Some(Command::Counters(counters)) => counters.execute(),
        Some(Command::Apply(apply)) => apply.execute(),
        Some(Command::Confirm) => apply::confirm(),
        Some(Command::Diff(diff)) => diff.execute(),
        Some(Command::Doctor(doctor)) => doctor.execute(),
        Some(Command::Export(export)) => export.execute(),
        Some(Command::Import(import)) => import.execute(),
        Some(Command::Top(top)) => top.execute(),
        Some(Command::Keygen(keygen)) => keygen.execute(),
        Some(Command::KeyFingerprint(fingerprint)) => fingerprint.execute(),
        Some(Command::Metrics(metrics)) => metrics.execute(),
        Some(Command::Explain(explain)) => match explain.execute() {
            Err(error) => return failed(&error, explain::NOT_KNOWN.into()),
            printed => printed,
        },
        Some(Command::Diagnose(diagnose)) => match diagnose.execute() {
            Err(error) => return failed(&error, diagnose::NOT_KNOWN.into()),
            printed => printed,
        },
        Some(Command::Move(it)) => it.execute(),
        Some(Command::Monitor(monitor)) => monitor.execute(),
        Some(Command::Trace(trace)) => trace.execute(),
        Some(Command::Socket(command)) => command.execute(),
        Some(Command::Completions { shell }) => {
            output::print_text(&cli::completions::<Options>("ipsecctl", shell))
        }
        Some(Command::Schema) => {
            output::print_text(&format!("{:#}\n", cli::json::schema().as_value()))
        }
    };
    result.unwrap_or_else(|error| failed(&error, ExitCode::FAILURE))
}

fn failed(error: &Error, code: ExitCode) -> ExitCode {
    cli::print_error("ipsecctl", error);
    code
}
