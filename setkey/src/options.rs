//! The command line: that of ipsec-tools 0.8.2, of the BSDs by dialect, and the long options that
//! none of them had.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgAction, Parser,
    builder::{OsStringValueParser, TypedValueParser},
};
use cli::{Color, getopt_message};
use model::Dialect;

use crate::{message::MessageFormat, usage};

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
pub struct Command {
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
    /// Colours in messages (`--color`).
    pub color: Color,
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
    /// JSON, without keys (`--json`).
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

/// A command line that is not carried out. All of them but `LongVersion` exit with 1.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `-h`, or nothing to do: the usage on standard output.
    Usage(Dialect),
    /// `-V`: the usage's first line.
    Version,
    /// `--version`: what this really is; exits with 0.
    LongVersion,
    /// A wrong option: these words on standard error, then the usage.
    Wrong(String, Dialect),
}

#[derive(Parser)]
#[command(name = "setkey", disable_help_flag = true, disable_version_flag = true)]
#[command(args_override_self = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
struct Cli {
    #[arg(short = 'c', overrides_with_all = ["script", "text", "dump", "flush", "monitor"])]
    interactive: bool,
    #[arg(short = 'f', overrides_with_all = ["interactive", "text", "dump", "flush", "monitor"])]
    script: Option<PathBuf>,
    #[arg(short = 'e', overrides_with_all = ["interactive", "script", "dump", "flush", "monitor"])]
    text: Option<String>,
    #[arg(short = 'D', overrides_with_all = ["interactive", "script", "text", "flush", "monitor"])]
    dump: bool,
    #[arg(short = 'F', overrides_with_all = ["interactive", "script", "text", "dump", "monitor"])]
    flush: bool,
    #[arg(short = 'x', action = ArgAction::Count)]
    #[arg(overrides_with_all = ["interactive", "script", "text", "dump", "flush"])]
    monitor: u8,
    #[arg(short = 'P')]
    spd: bool,
    #[arg(short = 'n')]
    no_action: bool,
    #[arg(short = 'v', action = ArgAction::Count)]
    verbose: u8,
    #[arg(short = 'r', overrides_with = "kernel_mode")]
    rfc_mode: bool,
    #[arg(short = 'k', overrides_with = "rfc_mode")]
    kernel_mode: bool,
    #[arg(short = 'p')]
    ports: bool,
    /// Dead SAs too: XFRM lists none, so there is nothing to add.
    #[arg(short = 'a')]
    all: bool,
    #[arg(short = 'H')]
    hexdump: bool,
    #[arg(short = 'l')]
    repeat: bool,
    /// FreeBSD: only policies of no interface; XFRM has no others.
    #[arg(short = 'g')]
    global: bool,
    /// FreeBSD: only policies of if_ipsec interfaces.
    #[arg(short = 't')]
    interfaces: bool,
    #[arg(short = 'V')]
    version: bool,
    #[arg(short = 'h')]
    short_help: bool,
    #[arg(long = "help")]
    help: bool,
    #[arg(long = "version")]
    long_version: bool,
    #[arg(long, env = "SETKEY_DIALECT", default_value = "linux")]
    dialect: String,
    #[arg(long)]
    strict: bool,
    #[arg(long, value_enum, default_value = "auto", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "always")]
    color: Color,
    #[arg(long, conflicts_with = "as_script")]
    redact: bool,
    #[arg(long, conflicts_with = "as_script")]
    json: bool,
    #[arg(long = "script")]
    as_script: bool,
    #[arg(long)]
    check: bool,
    #[arg(long = "pfkey", value_name = "SOCKET", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "", value_parser = OsStringValueParser::new().map(PfKeySource::from))]
    pf_key: Option<PfKeySource>,
    files: Vec<PathBuf>,
}

/// Reads a command line, `args[0]` included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Stop> {
    let cli = Cli::try_parse_from(args)
        .map_err(|error| format!("setkey: {}", getopt_message::<Cli>(&error)))
        .map_err(|message| Stop::Wrong(message, Dialect::Linux))?;
    let Ok(dialect) = cli.dialect.parse() else {
        let words = format!("setkey: no dialect `{}`: linux, netbsd or freebsd", cli.dialect);
        return Err(Stop::Wrong(words, Dialect::Linux));
    };
    if let Some(letter) = cli.foreign_letter(dialect) {
        return Err(Stop::Wrong(format!("setkey: invalid option -- '{letter}'"), dialect));
    }
    if cli.long_version {
        return Err(Stop::LongVersion);
    }
    if cli.version {
        return Err(Stop::Version);
    }
    // In the BSDs -h is -H.
    if cli.help || (cli.short_help && !dialect.is_bsd()) {
        return Err(Stop::Usage(dialect));
    }
    let format = DumpFormat { layout: cli.layout(), ports: cli.ports, redact: cli.redact };
    Ok(Command {
        no_action: cli.no_action,
        verbose: cli.verbose > 0,
        messages: MessageFormat {
            hexdump: cli.hexdump || (cli.short_help && dialect.is_bsd()),
            redact: cli.redact,
        },
        forward_copies: !cli.kernel_mode,
        format,
        strict: cli.strict,
        color: cli.color,
        dialect,
        pf_key: cli.pf_key.clone(),
        mode: cli.mode(dialect)?,
    })
}

