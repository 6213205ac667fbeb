//! The messages of getopt_long(3) for a command line that clap does not take.

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// The message of getopt_long(3), without the name of the program, for an error of the parser `Cli`.
/// An option that has a letter is reported by it.
#[must_use]
pub fn getopt_message<Cli: CommandFactory>(error: &clap::Error) -> String {
    let option = option(error, ContextKind::InvalidArg);
    let letter = option.strip_prefix('-').and_then(|rest| rest.chars().next());
    match (error.kind(), letter) {
        (ErrorKind::UnknownArgument, Some(letter)) if letter != '-' => {
            format!("invalid option -- '{letter}'")
        }
        (ErrorKind::UnknownArgument, _) => format!("unrecognized option '{option}'"),
        (ErrorKind::TooManyValues, _) => format!("option '{option}' doesn't allow an argument"),
        (ErrorKind::ArgumentConflict, _) => {
            format!("{option} does not go with {}", self::option(error, ContextKind::PriorArg))
        }
        (ErrorKind::InvalidValue, _) if has_value(error) => clap_message(error),
        _ => missing_argument::<Cli>(option),
    }
}

/// An option's name without the name of its argument.
fn option(error: &clap::Error, kind: ContextKind) -> &str {
    let option = match error.get(kind) {
        Some(ContextValue::String(option)) => option.as_str(),
        _ => "",
    };
    option.split([' ', '=', '[']).next().unwrap_or_default()
}

fn has_value(error: &clap::Error) -> bool {
    matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if !value.is_empty())
}

/// The first paragraph of clap's own message, in one line.
fn clap_message(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.trim_start_matches("error: ").replace('\n', "")
}

fn missing_argument<Cli: CommandFactory>(option: &str) -> String {
    let command = Cli::command();
    let letter = match option.strip_prefix("--") {
        Some(name) => command
            .get_arguments()
            .find(|argument| argument.get_long() == Some(name))
            .and_then(clap::Arg::get_short),
        None => option.strip_prefix('-').and_then(|rest| rest.chars().next()),
    };
    match letter {
        Some(letter) => format!("option requires an argument -- '{letter}'"),
        None => format!("option '{option}' requires an argument"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Cli {
        #[arg(short = 'f')]
        _file: Option<String>,
        #[arg(short = 'r', long = "pattern")]
        _pattern: Option<String>,
        #[arg(long = "root")]
        _root: Option<String>,
        #[arg(long = "json", conflicts_with = "_script")]
        _json: bool,
        #[arg(long = "script")]
        _script: bool,
        #[arg(long = "color", value_name = "COLOR", value_parser = ["auto", "never"], num_args = 0..=1, require_equals = true)]
        _color: Option<String>,
    }

    fn message(line: &str) -> String {
        let words = std::iter::once("program").chain(line.split(' '));
        getopt_message::<Cli>(&Cli::try_parse_from(words).unwrap_err())
    }

    #[test]
    fn messages_are_those_of_getopt() {
        assert_eq!(message("-z"), "invalid option -- 'z'");
        assert_eq!(message("--zoom"), "unrecognized option '--zoom'");
        assert_eq!(message("-f"), "option requires an argument -- 'f'");
        assert_eq!(message("-r"), "option requires an argument -- 'r'");
        assert_eq!(message("--pattern"), "option requires an argument -- 'r'");
        assert_eq!(message("--root"), "option '--root' requires an argument");
        assert_eq!(message("--script=x"), "option '--script' doesn't allow an argument");
        assert_eq!(message("--json --script"), "--json does not go with --script");
    }

    #[test]
    fn a_wrong_word_is_reported_with_the_right_ones() {
        let expected = "invalid value 'x' for '--color[=<COLOR>]'  [possible values: auto, never]";
        assert_eq!(message("--color=x"), expected);
    }
}
