//! Guesses at what was meant where a script went wrong.

use std::{fmt, net::Ipv4Addr};

use crate::{
    dialect::{is_foreign, owners, whose},
    lexer::{Token, tokens_before},
    source::Source,
    tree::Span,
};

/// The words that begin a statement in any dialect.
pub(crate) const STATEMENTS: &[&str] = &[
    "add",
    "update",
    "getspi",
    "get",
    "delete",
    "deleteall",
    "flush",
    "dump",
    "spdadd",
    "spdupdate",
    "spddelete",
    "spdflush",
    "spddump",
    "exit",
    "quit",
    "bye",
];

/// The shortest word that is worth a guess.
const SHORTEST_GUESS: usize = 4;

/// What was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A word of other dialects.
    OtherDialect(String),
    /// A misspelt word: the right one.
    DidYouMean(&'static str),
    /// A statement begins inside another; the line that lacks a `;`.
    MissingSemicolon(usize),
    /// `#` in a policy.
    CommentInPolicy,
    /// `any` as the mode of a request.
    AnyMode,
    /// An ICMP type without code.
    TypeWithoutCode(String),
    /// A GRE key as a number.
    GreKey(u32),
    /// `null` with a key.
    NullKey,
    /// `tcp-md5`, which the Linux lexer drops.
    TcpMd5,
    /// `esp` as upper-layer protocol.
    EspUpper,
    /// A port behind the address of an SA, in FreeBSD.
    PortOfSa,
    /// A priority or a port in FreeBSD's policy.
    FreeBsdPolicy,
}

impl Hint {
    /// That a word is another dialect's, if it is.
    pub(crate) fn other_dialect(source: &Source, word: &str) -> Option<Self> {
        is_foreign(word, source.dialect()).then(|| Hint::OtherDialect(word.to_owned()))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::OtherDialect(word) => {
                let owner = owners(word).and_then(<[_]>::first).copied().unwrap_or_default();
                write!(f, "`{word}` is {}: use --dialect {}", whose(owner), owner.name())
            }
            Hint::DidYouMean(word) => write!(f, "did you mean `{word}`?"),
            Hint::MissingSemicolon(line) => write!(f, "a `;` is missing at the end of line {line}"),
            Hint::CommentInPolicy => f.write_str("a comment ends a policy: put it behind the `;`"),
            Hint::AnyMode => f.write_str("mode any is for SAs: a request is transport or tunnel"),
            Hint::TypeWithoutCode(number) => {
                write!(f, "a type goes with its code: say {number},0")
            }
            Hint::GreKey(key) => {
                write!(f, "a GRE key is written with dots: say {}", Ipv4Addr::from_bits(*key))
            }
            Hint::NullKey => {
                f.write_str("null takes no key: leave it out, or use --dialect freebsd")
            }
            Hint::TcpMd5 => {
                f.write_str("TCP-MD5 is no SA on Linux: set TCP_MD5SIG on the socket instead")
            }
            Hint::EspUpper => {
                f.write_str("`esp` is FreeBSD's here: say 50, or use --dialect freebsd")
            }
            Hint::PortOfSa => {
                f.write_str("FreeBSD has no ports here: use -natt, or --dialect linux")
            }
            Hint::FreeBsdPolicy => {
                f.write_str("FreeBSD has no priorities and ports in policies: use --dialect linux")
            }
        }
    }
}

/// What stands at `at`: a word, or an option as a whole.
pub(crate) fn word_at(source: &Source, at: usize) -> &str {
    let rest = source.ascii().get(at - source.start()..).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// What was meant by a token where one of `candidates` could stand.
pub(crate) fn of_syntax(
    source: &Source,
    token: Token,
    candidates: &[&'static str],
) -> Option<Hint> {
    let word = word_at(source, token.span.start);
    Hint::other_dialect(source, word)
        .or_else(|| missing_semicolon(source, token.span))
        .or_else(|| comment_in_policy(source, token.span.start))
        .or_else(|| number_of_upper(source, token.span.start, word))
        .or_else(|| closest_own(source, word, candidates))
}

/// The closest of `candidates` that the source's dialect has, if it is close.
fn closest_own(source: &Source, word: &str, candidates: &[&'static str]) -> Option<Hint> {
    let is_own = |candidate: &&str| !is_foreign(candidate, source.dialect());
    let own: Vec<_> = candidates.iter().copied().filter(is_own).collect();
    closest(word, &own).map(Hint::DidYouMean)
}

/// What was meant by a word of a policy.
pub(crate) fn of_policy(source: &Source, wrong: Span, candidates: &[&'static str]) -> Option<Hint> {
    let word = word_at(source, wrong.start);
    Hint::other_dialect(source, word)
        .or_else(|| missing_semicolon(source, wrong))
        .or_else(|| closest_own(source, word, candidates))
}

/// The closest of `candidates`, if it is close.
pub(crate) fn closest(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let distance = |&candidate: &&str| strsim::damerau_levenshtein(&lower, candidate);
    let limit = if word.len() < SHORTEST_GUESS { 1 } else { 2 };
    let close = candidates.iter().filter(|candidate| {
        candidate.len() > 2 && **candidate != word && distance(candidate) <= limit
    });
    close.min_by_key(|&candidate| distance(candidate)).copied()
}

/// A line before or with the error that begins with the first word of a statement.
fn missing_semicolon(source: &Source, wrong: Span) -> Option<Hint> {
    let end = (wrong.end - source.start()).min(source.ascii().len());
    let (mut at, mut last) = (source.start(), 0);
    for (number, line) in source.ascii()[..end].split('\n').enumerate() {
        let first = line.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        if number > 0 && STATEMENTS.contains(&first) && !is_foreign(first, source.dialect()) {
            return Some(Hint::MissingSemicolon(source.position(last).line));
        }
        if !first.is_empty() && !first.starts_with('#') {
            last = at;
        }
        at += line.len() + 1;
    }
    None
}

fn comment_in_policy(source: &Source, at: usize) -> Option<Hint> {
    let before = &source.ascii()[..at - source.start()];
    let policy = &before[before.rfind("-P")? + 2..];
    policy.contains('#').then_some(Hint::CommentInPolicy)
}

fn number_of_upper(source: &Source, at: usize, word: &str) -> Option<Hint> {
    let number = crate::parse::number(word);
    if !source.statement().starts_with(b"spd")
        || !word.starts_with(|c: char| c.is_ascii_digit())
        || number == u64::MAX
    {
        return None;
    }
    let before = tokens_before(source, at).last()?;
    match word_at(source, before) {
        "icmp" | "icmp6" | "ipv6-icmp" | "1" | "58" | "135" => {
            Some(Hint::TypeWithoutCode(number.to_string()))
        }
        "gre" | "47" => u32::try_from(number).ok().map(Hint::GreKey),
        _ => None,
    }
}
