//! What a command line requests.

mod cli;
mod meant;
mod parse;

use std::{ffi::OsString, path::PathBuf};

use ::cli::{Color, Keys, Shell, script::SequenceNumbers};
use model::Dialect;

use crate::message::MessageFormat;

pub use self::parse::{completions, help, parse};

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
pub struct CommandLine {
    /// The last of the mode options.
    pub mode: Task,
    /// The setkey that is imitated.
    pub dialect: Dialect,
    /// Parse only (`-n`).
    pub no_action: bool,
    /// Show the PF_KEY messages this would have been (`-v`).
    pub verbose: bool,
    /// How messages are shown (`-H`, `--redact`).
    pub messages: MessageFormat,
    /// Make a `fwd` policy with every `in` policy (`-r`, the default; `-k` turns it off).
    pub forward_copies: bool,
    /// How dumps look.
    pub format: DumpFormat,
    /// Exit with 2 after the kernel refused something (`--strict`).
    pub strict: bool,
    /// Carry out a script as a whole, or leave all as it was (`--all-or-nothing`).
    pub all_or_nothing: bool,
    /// Colours in messages (`--color`).
    pub color: Color,
    /// Scripts that are not read: the last `-f` counts.
    pub unread: Vec<PathBuf>,
    /// The source of PF_KEY sockets that are used instead of XFRM netlink (`--pfkey`).
    pub pf_key: Option<PfKeySource>,
}

/// The source of PF_KEY sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PfKeySource {
    /// The service of this network namespace, or the kernel where there is none (`--pfkey`).
    Namespace,
    /// The kernel (`--pfkey=kernel`).
    Kernel,
    /// The service that listens at this path (`--pfkey=PATH`).
    Service(PathBuf),
}

impl From<OsString> for PfKeySource {
    /// The word behind `--pfkey=`; empty without one.
    fn from(word: OsString) -> Self {
        match word {
            none if none.is_empty() => PfKeySource::Namespace,
            kernel if kernel == "kernel" => PfKeySource::Kernel,
            path => PfKeySource::Service(path.into()),
        }
    }
}

/// How dumps look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DumpFormat {
    /// The layout.
    pub layout: Layout,
    /// Show ports (`-p`).
    pub ports: bool,
    /// Put `x` for the digits of keys (`--redact`).
    pub redact: bool,
    /// Begin a script with what empties the database (`--script=restore`).
    pub restores: bool,
    /// Whether JSON has the digits of keys (`--keys`).
    pub keys: Keys,
    /// The policies that are shown (`-g`, `-t`).
    pub scope: PolicyScope,
    /// Whether a script has the sequence numbers of SAs (`--counters`).
    pub counters: SequenceNumbers,
}

/// FreeBSD's scopes of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PolicyScope {
    /// All policies.
    #[default]
    Any,
    /// Those of no device (`-g`).
    Global,
    /// Those of a device (`-t`).
    Device,
}

impl PolicyScope {
    /// Whether a policy is of this scope.
    pub fn has(self, of_device: bool) -> bool {
        match self {
            PolicyScope::Any => true,
            PolicyScope::Global => !of_device,
            PolicyScope::Device => of_device,
        }
    }
}

/// The layouts of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Several lines an entry, as the original.
    #[default]
    Long,
    /// A line an SA, again every second (`-l`).
    Short,
    /// A script that makes the same entries (`--script`).
    Script,
    /// JSON (`--json`).
    Json,
}

/// The modes; the last one on the command line wins.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Statements from standard input, errors do not end it (`-c`).
    Interactive,
    /// A script (`-f FILE`, and FreeBSD's `-c` as `-f -`).
    Script(PathBuf),
    /// A script on the command line (`-e`, FreeBSD).
    Text(String),
    /// Read a whole script and report all mistakes (`--check -f FILE`).
    Check(PathBuf),
    /// Print the SAD, or the SPD (`-D`, `-DP`).
    Dump(Database),
    /// Empty the SAD, or the SPD (`-F`, `-FP`).
    Flush(Database),
    /// Print the notifications of AF_KEY (`-x`).
    Monitor(Timestamp),
    /// Print binary dumps of PF_KEY messages.
    Files(Vec<PathBuf>),
}

/// How `-x` shows the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    /// Time of day (`-x`).
    Clock,
    /// Unix seconds (`-xx`).
    Seconds,
}

/// Which database `-D` and `-F` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// Security associations.
    Sad,
    /// Security policies (`-P`).
    Spd,
}

/// A command line that is not carried out. All of them but `Help` and `LongVersion` exit with 1.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `-h`, or nothing to do: the usage on standard output.
    Usage(Dialect),
    /// `--help`: the options of this program; exits with 0.
    Help,
    /// `-V`: the usage's first line.
    Version,
    /// `--completions`: a script for this shell; exits with 0.
    Completions(Shell),
    /// `--version`: what this really is; exits with 0.
    LongVersion,
    /// A wrong option: these words on standard error, then the usage.
    Wrong(String, Dialect),
}
