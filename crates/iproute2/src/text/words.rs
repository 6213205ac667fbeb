//! An entry, a word at a time.

use nom::{
    IResult, Parser,
    bytes::complete::{take_while, take_while1},
    combinator::all_consuming,
    sequence::preceded,
};

use super::Error;

/// The longest word in a message.
const LONGEST: usize = 40;

/// The words of an entry that are not read yet.
#[derive(Clone)]
pub struct UnreadWords<'a> {
    text: &'a str,
    rest: &'a str,
    line: usize,
    /// Whether the next word may be a key.
    is_secret: bool,
}

/// Blanks are those of lines, and the backslash that `ip -o` has for the end of one.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\\')
}

fn word(text: &str) -> IResult<&str, &str> {
    preceded(take_while(is_blank), take_while1(|c| !is_blank(c))).parse(text)
}

impl<'a> UnreadWords<'a> {
    /// Those of a text that begins at a line.
    pub fn new(text: &'a str, line: usize) -> Self {
        Self { text, rest: text, line, is_secret: false }
    }

    /// The next word; empty at the end.
    pub fn peek(&self) -> &'a str {
        word(self.rest).map_or("", |(_, word)| word)
    }

    /// Takes the next word.
    pub fn next(&mut self) -> &'a str {
        let Ok((rest, word)) = word(self.rest) else { return "" };
        self.rest = rest;
        self.is_secret = false;
        word
    }

    /// Takes all words.
    pub fn skip(&mut self) {
        self.rest = "";
    }

    /// Takes the next word if it is this one.
    pub fn take(&mut self, wanted: &str) -> bool {
        let is_next = self.peek() == wanted;
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes this word.
    pub fn expect(&mut self, wanted: &str) -> Result<(), Error> {
        if self.take(wanted) { Ok(()) } else { Err(self.wrong(format!("`{wanted}`"))) }
    }

    /// Takes these words.
    pub fn expect_all(&mut self, wanted: &str) -> Result<(), Error> {
        wanted.split(' ').try_for_each(|word| self.expect(word))
    }

    /// Takes a word that is what `parser` reads.
    pub fn read<T>(
        &mut self,
        what: &str,
        parser: impl Parser<&'a str, Output = T, Error = nom::error::Error<&'a str>>,
    ) -> Result<T, Error> {
        let (_, value) =
            all_consuming(parser).parse(self.peek()).map_err(|_| self.wrong(what.to_owned()))?;
        self.next();
        Ok(value)
    }

    /// Takes a word that is what `of` makes a value of.
    pub fn convert<T>(
        &mut self,
        what: &str,
        of: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Error> {
        let value = of(self.peek()).ok_or_else(|| self.wrong(what.to_owned()))?;
        self.next();
        Ok(value)
    }

    /// Takes a word that a type reads.
    pub fn parse<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, Error> {
        self.convert(what, |word| word.parse().ok())
    }

    /// Takes the rest of the line, without blanks around it.
    pub fn line(&mut self) -> &'a str {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        line.trim()
    }

    /// Keeps the next word out of messages.
    pub fn hide(&mut self) {
        self.is_secret = true;
    }

    /// The error that something else is expected here.
    pub fn wrong(&self, expected: impl Into<String>) -> Error {
        let token = self.peek();
        let at = self.text.len() - self.rest.trim_start_matches(is_blank).len();
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let shown = match token {
            "" => String::new(),
            _ if self.is_secret => "...".to_owned(),
            token => token.chars().take(LONGEST).collect(),
        };
        Error {
            line: self.line + before.matches('\n').count(),
            column: before[start..].chars().count() + 1,
            token: shown,
            expected: expected.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_place() {
        let mut words = UnreadWords::new("src a\n\tdst \u{e4}b\\ c", 7);
        words.expect_all("src a dst").unwrap();
        let error = words.expect("x").unwrap_err();
        assert_eq!(error.to_string(), "8:6: expected `x`, not `\u{e4}b`");
        words.next();
        words.hide();
        assert_eq!(words.wrong("y").to_string(), "8:10: expected y, not `...`");
        assert_eq!(words.next(), "c");
        assert_eq!(words.wrong("z").to_string(), "8:11: expected z, not the end of the entry");
    }
}
