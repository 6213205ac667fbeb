//! What to insert, to move or to leave out in the selector of a policy.

use model::{Dialect, Direction, ScriptOption, Upper};

use super::{
    attempt::{is_statement, is_taken, replaced},
    hint::Hint,
    lists::UPPERS,
};

/// Where a port is.
pub(crate) const OF_PORTS: &str = "a port is in brackets behind its address: ADDRESS[PORT]";

/// The protocol of a word or a number.
pub(super) fn upper_of(word: &str) -> Option<Upper> {
    Upper::named(word, Dialect::Linux).or_else(|| word.parse().ok().map(Upper::Number))
}

/// Whether a word is a protocol with ports.
pub(super) fn has_ports(word: &str) -> bool {
    upper_of(word).is_some_and(Upper::has_ports)
}

/// Whether a word is a protocol with types and codes.
pub(super) fn has_types(word: &str) -> bool {
    upper_of(word).is_some_and(Upper::has_type_and_code)
}

/// What is wrong between the addresses of a policy and its options, at `at`.
pub(super) fn between(text: &str, at: usize, word: &str, before: &str) -> Option<Hint> {
    let rest = &text[at..];
    let is_again = UPPERS.contains(&word) && UPPERS.contains(&before);
    if is_again && is_statement(&replaced(text, at..at + word.len(), "")) {
        return Some(Hint::Text("the upper-layer protocol is there twice: leave one out"));
    }
    if rest.starts_with('[') && text[..at].ends_with('[') {
        return Some(Hint::Text("one pair of brackets is around a port"));
    }
    if rest.starts_with('[') && has_ports(before) {
        return Some(Hint::Text(OF_PORTS));
    }
    if let Some(hint) = type_and_code(text, at) {
        return Some(hint);
    }
    if word.parse::<Direction>().is_ok() && is_taken(text, at, "any -P ", word) {
        return Some(Hint::Insert("any -P"));
    }
    let is_option = word.parse().is_ok_and(|option: ScriptOption| option != ScriptOption::Policy);
    (is_option && is_taken(text, at, "any ", word))
        .then_some(Hint::Text("options and -P go behind the upper-layer protocol"))
}

/// A type and a code of ICMP in other words than `TYPE,CODE`, around `at`.
fn type_and_code(text: &str, at: usize) -> Option<Hint> {
    let start = text[..at].rfind(['\n', '#']).map_or(0, |at| at + 1);
    let behind_p = text.find("-P").unwrap_or(text.len());
    if at >= behind_p {
        return None;
    }
    let mut words = text[start..behind_p].split_ascii_whitespace();
    words.find(|word| has_types(word.trim_end_matches(',')))?;
    let is_name = |part: &&str| ["type", "code", "icmp-type"].contains(part);
    let parts: Vec<&str> = words
        .flat_map(|word| word.split([',', '/', ':', '=']))
        .filter(|part| !part.is_empty() && !is_name(part))
        .take_while(|part| !part.starts_with('-'))
        .collect();
    match parts.as_slice() {
        [number, code] => Some(Hint::TypeAndCode(number.parse().ok()?, code.parse().ok()?)),
        _ => None,
    }
}

/// An example of a type and its code.
pub(super) fn example(upper: &str) -> &'static str {
    match upper_of(upper) {
        Some(Upper::ICMP) => "a type and its code are numbers: TYPE,CODE, as in 8,0",
        _ => "a type and its code are numbers: TYPE,CODE, as in 135,0",
    }
}
