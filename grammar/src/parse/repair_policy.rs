//! What to insert, to move or to leave out where a policy went wrong.

use std::net::IpAddr;

use model::{ActionKind, Direction, LevelKind, Proto};
use pest::Parser;

use super::{
    attempt::{is_statement, replaced},
    dialect::PRIORITY,
    hint::Hint,
    notation,
    rules::{PolicyParser, PolicyRule},
};

/// A repair of the policy `text` at the word at `at`.
pub(super) fn of_policy(text: &str, at: usize, word: &str) -> Option<Hint> {
    let takes = |inserted: &str| {
        let changed = replaced(text, at..at, inserted);
        PolicyParser::parse(PolicyRule::policy, &changed).is_ok()
    };
    if let Some(hint) = end_of_tunnel(text, at, word) {
        return Some(hint);
    }
    if let Some(advice) = notation::in_policy(text, at, word) {
        return Some(Hint::Text(advice));
    }
    if PRIORITY.contains(&word) {
        return Some(Hint::Text("a priority goes between the direction and the action"));
    }
    if let Some(advice) = template(text, at, word) {
        return Some(Hint::Text(advice));
    }
    if word.parse::<Direction>().is_ok() && !text[..at].trim().is_empty() {
        return Some(Hint::Text("a policy has one direction: write a statement for each"));
    }
    if word.parse::<Proto>().is_ok() && takes("ipsec ") {
        return Some(Hint::Insert("ipsec"));
    }
    if text[..at].ends_with('/') && takes("/") {
        return Some(Hint::Text("a level goes behind two slashes: esp/transport//LEVEL"));
    }
    let is_first = text[..at].trim().is_empty();
    let has_direction = text.split_ascii_whitespace().any(|word| word.parse::<Direction>().is_ok());
    (is_first && word.parse::<ActionKind>().is_ok() && has_direction)
        .then_some(Hint::Text("the direction goes before the action"))
}

/// What is wrong between the parts of templates.
fn template(text: &str, at: usize, word: &str) -> Option<&'static str> {
    let parses = |changed: &str| PolicyParser::parse(PolicyRule::policy, changed).is_ok();
    let is_level = |word: &str| word.parse::<LevelKind>().is_ok();
    if text[..at].ends_with('/') && parses(&replaced(text, at - 1..at, " ")) {
        return Some("a blank is between two templates");
    }
    let (level, number) = word.split_once(':').unwrap_or((word, ""));
    if is_level(level) && !number.is_empty() && level != LevelKind::Unique.word() {
        return Some("only `unique` has a number: unique:NUMBER");
    }
    let behind = text[at..].strip_prefix(word)?.strip_prefix('/')?;
    let ends = behind.split(['/', ' ', '\t', '\n']).next()?;
    let changed = replaced(text, at..at + word.len() + 1 + ends.len(), &format!("{ends}/{word}"));
    (is_level(word) && parses(&changed))
        .then_some("the ends go before the level: esp/tunnel/SRC-DST/require")
}

/// What is wrong with an end of a tunnel.
fn end_of_tunnel(text: &str, at: usize, word: &str) -> Option<Hint> {
    let (before, rest) = (&text[..at], &text[at..]);
    let ends = before.rsplit([' ', '\t', '\n']).next()?.split_once("/tunnel/")?.1;
    let is_other_end = ends == "any-" && word.parse::<IpAddr>().is_ok();
    if is_other_end || word == "any" && !ends.contains('/') {
        return Some(Hint::Text("the ends of a tunnel are IP addresses: `any` is none"));
    }
    let last = ends.rsplit(['/', '-']).next()?;
    let is_behind_end = last.parse::<IpAddr>().is_ok() || before.ends_with('/');
    let is_length = rest.trim_start_matches('/').starts_with(|c: char| c.is_ascii_digit());
    if is_behind_end && is_length && is_prefix(before, rest) {
        return Some(Hint::Text("an end of a tunnel is one address: leave the prefix length out"));
    }
    let lacks_end = before.ends_with('/') && rest.starts_with('-')
        || before.ends_with('-') && rest.starts_with('/');
    lacks_end.then_some(Hint::OneEnd)
}

/// Whether a prefix length is where the parser stopped, at its slash or behind it.
fn is_prefix(before: &str, rest: &str) -> bool {
    let address = before.trim_end_matches('/').rsplit(['/', '-']).next().unwrap_or_default();
    let length = rest.trim_start_matches('/');
    let digits = length.find(|c: char| !c.is_ascii_digit()).unwrap_or(length.len());
    address.parse::<IpAddr>().is_ok() && length[digits..].starts_with(['-', '/'])
}

/// A comma in the policy of a statement, at `at`.
pub(super) fn comma(text: &str, at: usize) -> Option<Hint> {
    if !text[at..].starts_with(',') || !text[..at].contains("-P") {
        return None;
    }
    let with = |mark| is_statement(&replaced(text, at..text.len(), &text[at..].replace(',', mark)));
    if with(" ") {
        Some(Hint::Text("a blank is between two templates"))
    } else {
        with("-").then_some(Hint::Text("a `-` is between the two ends of a tunnel"))
    }
}
