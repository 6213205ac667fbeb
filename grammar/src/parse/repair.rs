//! What to insert, to move or to leave out where a script went wrong.

use std::net::Ipv4Addr;

use model::{ActionKind, Direction, Proto};
use pest::Parser;

use super::{
    attempt::{is_statement, replaced, where_it_ends, word_at},
    dialect::PRIORITY,
    hint::Hint,
    lexer::tokens_before,
    rules::{PolicyParser, PolicyRule, Rule, SetkeyParser},
    source::Source,
};
use crate::tree::{SaProtoWord, Span, StatementWord};

/// A repair of the statement at the token `wrong`.
pub(super) fn of_statement(source: &Source, wrong: Span) -> Option<Hint> {
    let (text, at) = (source.ascii(), wrong.start - source.start());
    let word = word_at(source, wrong.start);
    let rest = text.get(at..)?;
    let last = tokens_before(source, wrong.start).last();
    let before = last.map_or("", |at| word_at(source, at));
    let is_spd = text.starts_with("spd");
    if at == 0 {
        return beginning(rest);
    }
    if rest.starts_with('-') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Hint::Text("numbers are not negative"));
    }
    if let Some(hint) = address(text, at, word, is_spd) {
        return Some(hint);
    }
    if is_number_with_unit(word) && before.starts_with('-') {
        return Some(Hint::Text("numbers have no unit: limits are in seconds, bytes or packets"));
    }
    let missing = if is_spd {
        of_selector(text, at, word, last.map(|at| at - source.start()))
    } else {
        of_sa(text, at, word, before)
    };
    if missing.is_some() {
        return missing;
    }
    if rest.starts_with('"') && !rest.starts_with("\"\"") && is_name_expected(text, at) {
        return Some(Hint::Text("only keys and contexts are in quotes"));
    }
    let is_sa = text.starts_with("add") || text.starts_with("update");
    let is_bare = ["null", "simple"].contains(&before);
    let is_word = !word.starts_with('-') && word.parse::<StatementWord>().is_err();
    let key = (is_sa && is_word && !is_bare).then(|| key(text, at, word)).flatten();
    key.or_else(|| superfluous(text, at, word))
}

/// What is missing between a selector and its policy.
fn of_selector(text: &str, at: usize, word: &str, last: Option<usize>) -> Option<Hint> {
    if word == "-P" && is_taken(text, at, "any ", word) {
        return Some(Hint::Text("the upper-layer protocol goes before -P: any is for all"));
    }
    let last = last?;
    let is_direction = text[last..at].trim().parse::<Direction>().is_ok();
    (is_direction && is_statement(&replaced(text, last..last, "-P ")))
        .then_some(Hint::Text("`-P` is missing before the direction"))
}

/// What is wrong between the addresses of an SA and its options.
fn of_sa(text: &str, at: usize, word: &str, before: &str) -> Option<Hint> {
    let takes_spi = is_taken(text, at, "256 ", "");
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    Some(Hint::Text(match word {
        _ if is_number(word) && is_number(before) && text.starts_with("add") => {
            "the protocol before the SPI is a word: esp, ah or ipcomp"
        }
        _ if !takes_spi || before.parse::<SaProtoWord>().is_err() => return None,
        option if option.starts_with('-') => "the SPI goes before the options",
        proto if proto.parse::<SaProtoWord>().is_ok() && before.parse::<SaProtoWord>().is_ok() => {
            "an SA has one protocol: write a statement for each"
        }
        number if is_number(number) => "numbers have no commas",
        hex if is_hexadecimal(hex) => "a hexadecimal number begins with 0x",
        _ => return None,
    }))
}

