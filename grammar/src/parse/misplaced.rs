//! Mistakes that are not where the parser stops: what is wrong, and what to do about it.

use model::Direction;

use super::{
    attempt::{is_statement, replaced, word_at},
    hint::Hint,
    lexer::{token_at, tokens_before},
    rules::Rule,
    source::Source,
};
use crate::tree::Span;

/// The place of a mistake and a hint, where the parser stops at `at` and could
/// have taken one of `rules`.
pub(super) fn of_syntax(source: &Source, at: usize, rules: &[Rule]) -> Option<(Span, Hint)> {
    no_digit(source, at, rules)
        .or_else(|| double_quotes(source, at))
        .or_else(|| direction(source, at))
}

/// A character of a hexadecimal key that is no digit.
fn no_digit(source: &Source, at: usize, rules: &[Rule]) -> Option<(Span, Hint)> {
    let start = token_at(source, at).span.start;
    let digits =
        word_at(source, start).strip_prefix("0x").filter(|_| rules.contains(&Rule::key))?;
    let wrong = start + 2 + digits.find(|c: char| !c.is_ascii_hexdigit())?;
    let span = Span { start: wrong, end: wrong + 1 };
    Some((span, Hint::Text("this is no hexadecimal digit")))
}

/// A text in two pairs of quotes: the first is a text without a character.
fn double_quotes(source: &Source, at: usize) -> Option<(Span, Hint)> {
    let span = Span { start: at.checked_sub(2)?, end: at };
    let is_glued = source.text().get(at).is_some_and(|byte| !b" \t\n;#".contains(byte));
    let is_empty = span.start >= source.start() && source.bytes(span) == b"\"\"";
    (is_empty && is_glued).then_some((span, Hint::Text("a text has one quote at each end")))
}

/// A direction without `-P`, which the parser takes for a detail of the protocol.
fn direction(source: &Source, at: usize) -> Option<(Span, Hint)> {
    let wrong = token_at(source, at).span.start;
    let start = tokens_before(source, wrong).last()?;
    let word = word_at(source, start);
    let (text, offset) = (source.ascii(), start - source.start());
    let is_direction = text.starts_with("spd") && word.parse::<Direction>().is_ok();
    let is_missing = is_direction && is_statement(&replaced(text, offset..offset, "-P "));
    let span = Span { start, end: start + word.len() };
    is_missing.then_some((span, Hint::Text("`-P` is missing before the direction")))
}
