//! Which dialect has which words.

use model::{
    Dialect::{self, FreeBsd, Linux, NetBsd},
    Direction, ScriptOption,
};

use crate::tree::{SaProtoWord, StatementWord};

/// The words before a priority.
pub(crate) const PRIORITY: [&str; 2] = ["prio", "priority"];

/// The dialects that have a word; none for a word that is in no table.
pub(crate) fn owners(word: &str) -> Option<&'static [Dialect]> {
    let statement = word.parse().map(StatementWord::dialects);
    let option = || word.parse().map(ScriptOption::dialects);
    let proto = || word.parse().map(SaProtoWord::dialects);
    if word == Direction::Fwd.word() || PRIORITY.contains(&word) {
        return Some(&[Linux]);
    }
    statement.or_else(|_| option()).or_else(|_| proto()).ok()
}

/// Whether a word is another dialect's.
pub(crate) fn is_foreign(word: &str, dialect: Dialect) -> bool {
    owners(word).is_some_and(|owners| !owners.contains(&dialect))
}

/// The option at the beginning of `text` that only this dialect's lexer knows.
pub(crate) fn own_option(text: &str, dialect: Dialect) -> Option<&'static str> {
    let own = ScriptOption::ALL.iter().filter(|option| option.added_by() == Some(dialect));
    own.map(|option| option.word())
        .filter(|word| text.starts_with(word))
        .max_by_key(|word| word.len())
}

/// The characters that a policy may have in `linux` and not in FreeBSD.
pub(crate) fn is_policy_char(c: char, dialect: Dialect) -> bool {
    dialect != FreeBsd || !matches!(c, '+' | '[' | ']')
}

/// Whose word it is, in words: "NetBSD's".
pub(crate) fn whose(dialect: Dialect) -> &'static str {
    match dialect {
        Linux => "Linux's",
        NetBsd => "NetBSD's",
        FreeBsd => "FreeBSD's",
    }
}
