//! From a command line to what it requests, in the dialect that it is for.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser};
use cli::{Keys, Shell, chosen_dialect, getopt_message};
use model::Dialect;

use super::{
    CommandLine, Database, DumpFormat, Layout, PolicyScope, SequenceNumbers, Stop, Task, Timestamp,
    cli::{Cli, ScriptKind},
    meant::{did_you_mean, suggested, with_two_dashes},
};
use crate::{message::MessageFormat, usage};

/// The options of this program (`--help`).
pub fn help() -> String {
    let heading = format!("setkey (xfrm-tools) {}", env!("CARGO_PKG_VERSION"));
    Cli::command().before_help(heading).render_help().to_string()
}

/// A script that completes the arguments in a shell (`--completions`).
pub fn completions(shell: Shell) -> String {
    ::cli::completions::<Cli>("setkey", shell)
}

/// Reads a command line, `args[0]` included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Stop> {
    let args: Vec<_> = args.into_iter().collect();
    let cli = Cli::try_parse_from(&args).map_err(|error| {
        let meant = suggested(&error).or_else(|| with_two_dashes(&args)).unwrap_or_default();
        Stop::Wrong(format!("setkey: {}{meant}", getopt_message::<Cli>(&error)), Dialect::Linux)
    });
    cli.and_then(command_line).map_err(|stop| match (stop, with_two_dashes(&args)) {
        // `-check` has the letters of `-c` and `-h`.
        (Stop::Usage(dialect), Some(meant)) => Stop::Wrong(format!("setkey{meant}"), dialect),
        (stop, _) => stop,
    })
}

fn command_line(cli: Cli) -> Result<CommandLine, Stop> {
    let dialect = chosen_dialect(cli.dialect.as_deref())
        .map_err(|words| Stop::Wrong(format!("setkey: {words}"), Dialect::Linux))?;
    if let Some(letter) = cli.foreign_letter(dialect) {
        let is_checked = letter == 'n' && (!cli.script.is_empty() || cli.interactive);
        let meant = if is_checked { did_you_mean("--check") } else { String::new() };
        return Err(Stop::Wrong(format!("setkey: invalid option -- '{letter}'{meant}"), dialect));
    }
    if let Some(shell) = cli.completions {
        return Err(Stop::Completions(shell));
    }
    if cli.long_version {
        return Err(Stop::LongVersion);
    }
    if cli.version {
        return Err(Stop::Version);
    }
    if cli.help {
        return Err(Stop::Help);
    }
    // In the BSDs -h is -H.
    if cli.short_help && !dialect.is_bsd() {
        return Err(Stop::Usage(dialect));
    }
    let (layout, scope) = (cli.layout(), cli.scope());
    let &Cli { ports, redact, .. } = &cli;
    let keys = if cli.keys { Keys::Shown } else { Keys::Hidden };
    let counters = if cli.counters { SequenceNumbers::Written } else { SequenceNumbers::Left };
    let restores = cli.as_script == Some(ScriptKind::Restore);
    let format = DumpFormat { layout, ports, redact, restores, keys, scope, counters };
    if let Some(words) = cli.without_meaning() {
        return Err(Stop::Wrong(format!("setkey: {words}"), dialect));
    }
    let command = CommandLine {
        no_action: cli.no_action,
        verbose: cli.verbose > 0,
        messages: MessageFormat {
            hexdump: cli.hexdump || (cli.short_help && dialect.is_bsd()),
            redact: cli.redact,
        },
        forward_copies: !cli.kernel_mode,
        format,
        strict: cli.strict,
        all_or_nothing: cli.all_or_nothing,
        color: cli.color,
        dialect,
        pf_key: cli.pf_key.clone(),
        unread: cli.script.split_last().map_or_else(Vec::new, |(_, unread)| unread.to_vec()),
        mode: cli.mode(dialect)?,
    };
    match has_no_json(&command) {
        Some(words) => Err(Stop::Wrong(format!("setkey: {words}"), dialect)),
        None => Ok(command),
    }
}

/// Why a command prints no JSON, or has no keys in it.
fn has_no_json(CommandLine { mode, format, .. }: &CommandLine) -> Option<&'static str> {
    let is_json = format.layout == Layout::Json;
    match mode {
        Task::Dump(Database::Sad) if is_json || format.keys == Keys::Hidden => None,
        _ if format.keys == Keys::Shown => Some("--keys goes with -D --json only"),
        Task::Dump(Database::Spd) | Task::Check(_) => None,
        _ if is_json => Some("--json goes with -D and --check only"),
        _ => None,
    }
}

impl Cli {
    fn mode(self, dialect: Dialect) -> Result<Task, Stop> {
        let is_script_only = self.all_or_nothing;
        match self.task(dialect)? {
            Task::Script(path) => Ok(Task::Script(path)),
            _ if is_script_only => {
                let words = "setkey: --all-or-nothing goes with -f only".to_owned();
                Err(Stop::Wrong(words, dialect))
            }
            task => Ok(task),
        }
    }