/// Whether a word has hexadecimal digits alone, or with the `h` of assemblers.
fn is_hexadecimal(word: &str) -> bool {
    let digits = word.strip_suffix('h').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A statement that begins with no word of one.
fn beginning(rest: &str) -> Option<Hint> {
    if rest.starts_with("ip xfrm") {
        return Some(Hint::Text(
            "a script has no commands of iproute2: write add, spdadd or flush",
        ));
    }
    match rest.as_bytes() {
        [b';', ..] => Some(Hint::Text("a statement has ended before it: remove the `;`")),
        [b'-', b'a'..=b'z' | b'A'..=b'Z', ..] => {
            Some(Hint::Text("a `;` ends the statement before its options: remove that `;`"))
        }
        _ => None,
    }
}

/// Something else in the place of an address or a prefix.
fn address(text: &str, at: usize, word: &str, is_spd: bool) -> Option<Hint> {
    let rest = &text[at..];
    let takes_address = is_taken(text, at, "::1 ", "");
    if text[..at].ends_with('/') {
        let mask = word.parse().map(Ipv4Addr::to_bits).ok()?;
        let is_mask = mask.leading_ones() + mask.trailing_zeros() == u32::BITS;
        return is_mask.then_some(Hint::Netmask(mask.leading_ones().to_le_bytes()[0]));
    }
    if rest.starts_with('/') && text[..at].ends_with(']') && is_spd {
        return Some(Hint::Text("a prefix length goes before the port: ADDRESS/LENGTH[PORT]"));
    }
    if rest.starts_with('[') && takes_address {
        return Some(Hint::Text("an IPv6 address has no brackets: they are for ports"));
    }
    if word == "any" && takes_address {
        return Some(Hint::Text("all addresses are 0.0.0.0/0 or ::/0"));
    }
    let is_proto = word.parse::<SaProtoWord>().is_ok();
    (is_proto && takes_address && !is_spd)
        .then_some(Hint::Text("the protocol goes behind both addresses"))
}

/// Whether the parser takes `inserted` before the word at `at`, and more of the text than it does now.
fn is_taken(text: &str, at: usize, inserted: &str, word: &str) -> bool {
    let changed = replaced(text, at..at, inserted);
    match SetkeyParser::parse(Rule::statement, &changed) {
        Ok(_) => true,
        Err(error) => where_it_ends(&error) >= at + inserted.len() + word.len(),
    }
}

fn is_number_with_unit(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < word.len() && (1..=3).contains(&unit.len()) && !word.starts_with("0x")
}

/// Whether the name of an algorithm is expected.
fn is_name_expected(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    ["-E", "-A", "-C"].iter().any(|option| before.ends_with(option))
        || is_taken(text, at, "::1 ", "")
}

/// A key without quotes or without `0x`.
fn key(text: &str, at: usize, word: &str) -> Option<Hint> {
    let takes_key = is_taken(text, at, "\"\" ", "") && !text[..at].trim_end().ends_with('"');
    if !takes_key || word.is_empty() {
        return None;
    }
    Some(Hint::Text(if word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "a key of hexadecimal digits begins with 0x"
    } else {
        "a key of text is in double quotes"
    }))
}

/// A word that a statement about a whole database has too much.
fn superfluous(text: &str, at: usize, word: &str) -> Option<Hint> {
    let first = text.split([' ', '\t', '\n']).next()?.parse().ok()?;
    let is_of_all = matches!(
        first,
        StatementWord::Flush
            | StatementWord::Dump
            | StatementWord::SpdFlush
            | StatementWord::SpdDump
    );
    let may_be = is_of_all && !word.is_empty() && word.parse::<StatementWord>().is_err();
    let is_complete = may_be && is_statement(&replaced(text, at..at + word.len(), ""));
    is_complete.then_some(Hint::Text("the statement is complete without this word, and is for all"))
}

/// A repair of the policy `text` at the word at `at`.
pub(super) fn of_policy(text: &str, at: usize, word: &str) -> Option<Hint> {
    let takes = |inserted: &str| {
        let changed = replaced(text, at..at, inserted);
        PolicyParser::parse(PolicyRule::policy, &changed).is_ok()
    };
    if PRIORITY.contains(&word) {
        return Some(Hint::Text("a priority goes between the direction and the action"));
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
