//! Mistakes in scripts and policy strings, with their place.
//!
//! The first line is `FILE:LINE:COLUMN: MESSAGE`, which editors parse. The renderer of `annotate-snippets`
//! puts the place on a line of its own, and does not overwrite keys.

use std::{borrow::Cow, fmt};

use grammar::{Excerpt, Position, Warning};

use crate::Colors;

/// Hexadecimal words with more digits than an SPI are taken for keys.
const MOST_SPI_DIGITS: usize = 8;

/// A mistake or a warning in a script. Displayed, it is `FILE:LINE:COLUMN: MESSAGE`, the line with
/// a caret under the token, and what to do.
pub struct Diagnostic<'a> {
    name: &'a str,
    position: Position,
    message: String,
    expected: Option<String>,
    help: Option<Cow<'static, str>>,
    colors: Colors,
    excerpt: &'a Excerpt,
}

impl<'a> Diagnostic<'a> {
    /// An error of the script `name`.
    #[must_use]
    pub fn of_error(name: &'a str, error: &'a grammar::Error, colors: Colors) -> Self {
        Self {
            name,
            position: error.position(),
            message: error.to_string(),
            expected: error.expected(),
            help: error.help(),
            colors,
            excerpt: error.excerpt(),
        }
    }

    /// A warning about the script `name`.
    #[must_use]
    pub fn of_warning(name: &'a str, warning: &'a Warning, colors: Colors) -> Self {
        Self {
            name,
            position: warning.place.position,
            message: warning.kind.to_string(),
            expected: None,
            help: Some(warning.help().into()),
            colors,
            excerpt: &warning.place.excerpt,
        }
    }

    /// The line of the token and the carets under it, to the line's end at the most.
    fn line_and_carets(&self) -> (String, String) {
        let Excerpt { text, span, .. } = self.excerpt;
        let text = blot_keys(text);
        let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
        let line = &text[start..end];
        let (before, rest) = line.split_at(span.start - start);
        let token = &rest[..rest.len().min(span.end - span.start)];
        let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        // Blanks of the same width, so that tabs line up.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let carets = "^".repeat(token.chars().count().max(1));
        (
            line.chars().map(visible).collect(),
            before.chars().map(blank).collect::<String>() + &carets,
        )
    }
}

impl fmt::Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colors { bold, red, blue, off } = self.colors;
        writeln!(f, "{bold}{}:{}: {}{off}", self.name, self.position, self.message)?;
        let (line, carets) = self.line_and_carets();
        let number = self.position.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, " {blue}{number} |{off} {line}")?;
        write!(f, " {blue}{margin} |{off} {red}{carets}{off}")?;
        if let Some(expected) = &self.expected {
            write!(f, "\n {margin} {blue}={off} expected {expected}")?;
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

/// Overwrites what may be a key, byte by byte so that spans stay true: logs are no place for keys.
fn blot_keys(text: &str) -> String {
    let mut blotted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (shown, secret, length) = if first == '"' {
            let end = rest[1..].find('"').map_or(rest.len(), |at| at + 1);
            (1, end, end)
        } else {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let digits = rest[..word].strip_prefix("0x").map_or(0, str::len);
            let shown = if digits > MOST_SPI_DIGITS { 2 } else { word };
            (shown, word, word.max(first.len_utf8()))
        };
        let shown = shown.max(if secret == 0 { length } else { 0 });
        blotted.push_str(&rest[..shown]);
        blotted.extend(rest[shown..secret.max(shown)].bytes().map(|byte| match byte {
            b'\n' => '\n',
            _ => '*',
        }));
        let closing = rest[length..].starts_with('"') && first == '"';
        if closing {
            blotted.push('"');
        }
        rest = &rest[length + usize::from(closing)..];
    }
    blotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_blotted_out_and_lengths_kept() {
        for (text, blotted) in [
            ("add a b esp 0x10001 -E null;", "add a b esp 0x10001 -E null;"),
            ("-E aes-cbc \"sixteen byte key\";", "-E aes-cbc \"****************\";"),
            ("-A hmac-md5 0xc0291ff014dccdd0;", "-A hmac-md5 0x****************;"),
            ("\"two\nlines", "\"***\n*****"),
            ("\"é\" é;", "\"**\" é;"),
        ] {
            assert_eq!(blot_keys(text), blotted);
            assert_eq!(blot_keys(text).len(), text.len());
        }
    }
}
