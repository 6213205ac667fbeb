//! What to insert, to move or to leave out where a script went wrong.

use std::net::Ipv4Addr;

use model::{ActionKind, ScriptOption};

use super::{
    attempt::{is_statement, is_taken, replaced, word_at},
    copied,
    harmless::is_template,
    hint::Hint,
    lexer::tokens_before,
    lists::POLICY_OPTIONS,
    notation,
    other_word::{FOR_ALL, of_other_database, value_as_option},
    repair_algorithm::{icv, name, unknown},
    repair_key::{key, quoted},
    repair_selector::{OF_PORTS, between},
    source::Source,
    value,
};
use crate::tree::{SaProtoWord, Span, StatementWord};

const NO_VARIABLES: &str = "there are no variables: write the value where it is used";

const ALL_ADDRESSES: &str = "all addresses are 0.0.0.0/0 or ::/0";

/// A repair of the statement at the token `wrong`.
pub(super) fn of_statement(source: &Source, wrong: Span) -> Option<Hint> {
    let (text, at) = (source.ascii(), wrong.start - source.start());
    let word = word_at(source, wrong.start);
    let rest = text.get(at..)?;
    let last = tokens_before(source, wrong.start).last();
    let before = last.map_or("", |at| word_at(source, at));
    let is_spd = text.starts_with("spd");
    if at == 0 {
        let is_first = source.position(wrong.start).column == 1;
        return beginning(rest, word, is_first);
    }
    if rest.starts_with('"') && text[..at].contains("-P") {
        return Some(Hint::Text(copied::NO_QUOTES_OF_POLICY));
    }
    if let Some(hint) = quoted(rest, before).or_else(|| name(text, at, before)) {
        return Some(hint);
    }
    if let Some(hint) = icv(source, wrong.start).or_else(|| unknown(word, before)) {
        return Some(hint);
    }
    if is_spd && let Some(hint) = between(text, at, word, before) {
        return Some(hint);
    }
    if rest.starts_with('-') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Hint::Text("numbers are not negative"));
    }
    if let Some(hint) = address(text, at, word, is_spd) {
        return Some(hint);
    }
    if let Some(hint) = number(text, at).or_else(|| notation::in_statement(text, at, word)) {
        return Some(hint);
    }
    if let Some(hint) = value_as_option(word, is_spd) {
        return Some(hint);
    }
    if let Some(advice) = other_option(word, is_spd) {
        return Some(Hint::Text(advice));
    }
    let missing = if is_spd { of_selector(text, at, word) } else { of_sa(text, at, word, before) };
    if missing.is_some() {
        return missing;
    }
    if rest.starts_with('"') && !rest.starts_with("\"\"") && is_taken(text, at, "::1 ", "") {
        return Some(Hint::Text("addresses have no quotes"));
    }
    let is_sa = text.starts_with("add") || text.starts_with("update");
    let is_bare = ["null", "simple"].contains(&before);
    let is_word = !word.starts_with('-') && word.parse::<StatementWord>().is_err();
    (is_sa && is_word && !is_bare).then(|| key(text, at, word)).flatten()
}

/// An option of the other kind of statement.
fn other_option(word: &str, is_spd: bool) -> Option<&'static str> {
    let option = word.parse::<ScriptOption>().ok()?;
    let is_last = matches!(option, ScriptOption::Policy | ScriptOption::Context);
    if is_spd {
        let is_of_policy = is_last || POLICY_OPTIONS.contains(&option);
        (!is_of_policy).then_some(notation::OF_SA)
    } else {
        let is_of_policy =
            ScriptOption::OF_POLICIES.contains(&option) || option == ScriptOption::Policy;
        is_of_policy.then_some("the option is that of a policy: an SA does not take it")
    }
}

/// What is missing between a selector and its policy.
fn of_selector(text: &str, at: usize, word: &str) -> Option<Hint> {
    (word == "-P" && is_taken(text, at, "any ", word))
        .then_some(Hint::Text("the upper-layer protocol goes before -P: any is for all"))
}

