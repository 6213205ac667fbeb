//! The command line of ipsec-tools 0.8.2.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Parser, error::ErrorKind};

/// What the original prints for `-h`, `-V` (its first line) and a wrong option.
pub const USAGE: &str = "\
setkey @(#) ipsec-tools 0.8.2 (http://ipsec-tools.sourceforge.net)
usage: setkey [-vrk] file ...
       setkey [-nvrk] -c
       setkey [-nvrk] -f filename
       setkey [-Palpvrk] -D
       setkey [-Pv] -F
       setkey [-H] -x
       setkey [-V] [-h]
";

/// What the command is asked to do.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
pub struct Command {
    /// The last of the mode options.
    pub mode: Mode,
    /// Parse only (`-n`).
    pub no_action: bool,
    /// Show the messages to and from the kernel (`-v`).
    pub verbose: bool,
    /// Make a `fwd` policy with every `in` policy (`-r`, the default; `-k` turns it off).
    pub forward_copies: bool,
    /// Show ports in dumps (`-p`).
    pub ports: bool,
}

/// The modes; the last one on the command line wins.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// Statements from standard input, errors do not end it (`-c`).
    Interactive,
    /// A script (`-f FILE`).
    Script(PathBuf),
    /// Print the SAD, or the SPD (`-D`, `-DP`).
    Dump(Database),
    /// Empty the SAD, or the SPD (`-F`, `-FP`).
    Flush(Database),
}

/// Which database `-D` and `-F` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// Security associations.
    Sad,
    /// Security policies (`-P`).
    Spd,
}

/// A command line that is not carried out. All of them exit with 1.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `-h`, or nothing to do: the usage on standard output.
    Usage,
    /// `-V`: the usage's first line.
    Version,
    /// `--version`: what this really is; exits with 0.
    LongVersion,
    /// A wrong option: these words on standard error, then the usage.
    Wrong(String),
    /// An option of the original that this version does not have.
    Missing(&'static str),
}

#[derive(Parser)]
#[command(name = "setkey", disable_help_flag = true, disable_version_flag = true)]
#[command(args_override_self = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the original")]
struct Cli {
    #[arg(short = 'c', overrides_with_all = ["script", "dump", "flush", "monitor"])]
    interactive: bool,
    #[arg(short = 'f', overrides_with_all = ["interactive", "dump", "flush", "monitor"])]
    script: Option<PathBuf>,
    #[arg(short = 'D', overrides_with_all = ["interactive", "script", "flush", "monitor"])]
    dump: bool,
    #[arg(short = 'F', overrides_with_all = ["interactive", "script", "dump", "monitor"])]
    flush: bool,
    #[arg(short = 'x', action = ArgAction::Count)]
    #[arg(overrides_with_all = ["interactive", "script", "dump", "flush"])]
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
    #[arg(short = 'V')]
    version: bool,
    #[arg(long = "version")]
    long_version: bool,
    #[arg(short = 'h', long = "help")]
    help: bool,
    files: Vec<PathBuf>,
}

/// Reads a command line, `args[0]` included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Stop> {
    let cli = Cli::try_parse_from(args).map_err(|error| Stop::Wrong(getopt_words(&error)))?;
    if cli.long_version {
        return Err(Stop::LongVersion);
    }
    if cli.version {
        return Err(Stop::Version);
    }
    if cli.help {
        return Err(Stop::Usage);
    }
    if !cli.files.is_empty() {
        return Err(Stop::Missing("printing a binary dump of PF_KEY messages (setkey FILE)"));
    }
    if cli.monitor > 0 {
        return Err(Stop::Missing("-x (monitor)"));
    }
    if cli.hexdump {
        return Err(Stop::Missing("-H (hexadecimal dump)"));
    }
    if cli.repeat {
        return Err(Stop::Missing("-l (dump in a loop)"));
    }
    let database = if cli.spd { Database::Spd } else { Database::Sad };
    let mode = match cli.script {
        Some(path) => Mode::Script(path),
        None if cli.interactive => Mode::Interactive,
        None if cli.dump => Mode::Dump(database),
        None if cli.flush => Mode::Flush(database),
        None => return Err(Stop::Usage),
    };
    Ok(Command {
        mode,
        no_action: cli.no_action,
        verbose: cli.verbose > 0,
        forward_copies: !cli.kernel_mode,
        ports: cli.ports,
    })
}

/// The words of getopt(3) for a command line that clap does not take.
fn getopt_words(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue};
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.as_str(),
        _ => "",
    };
    let letter = option.trim_start_matches('-').chars().next().unwrap_or('?');
    match error.kind() {
        ErrorKind::UnknownArgument if option.starts_with("--") => {
            format!("setkey: unrecognized option '{option}'")
        }
        ErrorKind::UnknownArgument => format!("setkey: invalid option -- '{letter}'"),
        _ => format!("setkey: option requires an argument -- '{letter}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Stop> {
        let words = std::iter::once("setkey").chain(line.split_whitespace());
        parse(words.map(OsString::from))
    }

    fn mode(line: &str) -> Mode {
        read(line).unwrap().mode
    }

    #[test]
    fn short_options_combine() {
        let command = read("-DPpv").unwrap();
        assert_eq!(command.mode, Mode::Dump(Database::Spd));
        assert!(command.ports && command.verbose && command.forward_copies);
        assert_eq!(mode("-FP"), Mode::Flush(Database::Spd));
        assert_eq!(mode("-f-"), Mode::Script("-".into()));
    }

    #[test]
    fn the_last_mode_wins() {
        assert_eq!(mode("-D -F"), Mode::Flush(Database::Sad));
        assert_eq!(mode("-F -D"), Mode::Dump(Database::Sad));
        assert_eq!(mode("-c -f x"), Mode::Script("x".into()));
        assert_eq!(mode("-f x -f y"), Mode::Script("y".into()));
        assert_eq!(mode("-f x -c"), Mode::Interactive);
        assert!(!read("-r -k -D").unwrap().forward_copies);
        assert!(read("-k -r -D").unwrap().forward_copies);
    }

    #[test]
    fn what_is_not_carried_out() {
        assert_eq!(read(""), Err(Stop::Usage));
        assert_eq!(read("-P"), Err(Stop::Usage));
        assert_eq!(read("-D -h"), Err(Stop::Usage));
        assert_eq!(read("-V"), Err(Stop::Version));
        assert_eq!(read("-z"), Err(Stop::Wrong("setkey: invalid option -- 'z'".into())));
        assert_eq!(read("-d"), Err(Stop::Wrong("setkey: invalid option -- 'd'".into())));
        let wrong = "setkey: option requires an argument -- 'f'";
        assert_eq!(read("-f"), Err(Stop::Wrong(wrong.into())));
        assert!(matches!(read("-x"), Err(Stop::Missing(_))));
    }
}
