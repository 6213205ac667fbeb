//! Statements that are changed and parsed again: what a guess is tried with.

use std::ops::Range;

use pest::{Parser, error::InputLocation};
use zeroize::Zeroizing;

use super::{
    rules::{PolicyParser, PolicyRule, Rule, SetkeyParser},
    source::Source,
};

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
