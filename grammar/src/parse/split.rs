use std::mem;

use model::Dialect;
use zeroize::{Zeroize, Zeroizing};

use super::{
    inside::Inside,
    source::{Source, StatementOrigin},
};

/// The longest statement, in bytes: what bounds the memory that a script can take.
pub const MAX_STATEMENT: usize = 64 * 1024;

/// A comment inside a statement is kept, for excerpts, while the statement is shorter than this.
const ROOM_FOR_COMMENTS: usize = MAX_STATEMENT / 2;
/// The most that is kept of a line before a statement, for excerpts.
const ROOM_FOR_LINE: usize = 1024;
/// What nearly every statement fits in.
const ROOM: usize = 256;

/// What became of the bytes given to the splitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// They end inside or before a statement.
    More,
    /// They complete a statement: [`Splitter::take`] it.
    Statement,
    /// The statement is over [`MAX_STATEMENT`]: take what there is, the rest is skipped.
    TooLong,
}

/// Gathers the bytes of one statement, with what precedes it on its first line.
pub(crate) struct Splitter {
    text: Zeroizing<Vec<u8>>,
    /// Where the statement begins in `text`, once it has.
    start: Option<usize>,
    inside: Inside,
    /// Where `text` begins in the script.
    origin: StatementOrigin,
    /// The line of the next byte, and the same without newlines in quotes.
    line: usize,
    lexer_line: usize,
    dialect: Dialect,
    /// Whether a carriage return is a blank between statements.
    skips_returns: bool,
}

/// Whether each statement that begins in a text ends in it.
#[must_use]
pub fn is_whole(text: &str, dialect: Dialect) -> bool {
    let mut splitter = Splitter::new(dialect);
    let mut rest = text.as_bytes();
    loop {
        let (used, cut) = splitter.feed(rest);
        rest = &rest[used..];
        match cut {
            Cut::More => return !splitter.has_begun(),
            Cut::Statement => drop(splitter.take()),
            Cut::TooLong => return true,
        }
    }
}

/// Some bytes of a statement: a comment or none of one.
struct Piece {
    length: usize,
    is_comment: bool,
    ends_statement: bool,
}

