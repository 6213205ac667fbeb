//! A word of a statement in the place of another, which the parser takes for something else.

use std::{net::IpAddr, ops::Range};

use model::{Direction, ScriptOption};

use super::{
    attempt::{is_statement, replaced, run, span, unread, words},
    dialect::is_foreign,
    early_end,
    hint::Hint,
    lists::{
        AUTH, CIPHERS, COMP, UPPERS, all_names, directions, flags, kernel_flags, protocols,
        sa_directions, sa_modes,
    },
    meant,
    source::Source,
};
use crate::tree::{Span, StatementWord};

/// Words for the IP version.
const VERSIONS: &[&str] = &["ipv4", "ip6", "inet", "inet6", "4", "6"];

/// Words before the number of an SA or a policy.
const BEFORE_NUMBER: &[&str] = &["spi", "-spi", "reqid", "index", "id"];

/// Words for the whole of a database.
pub(super) const FOR_ALL: &[&str] =
    &["all", "any", "everything", "*", "sa", "sad", "sas", "spd", "policies", "policy"];

/// Those of them for the SAD, and for the SPD.
const FOR_SAD: &[&str] = &["sa", "sad", "sas"];
const FOR_SPD: &[&str] = &["spd", "policies", "policy"];

/// Options of other programs for the direction of a policy.
const OF_DIRECTION: &[&str] =
    &["P", "p", "-p", "-dir", "-direction", "-policy", "-pol", "--policy", "--dir", "--direction"];

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
    if text[second.end..].trim_start_matches([' ', '\t', '\n']) == ";"
        && FOR_ALL.contains(&word)
        && let Some(advice) = of_all(statement, word)
    {
        return Some((span(source, second), Hint::Text(advice)));
    }
    if let Some(found) = third_word(source, statement) {
        return Some(found);
    }
    let advice = if text.starts_with("spd") && word.parse::<Direction>().is_ok() {
        "the direction goes behind -P: -P in or -P out"
    } else if text.starts_with("spd") && word != "any" && UPPERS.contains(&word) {
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

/// A word behind a `-` that is the value of an option, as `-tunnel`.
pub(super) fn value_as_option(word: &str, is_spd: bool) -> Option<Hint> {
    let name = word.strip_prefix('-')?.trim_start_matches('-');
    if word.parse::<ScriptOption>().is_ok() {
        return None;
    }
    if is_spd {
        let direction = directions().into_iter().find(|it| *it == name)?;
        return Some(Hint::OptionWith(ScriptOption::Policy.word(), direction));
    }
    let lists = [
        (ScriptOption::Mode, sa_modes()),
        (ScriptOption::Direction, sa_directions()),
        (ScriptOption::KernelFlag, kernel_flags()),
        (ScriptOption::Flag, flags()),
        (ScriptOption::Encryption, all_names(CIPHERS)),
        (ScriptOption::Authentication, all_names(AUTH)),
        (ScriptOption::Compression, all_names(COMP)),
    ];
    let meant = meant::algorithm(name).map_or(name, |row| row.name);
    lists.iter().find_map(|(option, words)| {
        let value = words.iter().find(|word| **word == meant)?;
        Some(Hint::OptionWith(option.word(), value))
    })
}

/// The statement for all entries, in place of one for a word that stands for all. The word decides, where it names a
/// database.
fn of_all(statement: StatementWord, word: &str) -> Option<&'static str> {
    use StatementWord::{Delete, DeleteAll, Get, SpdDelete};
    if !matches!(statement, Delete | DeleteAll | Get | SpdDelete) {
        return None;
    }
    let is_of_spd = FOR_SPD.contains(&word) || statement == SpdDelete && !FOR_SAD.contains(&word);
    Some(match (statement == Get, is_of_spd) {
        (false, false) => "flush is for every SA: say that alone",
        (false, true) => "spdflush is for all policies: say that alone",
        (true, false) => "dump prints every SA: say that alone",
        (true, true) => "spddump prints all policies: say that alone",
    })
}

/// The statement about the other database, in place of one for all of the first, as for `flush spd`.
pub(super) fn of_other_database(statement: StatementWord, word: &str) -> Option<&'static str> {
    Some(match statement {
        StatementWord::Flush if FOR_SPD.contains(&word) => "say spdflush: flush is for SAs",
        StatementWord::Dump if FOR_SPD.contains(&word) => "say spddump: dump is for SAs",
        StatementWord::SpdFlush if FOR_SAD.contains(&word) => "say flush: spdflush is for policies",
        StatementWord::SpdDump if FOR_SAD.contains(&word) => "say dump: spddump is for policies",
        _ => return None,
    })
}

/// What is wrong behind both addresses of a policy: another one, or the direction.
fn third_word(source: &Source, statement: StatementWord) -> Option<(Span, Hint)> {
    let text = source.ascii();
    let is_address = |word: &Range<usize>| {
        let address = text[word.clone()].split(['/', '[']).next().unwrap_or_default();
        address.parse::<IpAddr>().is_ok()
    };
    let mut behind = words(text).skip(1);
    let (src, dst, third) = (behind.next()?, behind.next()?, behind.next()?);
    if !text.starts_with("spd") || !is_address(&src) || !is_address(&dst) {
        return None;
    }
    if is_address(&third) && unread(&replaced(text, third.clone(), "")) < unread(text) {
        let hint = Hint::Text("two addresses are before the upper-layer protocol");
        return Some((span(source, third), hint));
    }
    let is_direction = text[third.clone()].parse::<Direction>().is_ok();
    let insert = |inserted: &str| is_statement(&replaced(text, third.start..third.start, inserted));
    (is_direction && insert("any -P ") && statement != StatementWord::SpdFlush)
        .then(|| (span(source, third), Hint::Insert("any -P")))
}

/// The first word of a statement about a policy before one about an SA, or the reverse.
pub(super) fn other_statement(source: &Source) -> Option<(Span, Hint)> {
    use StatementWord::{Add, Delete, SpdAdd, SpdDelete, SpdUpdate, Update};
    let text = source.ascii();
    let first = words(text).next()?;
    let statement: StatementWord = text[first.clone()].parse().ok()?;
    let other = match statement {
        Add => SpdAdd,
        Update => SpdUpdate,
        Delete => SpdDelete,
        SpdAdd => Add,
        SpdUpdate => Update,
        SpdDelete => Delete,
        _ => return None,
    };
    let is_meant = !is_foreign(other.word(), source.dialect())
        && is_statement(&replaced(text, first.clone(), other.word()));
    let hint = Hint::OtherStatement(statement.word(), other.word());
    is_meant.then(|| (span(source, first), hint))
}

/// A word with `_` in place of `-`, before which the parser stops.
pub(super) fn underscore(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let span = run(source, stop);
    let range = span.start - source.start()..span.end - source.start();
    let text = source.ascii();
    let word = text[range.clone()].split('_').collect::<Vec<_>>().join("-");
    let lists = [protocols(), kernel_flags(), flags(), all_names(CIPHERS), all_names(AUTH)];
    let meant = lists.concat().into_iter().find(|meant| *meant == word)?;
    let is_meant =
        meant != &text[range.clone()] && unread(&replaced(text, range, meant)) < unread(text);
    is_meant.then_some((span, Hint::DidYouMean(meant)))
}
