//! The long option that is probably meant by a word of the command line.

use std::ffi::OsString;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue},
};

use super::cli::Cli;

/// Long options of other programs, and the option that does the same.
const OF_OTHERS: &[(&[&str], &str)] = &[
    (&["--file", "--filename", "--config", "--conf", "--input"], "-f FILE"),
    (&["--stdin", "--interactive", "--command"], "-c"),
    (&["--dump", "--list", "--show"], "-D"),
    (&["--flush", "--clear"], "-F"),
    (&["--policy", "--policies", "--spd"], "-P"),
    (&["--monitor", "--promisc"], "-x"),
    (&["--dry-run", "--no-action", "--test", "--parse", "--validate", "--syntax"], "--check"),
    (&["--verbose"], "-v"),
];

/// The option that does what the one in error does elsewhere, or that is spelt like it, as a question.
pub(super) fn suggested(error: &clap::Error) -> Option<String> {
    if let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg)
        && let Some((_, own)) = OF_OTHERS.iter().find(|(names, _)| names.contains(&wrong.as_str()))
    {
        return Some(did_you_mean(own));
    }
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(option) => Some(did_you_mean(option)),
        _ => None,
    }
}

/// An option as a question.
pub(super) fn did_you_mean(option: &str) -> String {
    format!(": did you mean `{option}`?")
}

/// The long option that is on the command line with one dash, as a question.
pub(super) fn with_two_dashes(args: &[OsString]) -> Option<String> {
    let command = Cli::command();
    let is_long = |name: &str| command.get_arguments().any(|it| it.get_long() == Some(name));
    let mut names = args.iter().skip(1).filter_map(|arg| arg.to_str()?.strip_prefix('-'));
    let name = names.find(|name| is_long(name.split('=').next().unwrap_or_default()))?;
    Some(did_you_mean(&format!("--{name}")))
}

#[cfg(test)]
mod tests {
    use crate::options::{Stop, parse};

    #[test]
    fn long_options_that_are_misspelt() {
        for (line, words) in [
            ("--chek -f x", "setkey: unrecognized option '--chek': did you mean `--check`?"),
            ("-check -f x", "setkey: did you mean `--check`?"),
            ("--file x", "setkey: unrecognized option '--file': did you mean `-f FILE`?"),
            ("--dry-run -f x", "setkey: unrecognized option '--dry-run': did you mean `--check`?"),
            ("--dialect freebsd -n -f x", "setkey: invalid option -- 'n': did you mean `--check`?"),
            ("--dialect freebsd -n -D", "setkey: invalid option -- 'n'"),
            ("-json -D", "setkey: invalid option -- 'j': did you mean `--json`?"),
        ] {
            let args = ["setkey"].into_iter().chain(line.split(' '));
            let stop = parse(args.map(Into::into)).unwrap_err();
            assert!(matches!(&stop, Stop::Wrong(text, _) if text == words), "{stop:?}");
        }
    }
}
