//! Statements that are changed and parsed again: what a guess is tried with.

use std::ops::Range;

use pest::{Parser, error::InputLocation};
use zeroize::Zeroizing;

use super::{
    inside::Inside,
    rules::{PolicyParser, PolicyRule, Rule, SetkeyParser},
    source::Source,
};
use crate::tree::Span;

/// What is at `at`: a word, or an option as a whole.
pub(crate) fn word_at(source: &Source, at: usize) -> &str {
    let rest = source.ascii().get(at - source.start()..).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// Where the parser has found nothing that fits.
pub(crate) fn where_it_ends<R>(error: &pest::error::Error<R>) -> usize {
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    at
}

/// The text with other bytes in a range; it may contain keys.
pub(crate) fn replaced(text: &str, range: Range<usize>, with: &str) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(String::with_capacity(text.len() + with.len()));
    changed.push_str(&text[..range.start]);
    changed.push_str(with);
    changed.push_str(&text[range.end..]);
    changed
}

/// Whether the text is a statement, whatever the dialect.
pub(crate) fn is_statement(text: &str) -> bool {
    let Ok(found) = SetkeyParser::parse(Rule::statement, text) else { return false };
    let policy = found.flatten().find(|pair| pair.as_rule() == Rule::policy_text);
    policy.is_none_or(|policy| PolicyParser::parse(PolicyRule::policy, policy.as_str()).is_ok())
}

/// Whether the parser takes `inserted` before the word at `at`, and more of the text than it does now.
pub(crate) fn is_taken(text: &str, at: usize, inserted: &str, word: &str) -> bool {
    let changed = replaced(text, at..at, inserted);
    match SetkeyParser::parse(Rule::statement, &changed) {
        Ok(_) => true,
        Err(error) => where_it_ends(&error) >= at + inserted.len() + word.len(),
    }
}

/// How many bytes of a statement the parser leaves.
pub(crate) fn unread(text: &str) -> usize {
    SetkeyParser::parse(Rule::statement, text).map_or_else(|error| left(text, &error), |_| 0)
}

/// How many bytes of a policy the parser leaves.
pub(crate) fn unread_of_policy(text: &str) -> usize {
    PolicyParser::parse(PolicyRule::policy, text).map_or_else(|error| left(text, &error), |_| 0)
}

fn left<R>(text: &str, error: &pest::error::Error<R>) -> usize {
    text.len() - where_it_ends(error)
}

/// What is between blanks, outside quotes and comments.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut inside = Inside::Text;
    let mut start = None;
    text.bytes().enumerate().filter_map(move |(at, byte)| {
        let before = inside;
        inside = inside.after(byte);
        let is_text = before == Inside::Text && inside == Inside::Text;
        match (is_text && !b" \t\n;".contains(&byte), start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                start = None;
                return Some(begin..at);
            }
            _ => {}
        }
        None
    })
}

/// Where a range of the statement is in the source.
pub(crate) fn span(source: &Source, range: Range<usize>) -> Span {
    Span { start: source.start() + range.start, end: source.start() + range.end }
}

/// What is around `at` between blanks.
pub(crate) fn run(source: &Source, at: usize) -> Span {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'"');
    let (before, rest) = (&source.text()[source.start()..at], &source.text()[at..]);
    let start = at - before.iter().rev().take_while(|byte| !is_blank(byte)).count();
    Span { start, end: at + rest.iter().take_while(|byte| !is_blank(byte)).count() }
}
