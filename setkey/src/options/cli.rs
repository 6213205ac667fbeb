//! The arguments: those of ipsec-tools 0.8.2, of the BSDs, and the long options that none of them had.

use std::path::PathBuf;

use clap::{
    ArgAction, Parser, ValueEnum,
    builder::{OsStringValueParser, TypedValueParser},
};
use cli::{Color, Shell};

use super::PfKeySource;

const MODES: [&str; 6] = ["interactive", "script", "text", "dump", "flush", "monitor"];

/// The mode options but one, which they override.
fn other_modes(one: &str) -> impl Iterator<Item = &'static str> {
    MODES.into_iter().filter(move |mode| *mode != one)
}

/// Reads and changes the kernel's security associations (SAD) and security policies (SPD).
#[derive(Parser)]
#[command(name = "setkey", disable_help_flag = true, disable_version_flag = true)]
#[command(max_term_width = 80)]
#[command(
    args_override_self = true,
    override_usage = "setkey [OPTION ...] -c | -f FILE | -D | -F | -x | FILE ..."
)]
#[command(
    after_help = "Manuals: setkey(8), ipsec(4). `setkey -h` prints the usage of ipsec-tools, which this replaces.\n\
    xfrm-tools ships ipsecctl(8) too: `ipsecctl show` prints tables."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
pub(super) struct Cli {
    /// Read statements from standard input; on a terminal with a prompt and a history
    #[arg(short = 'c', overrides_with_all = other_modes("interactive"))]
    pub(super) interactive: bool,
    /// Read statements from FILE, up to the first mistake; `-` is standard input
    #[arg(short = 'f', value_name = "FILE", action = ArgAction::Append)]
    #[arg(overrides_with_all = other_modes("script"))]
    pub(super) script: Vec<PathBuf>,
    /// Read statements from the command line (dialect freebsd)
    #[arg(short = 'e', value_name = "SCRIPT", overrides_with_all = other_modes("text"))]
    pub(super) text: Option<String>,
    /// Print the SAD; with -P the SPD
    #[arg(short = 'D', overrides_with_all = other_modes("dump"))]
    pub(super) dump: bool,
    /// Empty the SAD; with -P the SPD
    #[arg(short = 'F', overrides_with_all = other_modes("flush"))]
    pub(super) flush: bool,
    /// Print changes as PF_KEY messages; twice: with times in seconds
    #[arg(short = 'x', action = ArgAction::Count, overrides_with_all = other_modes("monitor"))]
    pub(super) monitor: u8,
    /// With -D and -F: the SPD
    #[arg(short = 'P')]
    pub(super) spd: bool,
    /// Parse only
    #[arg(short = 'n')]
    pub(super) no_action: bool,
    /// Print PF_KEY messages, and notes about statements that succeed
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Make a fwd policy with every in policy (default)
    #[arg(short = 'r', overrides_with = "kernel_mode")]
    pub(super) rfc_mode: bool,
    /// Make no fwd policies
    #[arg(short = 'k', overrides_with = "rfc_mode")]
    pub(super) kernel_mode: bool,
    /// Print ports with addresses
    #[arg(short = 'p')]
    pub(super) ports: bool,
    /// Without effect: dead SAs too, of which XFRM lists none
    #[arg(short = 'a')]
    pub(super) all: bool,
    /// With -v and -x: print messages in hexadecimal too
    #[arg(short = 'H')]
    pub(super) hexdump: bool,
    /// With -D: a line an SA, again every second
    #[arg(short = 'l')]
    pub(super) repeat: bool,
    /// Dialect freebsd: only policies of no interface; XFRM has no others
    #[arg(short = 'g')]
    pub(super) global: bool,
    /// Dialect freebsd: only policies of if_ipsec interfaces
    #[arg(short = 't')]
    pub(super) interfaces: bool,
    /// Print the version of ipsec-tools that this replaces
    #[arg(short = 'V')]
    pub(super) version: bool,
    /// Print the usage of ipsec-tools
    #[arg(short = 'h')]
    pub(super) short_help: bool,
    /// Print this
    #[arg(long = "help")]
    pub(super) help: bool,
    /// Print the version of this program
    #[arg(long = "version")]
    pub(super) long_version: bool,
    /// The system that is imitated: linux, netbsd or freebsd [env: SETKEY_DIALECT=] [default: linux]
    #[arg(long, value_name = "NAME")]
    pub(super) dialect: Option<String>,
    /// Exit with 2 if the kernel refuses a statement
    #[arg(long)]
    pub(super) strict: bool,
    /// With -f: carry out the whole script, or after a refusal or a signal leave all as it was
    #[arg(long, conflicts_with = "pf_key")]
    pub(super) all_or_nothing: bool,
    /// Colours in messages
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "always")]
    pub(super) color: Color,
    /// Print x or * for the digits of keys
    #[arg(long)]
    pub(super) redact: bool,
    /// With -D and --check: print JSON, with fingerprints of keys
    #[arg(long)]
    pub(super) json: bool,
    /// With -D --json: print keys, too
    #[arg(long)]
    pub(super) keys: bool,
    /// With -D: print statements that make the same entries, with keys; `restore` flushes first
    #[arg(long = "script", value_name = "restore", value_enum, num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "add")]
    pub(super) as_script: Option<ScriptKind>,
    /// With --script: print the sequence numbers of SAs, too
    #[arg(long, requires = "as_script")]
    pub(super) counters: bool,
    /// With -f: report all mistakes of the script, and change nothing
    #[arg(long)]
    pub(super) check: bool,
    /// Send PF_KEY messages instead of XFRM netlink: to the service at SOCKET, or to the `kernel`
    #[arg(long = "pfkey", value_name = "SOCKET", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "", value_parser = OsStringValueParser::new().map(PfKeySource::from))]
    pub(super) pf_key: Option<PfKeySource>,
    /// Print a script that completes the arguments in SHELL
    #[arg(long, value_name = "SHELL", value_enum)]
    pub(super) completions: Option<Shell>,
    /// Print recorded PF_KEY messages
    pub(super) files: Vec<PathBuf>,
}

/// What a script of `--script` does with the entries that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ScriptKind {
    /// It adds to them.
    Add,
    /// It deletes them first.
    Restore,
}