/// What is wrong between the addresses of an SA and its options.
fn of_sa(text: &str, at: usize, word: &str, before: &str) -> Option<Hint> {
    let takes_spi = is_taken(text, at, concat!(model::first_free_spi!(), " "), "");
    if let Some((whole, part)) = word.split_once('.').filter(|_| takes_spi)
        && part.bytes().all(|digit| digit == b'0')
        && let Ok(number) = whole.parse()
    {
        return Some(Hint::Number("numbers are whole", number));
    }
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let starts_with_digit = word.starts_with(|c: char| c.is_ascii_digit());
    Some(Hint::Text(match word {
        "udp" if takes_spi => "an SA is of esp, ah or ipcomp: ESP in UDP is esp-udp",
        _ if text.starts_with("deleteall")
            && before.parse::<SaProtoWord>().is_ok()
            && starts_with_digit =>
        {
            "deleteall is for every SPI: say delete"
        }
        _ if text.starts_with("deleteall") && starts_with_digit => {
            "deleteall is for every SPI: say delete, with the protocol before the SPI"
        }
        _ if text.starts_with("deleteall") && text[at..].starts_with('-') => {
            "deleteall takes -mark and -ifid alone: it is for every SA of its addresses"
        }
        "esp-tcp" | "espintcp" | "esp-in-tcp" => {
            "ESP in TCP is an option of esp: -encap espintcp SPORT DPORT"
        }
        _ if !takes_spi || before.parse::<SaProtoWord>().is_err() => return None,
        option if option.starts_with('-') => "the SPI goes before the options",
        proto if proto.parse::<SaProtoWord>().is_ok() && before.parse::<SaProtoWord>().is_ok() => {
            "an SA has one protocol: write a statement for each"
        }
        number if is_number(number) => "numbers have no commas",
        hex if is_hexadecimal(hex) => "a hexadecimal number begins with 0x",
        hex if hex.starts_with("0x") => "behind 0x are the digits 0 to 9 and a to f",
        _ => return None,
    }))
}

/// Whether a word has hexadecimal digits alone, or with the `h` of assemblers, and no exponent.
fn is_hexadecimal(word: &str) -> bool {
    let digits = word.strip_suffix('h').unwrap_or(word);
    let is_decimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_exponent =
        digits.split_once('e').is_some_and(|(one, ten)| is_decimal(one) && is_decimal(ten));
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && !has_exponent
}

/// A statement that begins with no word of one; `is_first` at the beginning of a line.
fn beginning(rest: &str, word: &str, is_first: bool) -> Option<Hint> {
    if rest.starts_with("ip xfrm") {
        return Some(Hint::Text(
            "a script has no commands of iproute2: write add, spdadd or flush",
        ));
    }
    if let Some(advice) = copied::at_beginning(rest) {
        return Some(Hint::Text(advice));
    }
    if let Some(hint) = notation::beginning(word) {
        return Some(hint);
    }
    let behind = rest[word.len()..].trim_start_matches([' ', '\t']);
    let is_statement = |word: &str| word.parse::<StatementWord>().is_ok();
    Some(Hint::Text(match rest.as_bytes() {
        [b';', ..] if is_first => "nothing is before the `;`: remove it; comments begin with #",
        [b';', ..] => "a statement has ended before it: remove the `;`",
        [b'-', b'a'..=b'z' | b'A'..=b'Z', ..] => return Some(Hint::EARLY_SEMICOLON),
        _ if word.parse::<ActionKind>().is_ok()
            || is_template(rest.split([' ', '\t', '\n', ';']).next()?) =>
        {
            "a `;` ends the policy before this part of it: remove that `;`"
        }
        [b'$', ..] => "variables are not expanded: write the value",
        [b'"' | b'\\' | b'-' | b'/', ..] => return None,
        [first, ..] if first.is_ascii_punctuation() && *first != b':' => {
            "a statement begins with a word, as add or spdadd; comments begin with #"
        }
        _ if word == "setkey" => {
            "a script has statements, not options of setkey: dump and flush, spddump and spdflush"
        }
        _ if word == "include" && behind.starts_with('"') => {
            "a script includes no other: run setkey -f for each"
        }
        _ if copied::OF_VARIABLES.contains(&word) => NO_VARIABLES,
        _ if behind.split_ascii_whitespace().take(2).any(|word| word.contains('=')) => NO_VARIABLES,
        _ if word.strip_suffix(['.', ':']).is_some_and(is_statement) => {
            "a statement ends with a `;`"
        }
        _ => return None,
    }))
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
    let is_proto = |word: &str| word.parse::<SaProtoWord>().is_ok();
    let of_proto = is_proto(text[..at].rsplit([' ', '\t', '\n']).next().unwrap_or_default());
    if rest.starts_with('[') && !is_spd && of_proto {
        return Some(Hint::Text(OF_PORTS));
    }
    if rest.starts_with('/') && !is_spd && !of_proto && !text[..at].contains('-') {
        return Some(Hint::Text("an SA is between two addresses: leave the prefix length out"));
    }
    if text[..at].ends_with('[') && (word == "tcp" || rest[word.len()..].starts_with('/')) {
        return Some(Hint::Text(
            "brackets are for the port alone: the protocol goes behind the addresses",
        ));
    }
    let takes = |missing: &&str| is_taken(text, at, missing, word);
    if takes_address && word.parse::<ScriptOption>().is_ok() {
        let missing: &[&str] =
            if is_spd { &["::1 any ", "::1 ::1 any "] } else { &["::1 esp 1 ", "::1 ::1 esp 1 "] };
        let behind = if is_spd {
            "options and -P go behind the upper-layer protocol"
        } else {
            "options go behind the SPI"
        };
        return missing.iter().any(takes).then_some(Hint::Text(behind));
    }
    if rest.starts_with('[') && takes_address {
        return Some(Hint::Text("an IPv6 address has no brackets: they are for ports"));
    }
    if word == "any" && takes_address {
        return Some(Hint::Text(any_of_selector(text, at, is_spd)));
    }
    let is_whole = text[..at].ends_with([' ', '\t', '\n', '[']);
    if rest.starts_with('*')
        && is_whole
        && is_spd
        && is_statement(&replaced(text, at..at + 1, "any"))
    {
        return Some(Hint::DidYouMean("any"));
    }
    if rest.starts_with("0/0") && is_spd {
        return Some(Hint::Text(ALL_ADDRESSES));
    }
    let next = rest[word.len()..].split_ascii_whitespace().next().unwrap_or_default();
    (is_proto(word) && takes_address && !is_spd).then_some(Hint::Text(
        if next.contains([':', '.']) {
            "the protocol goes behind both addresses"
        } else {
            "an address is missing: the source and the destination are before the protocol"
        },
    ))
}

