use std::io::Read;

use model::Dialect;
use zeroize::Zeroizing;

use super::{
    attempt::is_statement,
    hint::Hint,
    input::WipedReader,
    lexer::token_at,
    source::Source,
    split::{Cut, Splitter},
    statement::{Statement, parse},
    stray::Stray,
};
use crate::{
    error::{Error, Fault},
    tree::{Command, Span},
};

/// A script, read statement by statement.
///
/// Only the statement at hand is in memory. An error ends no script: the next statement is the one
/// after the next `;`, if the caller goes on; behind the first carriage return it is the same one, read
/// without it. `exit` does, and what follows it is not read at all.
pub struct Script<R> {
    input: WipedReader<R>,
    splitter: Splitter,
    is_over: bool,
    bytes_read: u64,
    /// Whether a carriage return was refused: the others are blanks.
    has_returns: bool,
    /// The statement with that carriage return, read without it.
    again: Option<Result<Statement, Error>>,
}

impl<R: Read> Script<R> {
    /// A script from its first byte on. `reader` needs no buffer of its own.
    pub fn new(reader: R, dialect: Dialect) -> Self {
        let (input, splitter) = (WipedReader::new(reader), Splitter::new(dialect));
        let (is_over, has_returns) = (false, false);
        Self { input, splitter, is_over, bytes_read: 0, has_returns, again: None }
    }

    /// The next statement; `None` after the last one.
    pub fn next_statement(&mut self) -> Option<Result<Statement, Error>> {
        let result = match self.again.take() {
            Some(result) => result,
            None => self.next_source()?.and_then(|source| self.read(source)),
        };
        self.is_over |= matches!(&result, Ok(Statement { command: Command::Exit, .. }));
        Some(result)
    }

    /// Reads a statement. Of a script with DOS line ends the first carriage return is refused.
    fn read(&mut self, source: Source) -> Result<Statement, Error> {
        let has_returns = source.statement().contains(&b'\r');
        let Some(unix) = has_returns.then(|| source.without_returns()) else {
            let goes_on = self.goes_on(&source);
            return parse(source).map_err(|error| {
                if goes_on { error.with_hint(Some(Hint::EARLY_SEMICOLON)) } else { error }
            });
        };
        if self.has_returns {
            return parse(unix.unwrap_or(source));
        }
        let result = parse(source);
        if let Err(error) = &result
            && *error.kind() == Fault::Stray(Stray::Byte(b'\r'))
        {
            self.has_returns = true;
            self.splitter.skip_returns();
            self.again = unix.map(parse);
        }
        result
    }

    /// Reads on behind a statement that ends the script.
    pub(crate) fn go_on(&mut self) {
        self.is_over = false;
    }

    /// Whether a statement goes on behind its `;`, with its options.
    fn goes_on(&self, source: &Source) -> bool {
        let next = self.input.buffered().trim_ascii_start();
        let begins = matches!(next, [b'-', letter, ..] if letter.is_ascii_alphabetic());
        let end = begins.then(|| next.iter().position(|&byte| byte == b';'));
        let next = end.flatten().and_then(|end| str::from_utf8(&next[..=end]).ok());
        let text = source.ascii().strip_suffix(';');
        text.zip(next).is_some_and(|(text, next)| {
            let mut whole = Zeroizing::new(String::with_capacity(text.len() + 1 + next.len()));
            whole.push_str(text);
            whole.push(' ');
            whole.push_str(next);
            is_statement(&whole)
        })
    }

    /// Bytes of the statements so far, and of what is before and between them.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether no complete statement is left in the buffer: the next call may have to wait for the
    /// reader.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.splitter.would_cut(self.input.buffered())
    }

    fn next_source(&mut self) -> Option<Result<Source, Error>> {
        while !self.is_over {
            let bytes = match self.input.fill() {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.is_over = true;
                    let source = self.splitter.take();
                    return Some(Err(at_end(Fault::Unreadable(error.to_string()), &source)));
                }
            };
            if bytes.is_empty() {
                self.is_over = true;
                return self.splitter.has_begun().then(|| Ok(self.splitter.take()));
            }
            let (used, cut) = self.splitter.feed(bytes);
            self.input.consume(used);
            self.bytes_read += used as u64;
            match cut {
                Cut::More => {}
                Cut::Statement => return Some(Ok(self.splitter.take())),
                Cut::TooLong => return Some(Err(too_long(&self.splitter.give_up()))),
            }
        }
        None
    }
}

impl<R: Read> Iterator for Script<R> {
    type Item = Result<Statement, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_statement()
    }
}

fn at_end(kind: Fault, source: &Source) -> Error {
    let end = source.text().len();
    let span = Span { start: end, end };
    Error::new(kind, source, span, span)
}

/// An endless statement is most often an unclosed quote.
fn too_long(source: &Source) -> Error {
    if let Some(quote) = source.open_quote() {
        let span = Span { start: quote, end: quote + 1 };
        Error::new(Fault::UnclosedQuote, source, span, span)
    } else {
        let first = token_at(source, source.start());
        Error::new(Fault::TooLong, source, first.span, first.named)
    }
}
