//! Mistakes in scripts and policy strings, with their place.
//!
//! The first line is `FILE:LINE:COLUMN: MESSAGE`, which editors parse. The renderer of `annotate-snippets`
//! puts the place on a line of its own, and does not overwrite keys. A renderer of its parts would end what is here.

use std::{borrow::Cow, fmt};

use grammar::{Excerpt, Finding, Position, Warning};
use model::{Visible, is_visible};

use crate::{Colors, json::FindingJson};

/// Columns of a line that are shown before the caret and from there on.
const BEFORE: usize = 60;
const FROM: usize = 100;

/// The longest message; it may contain a token.
const LONGEST_MESSAGE: usize = 300;

/// A mistake or a warning in a script. Displayed, it is `FILE:LINE:COLUMN: MESSAGE`, the part of the
/// line that is around the token with carets under it, and what to do. What the script contains does
/// not change the lines or the terminal.
pub struct Diagnostic<'a> {
    name: &'a str,
    position: Position,
    message: String,
    expected: Option<String>,
    help: Option<Cow<'static, str>>,
    why: Option<String>,
    colors: Colors,
    excerpt: &'a Excerpt,
}

impl<'a> Diagnostic<'a> {
    /// A warning about the script `name`.
    #[must_use]
    pub fn of_warning(name: &'a str, warning: &'a Warning, colors: Colors) -> Self {
        Self {
            name,
            position: warning.place.position,
            message: format!("warning: {}", warning.kind),
            expected: None,
            help: Some(warning.help().into()),
            why: None,
            colors,
            excerpt: &warning.place.excerpt,
        }
    }

    /// What is wrong with a statement of the script `name`.
    #[must_use]
    pub fn of_finding(name: &'a str, finding: &'a Finding, colors: Colors) -> Self {
        let Finding { kind, place } = finding;
        let message = if kind.is_failure() { kind.to_string() } else { format!("warning: {kind}") };
        Self {
            name,
            position: place.position,
            message,
            expected: kind.expected(),
            help: kind.help(),
            why: None,
            colors,
            excerpt: &place.excerpt,
        }
    }

    /// A finding with its code in brackets.
    #[must_use]
    pub fn of_json(finding: &'a FindingJson, excerpt: &'a Excerpt, colors: Colors) -> Self {
        let FindingJson { severity, message, code, line, column, .. } = finding;
        Self {
            name: &finding.file,
            position: Position { line: *line, column: *column },
            message: format!("{severity}: {message} [{code}]"),
            expected: finding.expected.clone(),
            help: finding.help.clone().map(Cow::Owned),
            why: finding.why.clone(),
            colors,
            excerpt,
        }
    }

    /// The line of the token as far as it is shown, and the carets under it.
    fn line_and_carets(&self) -> (String, String) {
        let Excerpt { text, span, .. } = self.excerpt;
        let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
        let (before, rest) = (&text[start..span.start], &text[span.start..end]);
        let token = text[span.start..end.min(span.end)].chars().count();
        let skipped = before.chars().count().saturating_sub(BEFORE);
        let mut line = String::from(if skipped > 0 { "..." } else { "" });
        line.extend(before.chars().skip(skipped).map(in_its_column));
        let carets = " ".repeat(line.chars().count()) + &"^".repeat(token.clamp(1, FROM));
        line.extend(rest.chars().take(FROM).map(in_its_column));
        if rest.chars().nth(FROM).is_some() {
            line += "...";
        }
        (line, carets)
    }
}

/// The character of one column that is shown for a character.
fn in_its_column(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_visible(c) => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// As much of a message as is shown.
fn shortened(message: &str) -> Cow<'_, str> {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]).into(),
        None => message.into(),
    }
}

impl fmt::Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colors { bold, red, blue, off } = self.colors;
        let (name, message) = (Visible(self.name), shortened(&self.message));
        writeln!(f, "{bold}{name}:{}: {}{off}", self.position, Visible(&message))?;
        let (line, carets) = self.line_and_carets();
        let number = self.position.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, " {blue}{number} |{off} {line}")?;
        write!(f, " {blue}{margin} |{off} {red}{carets}{off}")?;
        if let Some(expected) = &self.expected {
            write!(f, "\n {margin} {blue}={off} expected {expected}")?;
        }
        if let Some(why) = &self.why {
            write!(f, "\n {margin} {blue}={off} why: {why}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n {margin} {blue}={off} help: {help}")?;
        }
        Ok(())
    }
}

/// An error of a text of one line, in one line: what is wrong, in which column, and what to do.
#[must_use]
pub fn error_in_one_line(error: &grammar::Error) -> String {
    let expected = error.expected().map(|expected| format!("; expected {expected}"));
    let help = error.help().map(|help| format!("; {help}"));
    let (expected, help) = (expected.unwrap_or_default(), help.unwrap_or_default());
    format!("{error} at column {}{expected}{help}", error.position().column)
}

#[cfg(test)]
mod tests {
    use grammar::Script;
    use model::Dialect;

    use super::*;

    fn diagnostic(script: &str) -> String {
        let error = Script::new(script.as_bytes(), Dialect::Linux).next_statement();
        let finding = error.unwrap().unwrap_err().into();
        Diagnostic::of_finding("x.conf", &finding, Colors::NONE).to_string()
    }

    #[test]
    fn the_carets_are_under_the_token() {
        let text = diagnostic("flush \tanything\u{1b}[31m;");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("x.conf:1:8: syntax error"));
        assert_eq!(lines.next(), Some(" 1 | flush  anything\u{fffd}[31m;"));
        assert_eq!(lines.next(), Some("   |        ^^^^^^^^"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_token() {
        let long = "flush".to_owned() + &" ".repeat(500) + &"wrong".repeat(5000) + ";";
        let text = diagnostic(&long);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, format!(" 1 | ...{}{}...", " ".repeat(BEFORE), "wrong".repeat(20)));
        assert!(text.lines().all(|line| line.len() < 500), "{text}");
    }

    #[test]
    fn a_message_is_cut() {
        assert_eq!(shortened("syntax error"), "syntax error");
        let cut = "é".repeat(LONGEST_MESSAGE) + "...";
        assert_eq!(shortened(&"é".repeat(LONGEST_MESSAGE + 1)), cut);
    }
}
