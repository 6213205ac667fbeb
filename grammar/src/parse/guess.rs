//! Guesses at what was meant where a script went wrong.

use super::{
    dialect::is_foreign,
    hint::Hint,
    lexer::{Token, tokens_before},
    rules::number,
    similar::closest,
    source::Source,
};
use crate::tree::{Span, StatementWord};

/// What is at `at`: a word, or an option as a whole.
pub(crate) fn word_at(source: &Source, at: usize) -> &str {
    let rest = source.ascii().get(at - source.start()..).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// What was meant by a token where one of `candidates` is allowed.
pub(crate) fn of_syntax(
    source: &Source,
    token: Token,
    candidates: &[&'static str],
) -> Option<Hint> {
    let word = word_at(source, token.span.start);
    Hint::other_dialect(source, word)
        .or_else(|| missing_semicolon(source, token.span))
        .or_else(|| comment_in_policy(source, token.span.start))
        .or_else(|| number_of_upper(source, token.span.start, word))
        .or_else(|| closest_own(source, word, candidates))
}

/// The closest of `candidates` that the source's dialect has, if it is close.
fn closest_own(source: &Source, word: &str, candidates: &[&'static str]) -> Option<Hint> {
    let is_own = |candidate: &&str| !is_foreign(candidate, source.dialect());
    let own: Vec<_> = candidates.iter().copied().filter(is_own).collect();
    closest(word, &own).map(Hint::DidYouMean)
}

/// What was meant by a word of a policy.
pub(crate) fn of_policy(source: &Source, wrong: Span, candidates: &[&'static str]) -> Option<Hint> {
    let word = word_at(source, wrong.start);
    Hint::other_dialect(source, word)
        .or_else(|| missing_semicolon(source, wrong))
        .or_else(|| closest_own(source, word, candidates))
}

/// A line before or with the error that begins with the first word of a statement.
fn missing_semicolon(source: &Source, wrong: Span) -> Option<Hint> {
    let end = (wrong.end - source.start()).min(source.ascii().len());
    let (mut at, mut last) = (source.start(), 0);
    for (number, line) in source.ascii()[..end].split('\n').enumerate() {
        let first = line.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        if number > 0
            && first.parse::<StatementWord>().is_ok()
            && !is_foreign(first, source.dialect())
        {
            return Some(Hint::MissingSemicolon(source.position(last).line));
        }
        if !first.is_empty() && !first.starts_with('#') {
            last = at;
        }
        at += line.len() + 1;
    }
    None
}

fn comment_in_policy(source: &Source, at: usize) -> Option<Hint> {
    let before = &source.ascii()[..at - source.start()];
    let policy = &before[before.rfind("-P")? + 2..];
    policy.contains('#').then_some(Hint::CommentInPolicy)
}

fn number_of_upper(source: &Source, at: usize, word: &str) -> Option<Hint> {
    let number = number(word);
    if !source.statement().starts_with(b"spd")
        || !word.starts_with(|c: char| c.is_ascii_digit())
        || number == u64::MAX
    {
        return None;
    }
    let before = tokens_before(source, at).last()?;
    match word_at(source, before) {
        "icmp" | "icmp6" | "ipv6-icmp" | "1" | "58" | "135" => {
            Some(Hint::TypeWithoutCode(number.to_string()))
        }
        "gre" | "47" => u32::try_from(number).ok().map(Hint::GreKey),
        _ => None,
    }
}
