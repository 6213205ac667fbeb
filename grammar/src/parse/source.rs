use std::{fmt, str};

use model::Dialect;
use zeroize::Zeroizing;

use super::{inside::Inside, secret};
use crate::tree::Span;

/// Where the kept text begins in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatementOrigin {
    /// Line of its first byte, from 1.
    pub line: usize,
    /// Bytes of that line that are not kept.
    pub column: usize,
    /// The line that the original counts at the beginning of the statement.
    pub lexer_line: usize,
}

/// The text of one statement, from the beginning of its first line to its `;`. Wiped when dropped:
/// keys stand in it.
#[derive(Clone)]
pub struct Source {
    text: Zeroizing<Vec<u8>>,
    start: usize,
    origin: StatementOrigin,
    dialect: Dialect,
    /// The statement in ASCII, where it is not.
    masked: Option<Zeroizing<String>>,
}

/// A place in a script, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The byte in the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The lines of a statement, for a drawing with a caret, with `*` for what may be part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The text from the beginning of the statement's first line up to its `;`; of a very long
    /// line, the last part. What is not UTF-8 is replaced.
    pub text: String,
    /// The number of the first line.
    pub first_line: usize,
    /// The bytes of `text` that are meant.
    pub span: Span,
}

/// Where something is wrong, and the token that the original would name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line that the original prints: the one its lexer has come to, counting no newlines in
    /// quotes.
    pub line: usize,
    /// Where what is wrong begins.
    pub position: Position,
    /// The token that the original names; often the one after what is wrong. It may be a key.
    pub token: String,
    /// The same with `*` for what may be part of a key.
    pub redacted_token: String,
    /// The statement.
    pub excerpt: Excerpt,
}

impl Source {
    pub(crate) fn new(
        text: Zeroizing<Vec<u8>>,
        start: usize,
        origin: StatementOrigin,
        dialect: Dialect,
    ) -> Self {
        let statement = &text[start..];
        let mask = |&byte: &u8| if byte.is_ascii() { char::from(byte) } else { '\x7f' };
        let masked = (!statement.is_ascii()).then(|| {
            let mut masked = Zeroizing::new(String::with_capacity(statement.len()));
            masked.extend(statement.iter().map(mask));
            masked
        });
        Self { text, start, origin, dialect, masked }
    }

    /// The same with blanks for carriage returns outside quotes, from its first word on; none without that.
    pub(crate) fn without_returns(&self) -> Option<Self> {
        let mut text = self.text.clone();
        let (mut inside, mut start) = (Inside::Text, None);
        for (at, byte) in text.iter_mut().enumerate().skip(self.start) {
            if *byte == b'\r' && inside != Inside::Quote {
                *byte = b' ';
            }
            inside = inside.after(*byte);
            let is_word = !matches!(byte, b' ' | b'\t' | b'\n') && inside != Inside::Comment;
            start = start.or(is_word.then_some(at));
        }
        Some(Self::new(text, start?, self.origin, self.dialect))
    }

    /// The dialect it is read in.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where the statement begins in the text.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The statement alone.
    pub(crate) fn statement(&self) -> &[u8] {
        &self.text[self.start..]
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        &self.text[span.start..span.end]
    }

    /// Whether a byte is no part of a key.
    pub(crate) fn is_shown(&self, at: usize) -> bool {
        secret::blot(&self.text, self.start)[at] == self.text[at]
    }

    /// The bytes of `span` as an excerpt shows them.
    pub(crate) fn shown(&self, span: Span) -> String {
        let blotted = secret::blot(&self.text, self.start);
        String::from_utf8_lossy(&blotted[span.start..span.end]).into_owned()
    }

    /// The statement for the parser: ASCII, and byte by byte as long as the text. DEL, which the
    /// grammar takes only where it takes any byte, stands in for the bytes over 127.
    pub(crate) fn ascii(&self) -> &str {
        match &self.masked {
            Some(masked) => masked,
            None => str::from_utf8(self.statement()).unwrap_or_default(),
        }
    }

    /// The line that the original's lexer is on after `at`.
    pub(crate) fn lexer_line(&self, at: usize) -> usize {
        let mut inside = Inside::Text;
        let newlines = self.text[self.start..at].iter().filter(|&&byte| {
            let ends_line = inside.ends_line(byte);
            inside = inside.after(byte);
            ends_line
        });
        self.origin.lexer_line + newlines.count()
    }

    pub(crate) fn position(&self, at: usize) -> Position {
        let mut lines = self.text[..at].split(|&byte| byte == b'\n');
        let column = lines.next_back().map_or(0, <[u8]>::len) + 1;
        match lines.count() {
            0 => Position { line: self.origin.line, column: self.origin.column + column },
            newlines => Position { line: self.origin.line + newlines, column },
        }
    }

    /// Where the quote begins that the statement ends in.
    pub(crate) fn open_quote(&self) -> Option<usize> {
        let (mut inside, mut opened) = (Inside::Text, 0);
        for (at, &byte) in self.text.iter().enumerate().skip(self.start) {
            let before = inside;
            inside = inside.after(byte);
            if before != Inside::Quote && inside == Inside::Quote {
                opened = at;
            }
        }
        (inside == Inside::Quote).then_some(opened)
    }

    #[cfg(test)]
    pub(crate) fn place_of_start(&self) -> Position {
        self.position(self.start)
    }

    /// The place of `wrong`, where the original names the bytes of `named`.
    pub(crate) fn place(&self, wrong: Span, named: Span) -> Place {
        let lossy = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let blotted = secret::blot(&self.text, self.start);
        let before = lossy(&blotted[..wrong.start]);
        let meant = lossy(&blotted[wrong.start..wrong.end]);
        let span = Span { start: before.len(), end: before.len() + meant.len() };
        Place {
            line: self.lexer_line(named.end),
            position: self.position(wrong.start),
            token: lossy(self.bytes(named)),
            redacted_token: lossy(&blotted[named.start..named.end]),
            excerpt: Excerpt {
                text: before + &meant + &lossy(&blotted[wrong.end..]),
                first_line: self.origin.line,
                span,
            },
        }
    }
}

impl fmt::Debug for Source {
    /// Without the text: keys stand in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} bytes from line {})", self.text.len(), self.origin.line)
    }
}