    fn task(self, dialect: Dialect) -> Result<Task, Stop> {
        let database = if self.spd { Database::Spd } else { Database::Sad };
        // FreeBSD's -c reads standard input like a file.
        let script = match self.script.into_iter().next_back() {
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

    fn scope(&self) -> PolicyScope {
        match (self.global, self.interfaces) {
            (true, false) => PolicyScope::Global,
            (false, true) => PolicyScope::Device,
            _ => PolicyScope::Any,
        }
    }

    fn layout(&self) -> Layout {
        if self.json {
            Layout::Json
        } else if self.as_script.is_some() {
            Layout::Script
        } else if self.repeat {
            Layout::Short
        } else {
            Layout::Long
        }
    }

    /// Options that do not go with each other.
    fn without_meaning(&self) -> Option<&'static str> {
        match self {
            Self { json: true, as_script: Some(_), .. } => Some("--json does not go with --script"),
            Self { redact: true, as_script: Some(_), .. } => {
                Some("--redact does not go with --script")
            }
            Self { keys: true, redact: true, .. } => Some("--keys does not go with --redact"),
            Self { check: true, script, interactive, files, .. }
                if script.is_empty() && !interactive || !files.is_empty() =>
            {
                Some("--check goes with -f FILE or -c only")
            }
            Self { json: true, repeat: true, .. } => Some("--json does not go with -l"),
            Self { json: true, verbose: 1.., .. } => Some("--json does not go with -v"),
            Self { json: true, no_action: true, dump: true, .. } => {
                Some("--json does not go with -n")
            }
            _ => None,
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
    use ::cli::Color;

    use super::*;
    use crate::options::PfKeySource;

    fn read(line: &str) -> Result<CommandLine, Stop> {
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
        assert_eq!(read("-f x -f y").unwrap().unread, [PathBuf::from("x")]);
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
        assert_eq!(read("-D --help"), Err(Stop::Help));
        assert_eq!(read("-V"), Err(Stop::Version));
        assert_eq!(read("-z"), wrong("setkey: invalid option -- 'z'"));
        assert_eq!(read("-d"), wrong("setkey: invalid option -- 'd'"));
        assert_eq!(read("-e x"), wrong("setkey: invalid option -- 'e'"));
        assert_eq!(read("-f"), wrong("setkey: option requires an argument -- 'f'"));
        for option in ["--json", "--redact"] {
            let words = wrong(&format!("setkey: {option} does not go with --script"));
            assert_eq!(read(&format!("-D {option} --script")), words);
            assert_eq!(read(&format!("--script {option} -D")), words);
        }
        for line in ["--check", "--check file", "--check -D", "--check -e flush;", "--check -f x y"]
        {
            let line = format!("--dialect freebsd {line}");
            let words = "setkey: --check goes with -f FILE or -c only".into();
            assert_eq!(read(&line), Err(Stop::Wrong(words, Dialect::FreeBsd)), "{line}");
        }
    }

    #[test]
    fn json_is_refused_where_it_means_nothing() {
        for line in
            ["-D --json", "-DP --json", "-Dpa --json", "--check --json -f x", "-D --json --keys"]
        {
            assert_eq!(read(line).unwrap().format.layout, Layout::Json, "{line}");
        }
        let wrong = |line: &str| match read(line) {
            Err(Stop::Wrong(words, _)) => words,
            other => panic!("{line}: {other:?}"),
        };
        for line in ["-x", "-xx", "-f x", "-f x -n", "-c", "-F", "-FP", "file", "-D file"] {
            let words = wrong(&format!("{line} --json"));
            assert_eq!(words, "setkey: --json goes with -D and --check only", "{line}");
        }
        let words = wrong("--dialect freebsd -e flush; --json");
        assert_eq!(words, "setkey: --json goes with -D and --check only");
        for option in ["-l", "-v", "-n"] {
            let words = wrong(&format!("-D --json {option}"));
            assert_eq!(words, format!("setkey: --json does not go with {option}"));
        }
        for line in ["-D", "-DP --json", "--check -f x --json", "-x", "-f x", "-D --script"] {
            let words = wrong(&format!("{line} --keys"));
            assert_eq!(words, "setkey: --keys goes with -D --json only", "{line}");
        }
    }

    #[test]
    fn all_or_nothing_is_for_scripts() {
        assert!(read("--all-or-nothing -f x").unwrap().all_or_nothing);
        for line in ["-c", "-D", "--check -f x", "-e flush;", "file"] {
            let line = format!("--all-or-nothing {line}");
            assert!(matches!(read(&line), Err(Stop::Wrong(..))), "{line}");
        }
        let words = "setkey: --all-or-nothing does not go with --pfkey";
        let wrong = Stop::Wrong(words.into(), Dialect::Linux);
        assert_eq!(read("--all-or-nothing --pfkey -f x"), Err(wrong));
    }

    #[test]
    fn help_has_every_option() {
        let help = help();
        for argument in Cli::command().get_arguments().filter(|it| !it.is_positional()) {
            assert!(argument.get_help().is_some(), "{argument:?}");
            let short = argument.get_short().map(|letter| format!("-{letter}"));
            let long = argument.get_long().map(|word| format!("--{word}"));
            assert!(short.iter().chain(&long).all(|option| help.contains(option)), "{argument:?}");
        }
    }

    #[test]
    fn each_dialect_has_its_letters() {
        let freebsd = |line: &str| read(&format!("--dialect freebsd {line}"));
        assert_eq!(freebsd("-e flush;").unwrap().mode, Task::Text("flush;".into()));
        assert_eq!(freebsd("-c").unwrap().mode, Task::Script("-".into()));
        assert_eq!(mode("--dialect netbsd -c"), Task::Interactive);
        assert!(freebsd("-h -x").unwrap().messages.hexdump);
        let scope = |line| freebsd(line).unwrap().format.scope;
        assert!(scope("-DPg").has(false) && !scope("-DPg").has(true));
        assert!(!scope("-DPt").has(false) && scope("-DPt").has(true));
        assert!(scope("-DPgt").has(false) && scope("-DPgt").has(true) && scope("-DP").has(true));
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
