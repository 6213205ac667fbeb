use model::Dialect;
use pest::Parser;

use super::{
    dialect::{is_foreign, is_policy_char, own_option},
    rules::{Rule, SetkeyParser},
    source::Source,
};
use crate::tree::Span;

/// A token as the original's lexer cuts it. Only errors need to know: they name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its bytes; none at the end of the script.
    pub span: Span,
    /// What the original prints for it.
    pub named: Span,
    /// Whether it is no token: the original exits with `Syntax error`.
    pub is_stray: bool,
}

/// The first token at or after `offset`.
pub(crate) fn token_at(source: &Source, offset: usize) -> Token {
    Lexer::new(source).find(|token| token.span.start >= offset).unwrap_or_else(|| {
        let end = source.text().len();
        let span = Span { start: end, end };
        Token { span, named: span, is_stray: false }
    })
}

/// All tokens of a statement.
pub(crate) fn tokens(source: &Source) -> impl Iterator<Item = Token> {
    Lexer::new(source)
}

/// The end of the last token before `at`, without the blanks that a policy ends with.
pub(crate) fn end_of_tokens(source: &Source, at: usize) -> usize {
    let last = tokens(source).take_while(|token| token.span.start < at).last();
    let Some(Span { start, end }) = last.map(|token| token.span) else { return source.start() };
    let end = end.min(at);
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n');
    let blanks = source.bytes(Span { start, end }).iter().rev().take_while(is_blank).count();
    end - blanks
}

/// Where the tokens before `offset` begin.
pub(crate) fn tokens_before(source: &Source, offset: usize) -> impl Iterator<Item = usize> {
    Lexer::new(source).map(|token| token.span.start).take_while(move |&start| start < offset)
}

/// What the original's lexer has set aside for the next token (`yymore`, start conditions).
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Words,
    /// After `-P`, up to the `;`.
    Policy,
}

struct Lexer<'a> {
    ascii: &'a str,
    dialect: Dialect,
    /// Where the statement begins in the source.
    start: usize,
    next: usize,
    state: State,
    /// Where the policy text begins that the next token will be named with.
    policy: Option<usize>,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            ascii: source.ascii(),
            dialect: source.dialect(),
            start: source.start(),
            next: 0,
            state: State::Words,
            policy: None,
        }
    }

    /// The length of the token that `rest` begins with, and whether it is policy text; none if it
    /// begins with no token.
    fn measure(&self, rest: &str) -> Option<(usize, bool)> {
        let length = |rule| SetkeyParser::parse(rule, rest).ok().map(|found| found.as_str().len());
        if self.state == State::Policy {
            let text = length(Rule::policy_text).map(|length| {
                let wrong = rest[..length].find(|c| !is_policy_char(c, self.dialect));
                wrong.unwrap_or(length)
            });
            if let Some(length) = text.filter(|&length| length > 0) {
                return Some((length, true));
            }
        }
        if let Some(option) = own_option(rest, self.dialect) {
            return Some((option.len(), false));
        }
        let length = length(Rule::token)?;
        let is_option = rest.starts_with('-');
        (!is_option || !is_foreign(&rest[..length], self.dialect)).then_some((length, false))
    }

    fn skip_blanks(&mut self) {
        let bytes = self.ascii.as_bytes();
        loop {
            match bytes.get(self.next) {
                Some(b' ' | b'\t' | b'\n') if self.state == State::Words => self.next += 1,
                Some(b'#') => {
                    let comment = &bytes[self.next..];
                    let length = comment.iter().position(|&byte| byte == b'\n');
                    self.next += length.unwrap_or(comment.len());
                    self.policy = None;
                }
                _ => return,
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        let rest = self.ascii.get(self.next..).filter(|rest| !rest.is_empty())?;
        let found = self.measure(rest);
        let (length, is_policy) = found.unwrap_or((1, false));
        let token = &rest[..length];

        let start = self.start + self.next;
        let span = Span { start, end: start + token.len() };
        let is_quoted = token.starts_with('"') && found.is_some();
        let named = match self.policy {
            None if is_quoted => Span { start: span.start + 1, end: span.end - 1 },
            None => span,
            // The original takes the first character for the opening quote.
            Some(start) if is_quoted => Span { start: start + 1, end: span.start },
            Some(start) => Span { start, end: span.end },
        };
        match token {
            "-P" => self.state = State::Policy,
            ";" => self.state = State::Words,
            _ => {}
        }
        self.policy = is_policy.then_some(named.start);
        self.next += token.len();
        Some(Token { span, named, is_stray: found.is_none() })
    }
}
