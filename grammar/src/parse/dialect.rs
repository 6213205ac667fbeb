//! What one dialect says and another does not.

use model::Dialect::{self, FreeBsd, Linux, NetBsd};

/// Words and options that not every dialect has, with those that do.
const WORDS: &[(&str, &[Dialect])] = &[
    ("update", &[NetBsd]),
    ("getspi", &[NetBsd]),
    ("spdupdate", &[Linux, NetBsd]),
    ("exit", &[Linux, NetBsd]),
    ("quit", &[Linux, NetBsd]),
    ("bye", &[Linux, NetBsd]),
    ("esp-udp", &[Linux, NetBsd]),
    ("-ctx", &[Linux, NetBsd]),
    ("-bh", &[Linux, NetBsd]),
    ("-bs", &[Linux, NetBsd]),
    ("-esp_frag", &[NetBsd]),
    ("-natt_mtu", &[FreeBsd]),
    ("-hwif", &[FreeBsd]),
    ("fwd", &[Linux]),
    ("prio", &[Linux]),
    ("priority", &[Linux]),
];

/// Options beyond those of ipsec-tools 0.8.2 that the lexer of a BSD knows.
const OPTIONS: &[(&str, Dialect)] = &[
    ("-esp_frag", NetBsd),
    ("-natt_mtu", FreeBsd),
    ("-natt", FreeBsd),
    ("-hwif", FreeBsd),
    ("-esn", FreeBsd),
];

/// The dialects that have a word; none for a word that all have or nobody has.
pub(crate) fn owners(word: &str) -> Option<&'static [Dialect]> {
    WORDS.iter().find(|row| row.0 == word).map(|row| row.1)
}

/// Whether a word is another dialect's.
pub(crate) fn is_foreign(word: &str, dialect: Dialect) -> bool {
    owners(word).is_some_and(|owners| !owners.contains(&dialect))
}

/// The option at the beginning of `text` that only this dialect's lexer knows.
pub(crate) fn own_option(text: &str, dialect: Dialect) -> Option<&'static str> {
    let mut own = OPTIONS.iter().filter(|row| row.1 == dialect).map(|row| row.0);
    own.find(|option| text.starts_with(option))
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
