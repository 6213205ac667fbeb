//! Notations of other programs: what a statement, a policy and a script have in their place.

use model::{ALGORITHMS, AlgorithmKind, Direction, ScriptOption};

use super::{
    attempt::{is_statement, replaced},
    character::of_two,
    copied::{NO_COMMAS, OF_COMMENTS, OF_SHELLS, SPI_IS_NUMBER, has_commas},
    hint::Hint,
    lists::{AUTH, CIPHERS, COMP, POLICY_OPTIONS, flags, is_upper, kernel_flags, modes},
    repair_selector::{OF_PORTS, example, has_ports, has_types},
};
use crate::tree::{SaProtoWord, StatementWord};

/// Words before a key.
const OF_KEYS: &[&str] = &["key", "secret", "hex", "ascii", "psk", "authkey", "enckey"];

/// Words of other programs in the place of an SPI.
const OF_SPIS: &[&str] = &["auto", "any", "random", "none", "dynamic", "new"];

/// What to write instead of several directions.
pub(super) const ONE_DIRECTION: &str = "a policy has one direction: write a statement for each";

/// About an option of the other kind of statement.
pub(super) const OF_SA: &str = "the option is that of an SA: a policy does not take it";

/// Words for both directions.
const BOTH: &[&str] =
    &["both", "any", "inout", "in-out", "all", "bidirectional", "two-way", "duplex"];

/// What is written in another way at `at` of a statement.
pub(super) fn in_statement(text: &str, at: usize, word: &str) -> Option<Hint> {
    let rest = &text[at..];
    let before = text[..at].trim_end();
    let last = before.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
    let run = rest.split([' ', '\t', '\n', ';']).next().unwrap_or_default();
    let first = text.split([' ', '\t', '\n']).next()?;
    if let Some(hint) = type_and_code(before, run) {
        return Some(hint);
    }
    if let Some(option) = algorithm(text, at, word) {
        return Some(Hint::Insert(option.word()));
    }
    let is_assigned = rest[word.len()..].starts_with('=') && is_algorithm(last);
    if ["-f", "-flag"].contains(&last)
        && let Some(hint) = flag(run, last)
    {
        return Some(hint);
    }
    if let Some(advice) = list(last, rest) {
        return Some(Hint::Text(advice));
    }
    Some(Hint::Text(if text.starts_with("dump") && word == "-P" {
        "say spddump: dump is for SAs"
    } else if text.starts_with("flush") && word == "-P" {
        "say spdflush: flush is for SAs"
    } else if is_end(text, at) {
        "a statement ends with a `;`"
    } else if OF_KEYS.contains(&word) && (is_assigned || is_taken_before_key(text, at, word)) {
        "no word is before a key"
    } else if ["-E", "-A"].contains(&last) && is_name_and_key(run) {
        "a blank is between the name of an algorithm and its key"
    } else if is_key_with_colons(run) && is_algorithm(last) {
        "a key of hexadecimal digits is 0x and the digits, with nothing between them"
    } else if let Some(advice) = selector(text, at, run) {
        advice
    } else if last.ends_with(',') || is_comma(rest, run) || has_commas(text) {
        NO_COMMAS
    } else if ["-mark", "-outmark"].contains(&last) && run.contains([':', ',']) {
        "a mask is behind a slash: VALUE/MASK"
    } else if last == "-ifid" && run.starts_with(|c: char| c.is_ascii_alphabetic()) {
        if first.starts_with("spd") {
            "the ID is the number behind if_id in `ip -d link`; -dev takes the name of a device"
        } else {
            "the ID is the number behind if_id in `ip -d link`"
        }
    } else if rest.starts_with('"') && last.starts_with('-') && is_quoted_number(rest) {
        "a number has no quotes"
    } else if OF_SPIS.contains(&word) && is_proto(last) && first == "delete" {
        "deleteall is for every SPI: say that, without this word"
    } else if OF_SPIS.contains(&word) && is_proto(last) && !first.starts_with("spd") {
        SPI_IS_NUMBER
    } else if ["delete", "get"].contains(&first) && ["-E", "-A", "-C"].contains(&word) {
        "an SA is named by addresses, protocol and SPI: leave the algorithms out"
    } else if is_of_all(first) && rest.starts_with('-') && word.len() > 1 && word != "-P" {
        "the statement has no options: it is for all"
    } else {
        return None;
    }))
}

