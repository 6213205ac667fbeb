//! The command line: that of procps' sysctl, those of the BSDs by dialect, and what none had.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Parser};
use cli::{Shell, chosen_dialect, getopt_message};
use model::Dialect;

use crate::{
    filter::Filter,
    format::{Format, What},
    operand::{Operand, Syntax},
    tree::Scope,
};

/// What the command is asked to do.
#[derive(Debug)]
pub struct CommandLine {
    /// What to do.
    pub task: Task,
    /// Whose sysctl this is.
    pub dialect: Dialect,
    /// How values look.
    pub format: Format,
    /// Which variables are meant (`-r`).
    pub filter: Filter,
    /// Whether only those of ipsec(4) are (`--ours`).
    pub scope: Scope,
    /// How names that nothing has are taken.
    pub unknown: Unknown,
    /// List what is deprecated too (`--deprecated`).
    pub deprecated: bool,
    /// How values are set.
    pub writing: Writing,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Print all variables (`-a`).
    All,
    /// Set what is in these files (`-p`).
    Load(Vec<PathBuf>),
    /// Set what is in the system's files under this folder (`--system`, `--root`), then as
    /// [`Task::Each`].
    System(PathBuf, Vec<Operand>),
    /// Print or set these.
    Each(Vec<Operand>),
}

/// How names that nothing has are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// As an error.
    Error,
    /// In silence, unless they are in the folders of ipsec(4) (`--system`).
    Remark,
    /// In silence (`-e`, `-i`).
    Silence,
}

/// How values are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Writing {
    /// Arguments must be assignments, and may be in NetBSD's (`-w`).
    pub expected: bool,
    /// Do not echo (`-q`).
    pub quiet: bool,
    /// Say what would be set (`--dry-run`).
    pub dry_run: bool,
    /// Cut the session if it must be (`--force`).
    pub force: bool,
    /// Recreate SAs whose flags differ (`--rekey-flags`).
    pub renew_sas: bool,
}

/// A command line that is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `-h`: the usage.
    Help(Dialect),
    /// `-V`.
    Version,
    /// `--completions`: a script for this shell.
    Completions(Shell),
    /// Nothing on the command line.
    Nothing(Dialect),
    /// A wrong option, in getopt(3)'s words.
    Wrong(String, Dialect),
    /// Options that do not go together, or nothing to do.
    Mistake(&'static str),
}

#[derive(Parser)]
#[command(disable_help_flag = true, disable_version_flag = true)]
#[command(args_override_self = true, infer_long_args = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
struct Cli {
    #[arg(short = 'a', long = "all")]
    all: bool,
    #[arg(short = 'A')]
    all_too: bool,
    #[arg(short = 'X')]
    all_hex: bool,
    #[arg(long)]
    deprecated: bool,
    #[arg(long)]
    dry_run: bool,
    #[arg(short = 'b', long = "binary")]
    binary: bool,
    #[arg(short = 'e', long = "ignore")]
    ignore: bool,
    #[arg(short = 'i')]
    ignore_too: bool,
    #[arg(short = 'N', long = "names")]
    names: bool,
    #[arg(short = 'n', long = "values")]
    values: bool,
    #[arg(short = 'p', long = "load", short_alias = 'f', action = ArgAction::Append)]
    #[arg(num_args = 0..=1, default_missing_value = "")]
    load: Vec<OsString>,
    #[arg(long)]
    system: bool,
    #[arg(short = 'r', long)]
    pattern: Option<String>,
    #[arg(short = 'q', long)]
    quiet: bool,
    #[arg(short = 'w', long)]
    write: bool,
    /// Does nothing, as in procps.
    #[arg(short = 'o')]
    opaque: bool,
    #[arg(short = 'x')]
    hex: bool,
    #[arg(short = 'd')]
    describe: bool,
    #[arg(short = 'h')]
    human: bool,
    #[arg(long)]
    help: bool,
    #[arg(short = 'V', long)]
    version: bool,
    #[arg(long)]
    dialect: Option<String>,
    #[arg(long)]
    force: bool,
    #[arg(long)]
    rekey_flags: bool,
    #[arg(long)]
    json: bool,
    #[arg(long)]
    ours: bool,
    #[arg(long, default_value = "/")]
    root: PathBuf,
    #[arg(long, value_enum, hide = true)]
    completions: Option<Shell>,
    operands: Vec<OsString>,
}

/// A script that completes the arguments of a command of this name in a shell (`--completions`).
pub fn completions(program: &str, shell: Shell) -> String {
    cli::completions::<Cli>(program, shell)
}

