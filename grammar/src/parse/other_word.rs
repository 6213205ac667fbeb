//! A word of a statement in the place of another, which the parser takes for something else.

use std::ops::Range;

use model::Direction;

use super::{
    attempt::{replaced, span, unread, words},
    early_end,
    hint::Hint,
    lists::UPPERS,
    source::Source,
};
use crate::tree::{Span, StatementWord};

/// Words for the IP version.
const VERSIONS: &[&str] = &["ipv4", "ip6", "inet", "inet6", "4", "6"];

/// Words before the number of an SA or a policy.
const BEFORE_NUMBER: &[&str] = &["spi", "-spi", "reqid", "index", "id"];

/// Options of other programs for the direction of a policy.
const OF_DIRECTION: &[&str] =
    &["-p", "-dir", "-direction", "-policy", "-pol", "--policy", "--dir", "--direction"];

/// What is wrong right behind the first word of a statement: words without addresses, or the protocol before them.
pub(super) fn second_word(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let text = source.ascii();
    let mut both = words(text);
    let (first, second) = (both.next()?, both.next()?);
    let (statement, word) = (text[first].parse::<StatementWord>().ok()?, &text[second.clone()]);
    let name = word.split('=').next()?;
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit()) || word.starts_with("0x");
    let is_named = BEFORE_NUMBER.contains(&name);
    if is_named || is_number && stop <= source.start() + second.end {
        return Some((span(source, second), Hint::Text(early_end::addresses(statement)?)));
    }
    let advice = if text.starts_with("spd") && word != "any" && UPPERS.contains(&word) {
        "the protocol goes behind both addresses"
    } else if VERSIONS.contains(&word) {
        "the IP version is that of the addresses: leave the word out"
    } else {
        return None;
    };
    let is_meant = early_end::addresses(statement).is_some()
        && !text[second.end..].trim_start().starts_with('-')
        && unread(&replaced(text, second.clone(), "")) < unread(text);
    is_meant.then(|| (span(source, second), Hint::Text(advice)))
}

/// A direction behind a word that is not `-P`.
pub(super) fn direction_option(source: &Source) -> Option<(Span, Hint)> {
    let text = source.ascii();
    let mut pairs = words(text).zip(words(text).skip(1));
    let is_meant = |(word, next): &(Range<usize>, Range<usize>)| {
        OF_DIRECTION.contains(&&text[word.clone()])
            && text[next.clone()].parse::<Direction>().is_ok()
            && unread(&replaced(text, word.clone(), "-P")) < unread(text)
    };
    let (word, _) = pairs.find(is_meant).filter(|_| text.starts_with("spd"))?;
    Some((span(source, word), Hint::DidYouMean("-P")))
}