/// A name in a type and code, or behind the name of ICMP and a comma.
fn type_and_code(before: &str, run: &str) -> Option<Hint> {
    let mut words = before.split_ascii_whitespace().rev();
    let (last, upper) = (words.next()?, words.next()?);
    let is_name = |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    let icmp = if has_types(upper) { upper } else { last.trim_end_matches(',') };
    let text = Hint::Text(example(icmp));
    match last.strip_suffix(',') {
        Some(number) if is_name(run) && has_types(upper) => {
            Some(number.parse().map_or(text, Hint::Type))
        }
        Some(icmp) if is_name(run) && has_types(icmp) => Some(text),
        None if run.starts_with(',') && has_types(upper) && is_name(last) => Some(text),
        _ => None,
    }
}

/// What is written in another way between the addresses of a policy and its options.
fn selector(text: &str, at: usize, run: &str) -> Option<&'static str> {
    let (before, rest) = text.split_at(at);
    if !text.starts_with("spd") {
        return None;
    }
    let last = before.rsplit([' ', '\t', '\n']).next()?;
    if last.contains('[') && !last.contains(']') && rest.starts_with([',', '-', ':']) {
        return Some("a selector has one port: write a statement for each");
    }
    if last.ends_with('/') && run.contains('-') {
        return (!before.contains("-P")).then_some(
            "a range of addresses is one address and its prefix length: ADDRESS/LENGTH",
        );
    }
    let is_list = last.ends_with(',') || rest.starts_with(['/', ',', '|', '+']);
    let next = rest.trim_start_matches(['/', ',', '|', '+']);
    let next = next.split([' ', '\t', '\n', '/', ',', '|', '+']).next()?;
    if is_list && is_upper(next) && is_upper(last.trim_end_matches(',')) {
        return Some("a policy is for one protocol, or any: write a statement for each");
    }
    (rest.starts_with(['/', ':']) && has_ports(last)).then_some(OF_PORTS)
}

/// The option that is missing before the name of an algorithm.
fn algorithm(text: &str, at: usize, word: &str) -> Option<ScriptOption> {
    let kinds = |option| match option {
        ScriptOption::Encryption => CIPHERS,
        ScriptOption::Authentication => AUTH,
        _ => COMP,
    };
    let is_named = |option: ScriptOption| {
        let is_row = |kinds: &[AlgorithmKind]| {
            let mut rows = ALGORITHMS.iter().filter(|row| kinds.contains(&row.kind));
            rows.any(|row| row.name == word || row.aliases.contains(&word))
        };
        let inserted = format!("{} ", option.word());
        is_row(kinds(option)) && is_statement(&replaced(text, at..at, &inserted))
    };
    let options =
        [ScriptOption::Encryption, ScriptOption::Authentication, ScriptOption::Compression];
    options.into_iter().find(|option| is_named(*option))
}

/// A flag behind the option for others, or an option in the place of a flag.
fn flag(run: &str, option: &str) -> Option<Hint> {
    let of = |words: Vec<&'static str>| words.into_iter().find(|word| *word == run);
    if run == "esn" {
        return Some(Hint::Text("this is an option of its own: say -esn -r PACKETS"));
    }
    let (kernel, others) = (of(kernel_flags()), of(flags()));
    match option {
        "-f" => kernel.map(|word| Hint::OptionWith("-flag", word)),
        _ => others.map(|word| Hint::OptionWith("-f", word)),
    }
}

/// A word of several, where one is allowed: the parser stops behind the first, or before it.
fn list(last: &str, rest: &str) -> Option<&'static str> {
    let behind = rest.strip_prefix([',', '/', '+'])?;
    of_two(last, behind.split([' ', '\t', '\n', ',', ';', '/', '+']).next()?)
}

/// Whether a statement ends with a comma or the like, where a `;` would have ended it.
fn is_end(text: &str, at: usize) -> bool {
    let is_last = |rest: &str| rest.trim_end_matches(';').is_empty() || rest.starts_with('\n');
    text[at..].strip_prefix(',').is_some_and(is_last)
        && is_statement(&replaced(text, at..text.len(), ";"))
}

