//! The long option that is probably meant by a word of the command line.

use std::ffi::OsString;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue},
};

use super::cli::Cli;

/// The option that is spelt like the one in error, as a question.
pub(super) fn suggested(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(option) => Some(did_you_mean(option)),
        _ => None,
    }
}

fn did_you_mean(option: &str) -> String {
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
            ("-json -D", "setkey: invalid option -- 'j': did you mean `--json`?"),
        ] {
            let args = ["setkey"].into_iter().chain(line.split(' '));
            let stop = parse(args.map(Into::into)).unwrap_err();
            assert!(matches!(&stop, Stop::Wrong(text, _) if text == words), "{stop:?}");
        }
    }
}
