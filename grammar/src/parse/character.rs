//! What is meant by a character that begins no token, by what is around it.

use model::{Proto, SaFlags};

use super::{copied::SPI_IS_NUMBER, hint::Hint};
use crate::tree::{SaProtoWord, StatementWord};

/// What separates words elsewhere.
const SEPARATORS: [char; 5] = ['&', '|', '+', ',', '/'];

/// Characters by their names in HTML, and by their numbers.
const ENTITIES: &[(&[&str], char)] = &[
    (&["ndash", "mdash", "minus", "hyphen", "#8211", "#8212", "#8722", "#x2013", "#x2014"], '-'),
    (&["nbsp", "ensp", "emsp", "thinsp", "#160", "#xa0"], ' '),
    (&["sol", "#47", "#x2f"], '/'),
    (&["colon", "#58", "#x3a"], ':'),
    (&["quot", "ldquo", "rdquo", "#34", "#x22", "#8220", "#8221"], '"'),
];

/// The character that the name of one in HTML is best replaced by.
pub(super) fn entity(rest: &str) -> Option<Hint> {
    let (name, _) = rest.strip_prefix('&')?.split_once(';')?;
    let (_, c) = ENTITIES.iter().find(|(names, _)| names.contains(&name))?;
    Some(Hint::Entity(*c))
}

/// What to write in place of the character that `rest` begins with, behind `before` of its statement.
pub(super) fn meant(before: &str, rest: &str) -> Option<&'static str> {
    let last = before.rsplit([' ', '\t', '\n']).next()?;
    let first = before.split([' ', '\t', '\n']).next()?;
    if rest.starts_with('(') && before.parse::<StatementWord>().is_ok() {
        return Some("a statement has no parentheses: leave them out");
    }
    backslash(before, rest, last)
        .or_else(|| separator(before, rest, last))
        .or_else(|| bracket(rest, last))
        .or_else(|| (rest.starts_with('*') && last.is_empty()).then(|| star(first, before))?)
}

/// A `\` in place of a slash.
fn backslash(before: &str, rest: &str, last: &str) -> Option<&'static str> {
    let behind = rest.strip_prefix('\\')?;
    if !behind.starts_with(|c: char| c.is_ascii_alphanumeric()) || last.is_empty() {
        return None;
    }
    if before.contains("-P") {
        let proto = last.split(['/', '\\']).next()?;
        return proto
            .parse::<Proto>()
            .is_ok()
            .then_some("slashes are between the parts of a template: esp/tunnel/SRC-DST/require");
    }
    let is_length = behind.starts_with(|c: char| c.is_ascii_digit());
    if !is_length || last.contains('"') {
        return None;
    }
    Some(if !last.contains(['.', ':']) {
        "a mask is behind a slash: VALUE/MASK"
    } else if before.starts_with("spd") {
        "a `/` is before the prefix length: ADDRESS/LENGTH"
    } else {
        "an SA is between two addresses: leave the prefix length out"
    })
}

/// What is between two words that are none of one statement, or have a blank between them.
fn separator(before: &str, rest: &str, last: &str) -> Option<&'static str> {
    let behind = rest.strip_prefix(SEPARATORS)?.trim_start_matches(SEPARATORS).trim_start();
    let next = behind.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
    if before.contains("-P") {
        let template = before.trim_end().rsplit([' ', '\t', '\n']).next()?;
        let is_template = template.split('/').next()?.parse::<Proto>().is_ok();
        return (is_template && next.parse::<Proto>().is_ok())
            .then_some("a blank is between two templates");
    }
    of_two(last, next)
}

/// Two words that are one of several, each of a statement or an option of its own.
pub(super) fn of_two(one: &str, other: &str) -> Option<&'static str> {
    let is_flag =
        |word: &str| SaFlags::ALL.into_iter().flat_map(SaFlags::words).any(|it| it == word);
    let is_proto = |word: &str| word.parse::<SaProtoWord>().is_ok();
    if is_flag(one) && is_flag(other) {
        Some("one flag is behind each -flag: -flag noecn -flag decap-dscp")
    } else if is_proto(one) && is_proto(other) {
        Some("an SA has one protocol: write a statement for each")
    } else {
        None
    }
}

/// A port in brackets that are not square.
fn bracket(rest: &str, last: &str) -> Option<&'static str> {
    let inside = rest.strip_prefix(['(', '{'])?.split([')', '}']).next()?;
    let is_port = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_alphanumeric());
    (is_port && last.contains(['.', ':']))
        .then_some("a port is in square brackets: ADDRESS/LENGTH[PORT]")
}

/// A pattern in the place of an SPI or an address of an SA.
fn star(first: &str, before: &str) -> Option<&'static str> {
    let is_spi = before.split_ascii_whitespace().last()?.parse::<SaProtoWord>().is_ok();
    Some(match first.parse().ok()? {
        StatementWord::Delete if is_spi => "deleteall is for every SPI: say that, without the `*`",
        StatementWord::Delete | StatementWord::DeleteAll => {
            "there are no patterns: flush is for all addresses"
        }
        StatementWord::Get => "there are no patterns: dump prints every SA",
        StatementWord::Add | StatementWord::Update | StatementWord::GetSpi if is_spi => {
            SPI_IS_NUMBER
        }
        StatementWord::Add | StatementWord::Update | StatementWord::GetSpi => {
            "an SA is between two addresses: write them"
        }
        _ => return None,
    })
}