fn is_algorithm(word: &str) -> bool {
    ALGORITHMS.iter().any(|row| row.name == word || row.aliases.contains(&word))
}

fn is_proto(word: &str) -> bool {
    word.parse::<SaProtoWord>().is_ok()
}

fn is_taken_before_key(text: &str, at: usize, word: &str) -> bool {
    is_statement(&replaced(text, at..at + word.len(), ""))
}

/// Pairs of hexadecimal digits with colons or dashes between them.
fn is_key_with_colons(run: &str) -> bool {
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|it| it.is_ascii_hexdigit());
    run.len() > 2 && run.split([':', '-']).all(is_pair)
}

/// The name of an algorithm with its key behind a colon, or the like.
fn is_name_and_key(run: &str) -> bool {
    run.split_once([':', '=', ',']).is_some_and(|(name, _)| is_algorithm(name))
}

/// Whether a comma is between this word and another.
fn is_comma(rest: &str, run: &str) -> bool {
    let is_end = |text: &str| text.starts_with([' ', '\t', '\n']);
    rest.strip_prefix(',').is_some_and(is_end)
        || run.strip_suffix(',').is_some_and(|word| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_end(&rest[word.len() + 1..])
        })
}

fn is_quoted_number(rest: &str) -> bool {
    let inside = rest[1..].split('"').next().unwrap_or_default();
    !inside.is_empty() && inside.bytes().all(|it| it.is_ascii_digit())
}

fn is_of_all(first: &str) -> bool {
    use StatementWord::{Dump, Flush, SpdDump};
    first.parse().is_ok_and(|word| matches!(word, Dump | Flush | SpdDump))
}

/// What begins a statement and is none.
pub(super) fn beginning(word: &str) -> Option<Hint> {
    if OF_COMMENTS.contains(&word) {
        return Some(Hint::OTHER_COMMENT);
    }
    OF_SHELLS
        .contains(&word)
        .then_some(Hint::Text("a script has no commands of the shell: have a shell write it"))
}

/// What is written in another way at `at` of a policy.
pub(super) fn in_policy(text: &str, at: usize, word: &str) -> Option<&'static str> {
    let (before, rest) = text.split_at(at);
    if before.trim().is_empty() && BOTH.contains(&word) {
        return Some(ONE_DIRECTION);
    }
    let next = rest.trim_start_matches(['/', '|', '+']);
    let is_of_two = before.trim().parse::<Direction>().is_ok()
        && next.len() < rest.len()
        && next.split([' ', '\t', '\n']).next()?.parse::<Direction>().is_ok();
    if is_of_two || rest.starts_with("-P") {
        return Some(ONE_DIRECTION);
    }
    if has_direction(before) && matches!(rest.as_bytes(), [b'-', b'a'..=b'z' | b'A'..=b'Z', ..]) {
        return Some(match rest.split([' ', '\t', '\n']).next()?.parse::<ScriptOption>() {
            Ok(option) if !POLICY_OPTIONS.contains(&option) => OF_SA,
            _ => "no option is behind a policy: options of policies go before -P",
        });
    }
    let is_number = before.ends_with(|c: char| c.is_ascii_digit());
    (rest.starts_with('%') && is_number && has_direction(before))
        .then_some("a priority is a number, or low, def or high with an offset, as in def + 100")
}

fn has_direction(policy: &str) -> bool {
    policy.split_ascii_whitespace().any(|word| word.parse::<Direction>().is_ok())
}

/// Whether the parts of a template are words behind its protocol.
pub(super) fn is_template_of_words(behind: &str) -> bool {
    behind.split_ascii_whitespace().next().is_some_and(|word| modes().contains(&word))
}

/// What a `#` in a policy is in place of.
pub(super) fn at_hash(before: &str, rest: &str) -> Option<&'static str> {
    let is_number = rest[1..].starts_with(|c: char| c.is_ascii_digit());
    (before.ends_with("unique") && is_number)
        .then_some("a colon is between `unique` and its number: unique:NUMBER")
}
