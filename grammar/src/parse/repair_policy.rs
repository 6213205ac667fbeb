//! What to insert, to move or to leave out where a policy went wrong.

use std::{net::IpAddr, ops::Range};

use model::{ActionKind, Direction, LevelKind, Proto, ScriptOption};
use pest::Parser;

use super::{
    attempt::{is_statement, replaced, unread_of_policy},
    dialect::PRIORITY,
    hint::Hint,
    lists,
    notation::{self, ONE_DIRECTION},
    rules::{PolicyParser, PolicyRule},
    value,
};

/// What to write where [`no_level`] finds a word.
pub(super) const NO_LEVEL: &str = "this is no level: say default, use, require or unique";

/// A repair of the policy `text` at the word at `at`.
pub(super) fn of_policy(text: &str, at: usize, word: &str) -> Option<Hint> {
    let takes = |inserted: &str| {
        let changed = replaced(text, at..at, inserted);
        PolicyParser::parse(PolicyRule::policy, &changed).is_ok()
    };
    if let Some(hint) = end_of_tunnel(text, at, word) {
        return Some(hint);
    }
    if let Some(advice) = details(text, at) {
        return Some(Hint::Text(advice));
    }
    if let Some((why, number)) = number(text, at) {
        return Some(Hint::Number(why, number));
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
        return Some(Hint::Text(ONE_DIRECTION));
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

/// What is wrong behind the level of a template, or where a level is missing.
fn details(text: &str, at: usize) -> Option<&'static str> {
    let (before, rest) = text.split_at(at);
    let is_detail = |word: &str| details_of_templates().iter().any(|it| word.starts_with(it));
    let template = before.trim_end().rsplit([' ', '\t', '\n']).next()?;
    if rest.trim().is_empty() && template.ends_with('/') && !template.ends_with("//") {
        return (!template.ends_with("/tunnel/"))
            .then_some("nothing is behind the last `/`: leave it out");
    }
    let has_proto = template.split('/').next()?.parse::<Proto>().is_ok();
    if before.ends_with('/') && has_proto && is_detail(rest) {
        return Some("a detail is behind a level: /require/reqid:5");
    }
    let behind = rest.strip_prefix(['+', '|', '&'])?.trim_start();
    let next = behind.split(['/', ' ']).next()?;
    (has_proto && next.parse::<Proto>().is_ok()).then_some("a blank is between two templates")
}

fn details_of_templates() -> Vec<String> {
    lists::details().into_iter().map(|word| format!("{word}:")).collect()
}

/// A number of a priority, of its offset or of a level that is written in another way.
fn number(text: &str, at: usize) -> Option<(&'static str, u64)> {
    let last = text[..at].split_ascii_whitespace().next_back()?;
    let is_first = PRIORITY.contains(&last);
    let word = |text: &'_ str| text.split_ascii_whitespace().next().map(str::to_owned);
    if let Some(behind) = text[at..].strip_prefix('+').filter(|_| is_first) {
        let number = word(behind)?.parse().ok()?;
        return Some(("a number without low, def or high has no `+`", number));
    }
    let word = word(&text[at..])?;
    let (number, is_number) = match word.strip_prefix("unique:") {
        Some(number) => (number, true),
        None => (word.as_str(), is_first || last.ends_with(['+', '-'])),
    };
    value::meant(ScriptOption::ReqId.word(), number).filter(|_| is_number)
}

/// A word in the place of a level, which the parser takes for the protocol of another template, before `at`.
pub(super) fn no_level(text: &str, at: usize) -> Option<Range<usize>> {
    let end = text[..at].trim_end().len();
    let start = text[..end].rfind(['/', ' ', '\t', '\n'])? + 1;
    let is_behind_ends = text[..start].ends_with('/') && text[start..end].parse::<Proto>().is_ok();
    let changed = replaced(text, start..end, LevelKind::Use.word());
    (is_behind_ends && unread_of_policy(&changed) <= unread_of_policy(text)).then_some(start..end)
}

/// What is wrong between the parts of templates.
fn template(text: &str, at: usize, word: &str) -> Option<&'static str> {
    let parses = |changed: &str| PolicyParser::parse(PolicyRule::policy, changed).is_ok();
    let is_level = |word: &str| word.parse::<LevelKind>().is_ok();
    let slashes = text[..at].trim_end_matches('/').len();
    if text[slashes..].starts_with("//") && parses(&replaced(text, slashes..slashes + 1, "")) {
        return Some(if text[..slashes].ends_with("/transport") {
            "two slashes are before the level: esp/transport//require"
        } else {
            "one slash is before the level: esp/tunnel/SRC-DST/require"
        });
    }
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
    if rest.starts_with('[') && (ends.is_empty() || ends.ends_with('-')) {
        return Some(Hint::Text("an IPv6 address has no brackets: they are for ports"));
    }
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
    lacks_end.then_some(Hint::ONE_END)
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
    let (before, behind) = (&text[..at], &text[at + 1..]);
    let is_digit = |c: char| c.is_ascii_digit();
    let last = before.rsplit([' ', '\t', '\n']).next()?;
    if last.parse::<Direction>().is_ok() {
        return Some(Hint::Text(ONE_DIRECTION));
    }
    if !last.contains('/') && last.ends_with(is_digit) && behind.starts_with(is_digit) {
        return Some(Hint::Text("numbers have no commas"));
    }
    let with = |mark| is_statement(&replaced(text, at..text.len(), &text[at..].replace(',', mark)));
    if with(" ") {
        Some(Hint::Text("a blank is between two templates"))
    } else {
        with("-").then_some(Hint::Text("a `-` is between the two ends of a tunnel"))
    }
}