/// Reads a command line, `args[0]` included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Stop> {
    let args = args.into_iter().collect::<Vec<_>>();
    let is_bare = args.len() < 2;
    let cli = Cli::try_parse_from(args)
        .map_err(|error| Stop::Wrong(getopt_message::<Cli>(&error), Dialect::Linux))?;
    let dialect = chosen_dialect(cli.dialect.as_deref())
        .map_err(|words| Stop::Wrong(words, Dialect::Linux))?;
    if is_bare {
        return Err(Stop::Nothing(dialect));
    }
    if cli.help {
        return Err(Stop::Help(dialect));
    }
    if let Some(shell) = cli.completions {
        return Err(Stop::Completions(shell));
    }
    if cli.version {
        return Err(Stop::Version);
    }
    let (format, filter) = (cli.format(dialect), Filter::new(cli.pattern.as_deref()));
    let scope = if cli.ours { Scope::Ours } else { Scope::All };
    let (unknown, deprecated, writing) = (cli.unknown(dialect), cli.deprecated, cli.writing());
    let (is_json, without_meaning) = (cli.json, cli.without_meaning());
    let task = cli.task(dialect, &filter)?;
    if let Some(words) = without_meaning {
        return Err(Stop::Mistake(words));
    }
    if is_json && task.sets() {
        return Err(Stop::Mistake("--json prints variables and sets none"));
    }
    Ok(CommandLine { task, dialect, format, filter, scope, unknown, deprecated, writing })
}

impl Task {
    /// Whether it sets a variable, or tries to.
    fn sets(&self) -> bool {
        match self {
            Self::All => false,
            Self::Load(_) | Self::System(..) => true,
            Self::Each(operands) => operands.iter().any(|one| !matches!(one, Operand::Print(_))),
        }
    }
}

impl Cli {
    /// An option that changes how text is printed, of which JSON has none.
    fn without_meaning(&self) -> Option<&'static str> {
        let options = [
            (self.names, "options --json and -N cannot coexist"),
            (self.values, "options --json and -n cannot coexist"),
            (self.binary, "options --json and -b cannot coexist"),
            (self.describe, "options --json and -d cannot coexist"),
            (self.human, "options --json and -h cannot coexist"),
            (self.hex, "options --json and -x cannot coexist"),
            (self.all_hex, "options --json and -X cannot coexist"),
        ];
        let given = options.into_iter().find(|(given, _)| self.json && *given);
        given.map(|(_, words)| words)
    }

    fn task(self, dialect: Dialect, filter: &Filter) -> Result<Task, Stop> {
        let is_bare = self.operands.is_empty() && self.load.is_empty() && !self.system;
        // In NetBSD descriptions of nothing are those of all.
        let all_described = self.describe && is_bare && dialect == Dialect::NetBsd;
        if self.all || self.all_too || self.all_hex || all_described {
            return Ok(Task::All);
        }
        if is_bare && (self.human || self.describe) {
            return Err(Stop::Help(dialect));
        }
        if !self.load.is_empty() {
            return Ok(Task::Load(self.files()));
        }
        if self.system && self.operands.is_empty() {
            return Ok(Task::System(self.root, Vec::new()));
        }
        if self.operands.is_empty() {
            return Err(match dialect {
                Dialect::Linux => Stop::Mistake("no variables specified"),
                _ => Stop::Nothing(dialect),
            });
        }
        if dialect == Dialect::Linux && self.names && self.quiet {
            return Err(Stop::Mistake("options -N and -q cannot coexist"));
        }
        let syntax = Syntax { dialect, describes: self.describes(), writes: self.write };
        let operands = syntax.operands(&self.operands, filter);
        Ok(if self.system { Task::System(self.root, operands) } else { Task::Each(operands) })
    }

    /// The files of `-p`, which may name one, and those after it; /etc/sysctl.conf without any.
    fn files(self) -> Vec<PathBuf> {
        let named = self.load.into_iter().filter(|file| !file.is_empty()).chain(self.operands);
        let files = named.map(PathBuf::from).collect::<Vec<_>>();
        if files.is_empty() { vec![self.root.join("etc/sysctl.conf")] } else { files }
    }

    fn format(&self, dialect: Dialect) -> Format {
        let what = if self.json {
            What::Json
        } else if self.names {
            What::Names
        } else if self.describes() {
            What::Descriptions { named: !self.values }
        } else if self.values || self.binary {
            What::Values
        } else {
            What::Both
        };
        Format {
            dialect,
            what,
            newline: !self.binary,
            hex: self.hex || (self.all_hex && dialect.is_bsd()),
            grouped: self.human,
            // In the BSDs -e is not procps' -e.
            equals_sign: self.ignore && dialect.is_bsd(),
            silent: self.quiet && dialect == Dialect::NetBsd,
        }
    }

    /// Whether descriptions are printed: `-N` comes first.
    fn describes(&self) -> bool {
        self.describe && !self.names
    }

    fn unknown(&self, dialect: Dialect) -> Unknown {
        let ignore = self.ignore_too || (self.ignore && !dialect.is_bsd());
        match (ignore, self.system) {
            (true, _) => Unknown::Silence,
            (false, true) => Unknown::Remark,
            (false, false) => Unknown::Error,
        }
    }

    fn writing(&self) -> Writing {
        Writing {
            expected: self.write,
            quiet: self.quiet,
            dry_run: self.dry_run,
            force: self.force,
            renew_sas: self.rekey_flags,
        }
    }
}