impl Cli {
    fn mode(self, dialect: Dialect) -> Result<Task, Stop> {
        let database = if self.spd { Database::Spd } else { Database::Sad };
        // FreeBSD's -c reads standard input like a file.
        let script = match self.script {
            None if self.interactive && dialect == Dialect::FreeBsd => Some(PathBuf::from("-")),
            script => script,
        };
        Ok(match (script, self.text) {
            _ if !self.files.is_empty() => Task::Files(self.files),
            (Some(path), _) if self.check => Task::Check(path),
            (Some(path), _) => Task::Script(path),
            (None, Some(text)) => Task::Text(text),
            (None, None) if self.interactive && self.check => Task::Check(PathBuf::from("-")),
            (None, None) if self.interactive => Task::Interactive,
            (None, None) if self.dump => Task::Dump(database),
            (None, None) if self.flush => Task::Flush(database),
            (None, None) if self.monitor > 1 => Task::Monitor(Timestamp::Seconds),
            (None, None) if self.monitor == 1 => Task::Monitor(Timestamp::Clock),
            (None, None) => return Err(Stop::Usage(dialect)),
        })
    }

    fn layout(&self) -> Layout {
        if self.json {
            Layout::Json
        } else if self.as_script {
            Layout::Script
        } else if self.repeat {
            Layout::Short
        } else {
            Layout::Long
        }
    }

    /// A short option that the dialect's setkey does not have.
    fn foreign_letter(&self, dialect: Dialect) -> Option<char> {
        let given = [
            ('e', self.text.is_some()),
            ('g', self.global),
            ('t', self.interfaces),
            ('n', self.no_action),
            ('r', self.rfc_mode),
            ('k', self.kernel_mode),
            ('p', self.ports),
            ('H', self.hexdump),
            ('V', self.version),
        ];
        let known = usage::letters(dialect);
        given.into_iter().find(|(letter, set)| *set && !known.contains(*letter)).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Stop> {
        let words = std::iter::once("setkey").chain(line.split_whitespace());
        parse(words.map(OsString::from))
    }

    fn mode(line: &str) -> Task {
        read(line).unwrap().mode
    }

    #[test]
    fn short_options_combine() {
        let command = read("-DPpv").unwrap();
        assert_eq!(command.mode, Task::Dump(Database::Spd));
        assert!(command.format.ports && command.verbose && command.forward_copies);
        assert_eq!(mode("-FP"), Task::Flush(Database::Spd));
        assert_eq!(mode("-f-"), Task::Script("-".into()));
        assert_eq!(mode("-lf x"), Task::Script("x".into()));
        assert_eq!(mode("-xxH"), Task::Monitor(Timestamp::Seconds));
    }

    #[test]
    fn the_last_mode_wins() {
        assert_eq!(mode("-D -F"), Task::Flush(Database::Sad));
        assert_eq!(mode("-F -D"), Task::Dump(Database::Sad));
        assert_eq!(mode("-c -f x"), Task::Script("x".into()));
        assert_eq!(mode("-f x -f y"), Task::Script("y".into()));
        assert_eq!(mode("-f x -c"), Task::Interactive);
        assert_eq!(mode("-D file"), Task::Files(vec!["file".into()]));
        assert!(!read("-r -k -D").unwrap().forward_copies);
        assert!(read("-k -r -D").unwrap().forward_copies);
    }

    #[test]
    fn what_is_not_carried_out() {
        let wrong = |words: &str| Err(Stop::Wrong(words.into(), Dialect::Linux));
        assert_eq!(read(""), Err(Stop::Usage(Dialect::Linux)));
        assert_eq!(read("-P"), Err(Stop::Usage(Dialect::Linux)));
        assert_eq!(read("-D -h"), Err(Stop::Usage(Dialect::Linux)));
        assert_eq!(read("-V"), Err(Stop::Version));
        assert_eq!(read("-z"), wrong("setkey: invalid option -- 'z'"));
        assert_eq!(read("-d"), wrong("setkey: invalid option -- 'd'"));
        assert_eq!(read("-e x"), wrong("setkey: invalid option -- 'e'"));
        assert_eq!(read("-f"), wrong("setkey: option requires an argument -- 'f'"));
        for option in ["--json", "--redact"] {
            let words = wrong(&format!("setkey: {option} does not go with --script"));
            assert_eq!(read(&format!("-D {option} --script")), words);
        }
    }

    #[test]
    fn each_dialect_has_its_letters() {
        let freebsd = |line: &str| read(&format!("--dialect freebsd {line}"));
        assert_eq!(freebsd("-e flush;").unwrap().mode, Task::Text("flush;".into()));
        assert_eq!(freebsd("-c").unwrap().mode, Task::Script("-".into()));
        assert_eq!(mode("--dialect netbsd -c"), Task::Interactive);
        assert!(freebsd("-h -x").unwrap().messages.hexdump);
        let wrong = Stop::Wrong("setkey: invalid option -- 'n'".into(), Dialect::FreeBsd);
        assert_eq!(freebsd("-n -D"), Err(wrong));
        assert!(matches!(read("--dialect vms -D"), Err(Stop::Wrong(..))));
    }

    #[test]
    fn long_options() {
        let command = read("-D --json --redact --strict --color").unwrap();
        assert_eq!((command.format.layout, command.format.redact), (Layout::Json, true));
        assert!(command.strict);
        assert_eq!(command.color, Color::Always);
        assert_eq!(read("-D --color=never").unwrap().color, Color::Never);
        assert_eq!(mode("--check -f x"), Task::Check("x".into()));
        let pf_key = |line: &str| read(line).unwrap().pf_key;
        assert_eq!(pf_key("-D"), None);
        assert_eq!(pf_key("--pfkey -D"), Some(PfKeySource::Namespace));
        assert_eq!(pf_key("-D --pfkey=kernel"), Some(PfKeySource::Kernel));
        assert_eq!(pf_key("-D --pfkey=/run/it"), Some(PfKeySource::Service("/run/it".into())));
    }
}