/// What `any` means in the place of an address.
fn any_of_selector(text: &str, at: usize, is_spd: bool) -> &'static str {
    if !is_spd {
        return if text.starts_with("delete") {
            "an SA is between two addresses: write them; flush is for every SA"
        } else {
            "an SA is between two addresses: write them"
        };
    }
    let is_address = |word: &&str| word.contains([':', '.', '/']);
    let behind: Vec<&str> = text[at + "any".len()..].split_ascii_whitespace().take(3).collect();
    match behind.as_slice() {
        [src, dst, option] if is_address(src) && is_address(dst) && option.starts_with('-') => {
            "`any` is the protocol: it goes behind both addresses"
        }
        [option, ..]
            if option.starts_with('-') && is_statement(&replaced(text, at..at, "::1 ")) =>
        {
            "the destination is missing: `any` is the protocol"
        }
        _ => ALL_ADDRESSES,
    }
}

/// A number behind an option that is written in another way.
fn number(text: &str, at: usize) -> Option<Hint> {
    let option = value::option_before(text, at);
    let word = text[at..].split([' ', '\t', '\n', ';']).next()?;
    if value::is_unlimited(option, word) {
        return Some(Hint::Text("without the option there is no limit: leave it out"));
    }
    let (why, number) = value::meant(option, word)?;
    Some(Hint::Number(why, number))
}

/// A word that a statement about a whole database has too much.
pub(super) fn superfluous(source: &Source, at: usize, word: &str) -> Option<Hint> {
    let before = tokens_before(source, at).last().map_or("", |at| word_at(source, at));
    let (text, at) = (source.ascii(), at - source.start());
    let first = text.split([' ', '\t', '\n']).next()?.parse().ok()?;
    let is_of_all = matches!(
        first,
        StatementWord::Flush
            | StatementWord::Dump
            | StatementWord::SpdFlush
            | StatementWord::SpdDump
    );
    let is_behind = before.parse::<SaProtoWord>().is_ok();
    let is_second = before.parse() == Ok(first);
    let may_be = is_of_all && !word.is_empty() && word.parse::<StatementWord>().is_err();
    let is_complete = is_statement(&replaced(text, at..at + word.len(), ""));
    (may_be && (is_behind || is_second)).then_some(Hint::Text(if is_behind {
        "a statement is for one protocol, or for all: write a statement for each"
    } else if let Some(advice) = of_other_database(first, word) {
        advice
    } else if is_complete && FOR_ALL.contains(&word) {
        "the statement is complete without this word, and is for all"
    } else if matches!(first, StatementWord::SpdFlush | StatementWord::SpdDump) {
        "the statement is for all policies, and takes no word"
    } else if word == "udp" {
        "SAs are of esp, ah or ipcomp: ESP in UDP is esp-udp"
    } else {
        "SAs are of esp, ah or ipcomp: a statement is for one of them, or without a word for all"
    }))
}