impl Splitter {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            text: Zeroizing::new(Vec::with_capacity(ROOM)),
            start: None,
            inside: Inside::Text,
            origin: StatementOrigin { line: 1, column: 0, lexer_line: 1 },
            line: 1,
            lexer_line: 1,
            dialect,
            skips_returns: false,
        }
    }

    /// Takes a carriage return for a blank from now on.
    pub(crate) fn skip_returns(&mut self) {
        self.skips_returns = true;
    }

    /// Whether a statement has begun: something other than blanks and comments was seen.
    pub(crate) fn has_begun(&self) -> bool {
        self.start.is_some()
    }

    /// Whether `bytes` would complete a statement.
    pub(crate) fn would_cut(&self, bytes: &[u8]) -> bool {
        let mut inside = self.inside;
        bytes.iter().any(|&byte| {
            let ends = inside.ends_statement(byte);
            inside = inside.after(byte);
            ends
        })
    }

    /// Takes bytes up to the end of the statement; returns how many.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> (usize, Cut) {
        let mut used = if self.has_begun() { 0 } else { self.skip_blanks(bytes) };
        while used < bytes.len() {
            let rest = &bytes[used..];
            let piece = self.measure(rest);
            self.keep(&rest[..piece.length], piece.is_comment);
            used += piece.length;
            if piece.ends_statement {
                return (used, Cut::Statement);
            }
            if self.length() > MAX_STATEMENT {
                return (used, Cut::TooLong);
            }
        }
        (used, Cut::More)
    }

    /// The statement, ended or not. The next one may begin on its last line.
    pub(crate) fn take(&mut self) -> Source {
        let text = mem::replace(&mut self.text, Zeroizing::new(Vec::with_capacity(ROOM)));
        let last_line = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let start = self.start.take().unwrap_or(0);
        let source = Source::new(text, start, self.origin, self.dialect);
        if last_line > 0 {
            self.origin.column = 0;
        }
        let line = &source.text()[last_line..];
        // A line that begins inside a statement may begin with a key, which nothing shows to be one.
        if line.len() < ROOM_FOR_LINE && last_line <= start {
            self.text.extend_from_slice(line);
        } else {
            self.origin.column += line.len();
        }
        source
    }

    /// The statement as far as it goes; what follows is skipped up to and with the next `;`.
    pub(crate) fn give_up(&mut self) -> Source {
        self.inside = Inside::Lost;
        self.take()
    }

    fn length(&self) -> usize {
        self.text.len() - self.start.unwrap_or(self.text.len())
    }

    /// Skips to the first byte of a statement, which is not taken; returns the bytes skipped.
    fn skip_blanks(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            let is_blank =
                matches!(byte, b' ' | b'\t' | b'\n' | b'#') || byte == b'\r' && self.skips_returns;
            if self.inside == Inside::Text && !is_blank {
                self.start = Some(self.text.len());
                self.origin.line = self.line;
                self.origin.lexer_line = self.lexer_line;
                return at;
            }
            let is_lost = self.inside == Inside::Lost;
            self.inside = self.inside.after(byte);
            if byte == b'\n' {
                self.line += 1;
                self.lexer_line += 1;
                self.origin.column = 0;
                self.text.zeroize();
            } else if is_lost {
                self.origin.column += 1;
            } else {
                if self.text.len() == ROOM_FOR_LINE {
                    self.origin.column += ROOM_FOR_LINE;
                    self.text.zeroize();
                }
                self.keep(&[byte], false);
            }
        }
        bytes.len()
    }

    /// The next piece of the statement.
    fn measure(&mut self, bytes: &[u8]) -> Piece {
        let is_comment = self.inside == Inside::Comment;
        for (at, &byte) in bytes.iter().enumerate() {
            let inside = self.inside;
            self.inside = inside.after(byte);
            if byte == b'\n' {
                self.line += 1;
                self.lexer_line += usize::from(inside.ends_line(byte));
            }
            let ends_statement = inside.ends_statement(byte);
            if ends_statement || (self.inside == Inside::Comment) != is_comment {
                return Piece { length: at + 1, is_comment, ends_statement };
            }
        }
        Piece { length: bytes.len(), is_comment, ends_statement: false }
    }

    fn keep(&mut self, piece: &[u8], is_comment: bool) {
        let piece = if is_comment && self.length() + piece.len() > ROOM_FOR_COMMENTS {
            if piece.ends_with(b"\n") { b"\n" } else { &[] as &[u8] }
        } else {
            piece
        };
        let needed = self.text.len() + piece.len();
        if needed > self.text.capacity() {
            // Not left to `Vec`, which would not wipe what it leaves behind.
            let mut bigger = Vec::with_capacity(needed.max(2 * self.text.capacity()));
            bigger.extend_from_slice(&self.text);
            self.text = Zeroizing::new(bigger);
        }
        self.text.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(script: &str) -> Vec<String> {
        let (mut splitter, mut bytes, mut found) =
            (Splitter::new(Dialect::Linux), script.as_bytes(), vec![]);
        while !bytes.is_empty() {
            let (used, cut) = splitter.feed(bytes);
            bytes = &bytes[used..];
            if cut == Cut::Statement {
                let source = splitter.take();
                let text = String::from_utf8_lossy(source.statement());
                found.push(format!("{}:{text}", source.place_of_start()));
            }
        }
        found
    }

    #[test]
    fn a_semicolon_ends_a_statement_outside_quotes_and_comments() {
        let script = "# a;b\n\n flush; add \"x;#y\" # c;d\n z;;\nq";
        let cut = ["3:2:flush;", "3:9:add \"x;#y\" # c;d\n z;", "4:4:;"];
        assert_eq!(statements(script), cut);
    }

    #[test]
    fn the_beginning_of_a_long_line_is_forgotten_but_counted() {
        let script = format!("{}flush;", " ".repeat(3000));
        assert_eq!(statements(&script), ["1:3001:flush;"]);
        let script = "dump;".repeat(1000);
        assert_eq!(statements(&script)[999], "1:4996:dump;");
    }

    #[test]
    fn a_long_comment_inside_a_statement_is_not_kept() {
        let script = format!("flush #{}\n;", "x".repeat(100_000));
        assert_eq!(statements(&script), ["1:1:flush #\n;"]);
    }

    #[test]
    fn what_would_be_cut_is_known_before_it_is_read() {
        let splitter = Splitter::new(Dialect::Linux);
        assert!(splitter.would_cut(b"\n flush;"));
        assert!(!splitter.would_cut(b"\n# flush;\n \";\""));
    }
}
