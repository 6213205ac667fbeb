//! What to do about the name of an algorithm: behind the option of another kind, with the length of its ICV
//! beside it, or without a counterpart in Linux.

use model::{ALGORITHMS, Algorithm, AlgorithmKind};

use super::{
    hint::Hint,
    lexer::tokens_before,
    lists::{AUTH, CIPHERS, COMP},
    meant,
    source::Source,
};

/// Ciphers that other systems have for IPsec.
const NO_CIPHERS: &[&str] = &[
    "idea",
    "idea-cbc",
    "rc4",
    "arcfour",
    "rc5",
    "rc5-cbc",
    "rc2-cbc",
    "seed",
    "seed-cbc",
    "aria",
    "aria-cbc",
    "skipjack",
    "skipjack-cbc",
    "cast256-cbc",
    "gost",
];

/// Algorithms of authentication that other systems have for IPsec.
const NO_AUTH: &[&str] = &[
    "des-mac",
    "kpdk",
    "umac",
    "poly1305",
    "tiger",
    "hmac-tiger",
    "hmac-sha224",
    "hmac-sha3-256",
    "hmac-blake2s",
    "skein",
];

const IN_NAME: &str = "the bits of the ICV are in the name, as in hmac-sha256-128";

/// The algorithms that an option has.
fn kinds(option: &str) -> Option<&'static [AlgorithmKind]> {
    Some(match option {
        "-E" => CIPHERS,
        "-A" => AUTH,
        "-C" => COMP,
        _ => return None,
    })
}

/// What is meant by the name at `at` behind `option`.
pub(super) fn name(text: &str, at: usize, option: &str) -> Option<Hint> {
    let kinds = kinds(option)?;
    let run = text[at..].split([' ', '\t', '\n', ';']).next()?;
    let behind = text[at..].split(" -A").next()?.trim_end_matches(';');
    let bits = behind.split_ascii_whitespace().last().and_then(|bits| bits.parse().ok());
    if let Some(row) = rows(kinds).find(|row| row.kernel == run) {
        let row = bits.map_or(Some(row), |bits| with_icv(row, bits));
        return Some(row.map_or(Hint::Text(IN_NAME), |row| Hint::DidYouMean(row.name)));
    }
    if let Some((name, rest)) = run.split_once([':', '/', '[', '@'])
        && let Some(hint) = in_name(name, rest, kinds)
    {
        return Some(hint);
    }
    let is_named = |row: &&Algorithm| row.name == run || row.aliases.contains(&run);
    let row = ALGORITHMS.iter().find(is_named).or_else(|| meant::algorithm(run))?;
    // `null` is of two kinds, and no name for no compression.
    let is_own = row.name == "null" || rows(kinds).any(|own| own.name == row.name);
    (!is_own).then(|| other_kind(row.kind))
}

/// The name of an algorithm that IPsec of Linux does not have.
pub(super) fn unknown(word: &str, option: &str) -> Option<Hint> {
    let lower = word.to_ascii_lowercase();
    Some(Hint::Text(match option {
        "-E" if NO_CIPHERS.contains(&lower.as_str()) => {
            "IPsec of Linux has no such cipher: use aes-cbc or aes-gcm-16"
        }
        "-A" if NO_AUTH.contains(&lower.as_str()) => {
            "IPsec of Linux has no such algorithm: use hmac-sha256-128"
        }
        _ => return None,
    }))
}

/// The length of an ICV in brackets behind a name, or behind a key: the parser stops at it.
pub(super) fn icv(source: &Source, wrong: usize) -> Option<Hint> {
    let (text, at) = (source.ascii(), wrong - source.start());
    let run = text[at..].split([' ', '\t', '\n', ';']).next()?;
    let last = text[..at].rsplit([' ', '\t', '\n']).next()?;
    let before = text[..at - last.len()].trim_end().rsplit([' ', '\t', '\n']).next()?;
    if let Some(kinds) = kinds(before) {
        return in_name(last, run.strip_prefix(['[', '/'])?, kinds);
    }
    let tokens: Vec<usize> = tokens_before(source, wrong).collect();
    let word = |at: usize| text[at - source.start()..].split([' ', '\t', '\n', ';']).next();
    let [.., option, name, _key] = tokens.as_slice() else { return None };
    in_name(word(*name)?, run, kinds(word(*option)?)?)
}

/// The length of an ICV that goes with the name of an algorithm.
fn in_name(name: &str, bits: &str, kinds: &[AlgorithmKind]) -> Option<Hint> {
    let row = kinds.iter().find_map(|&kind| Algorithm::by_name(kind, name))?;
    let bits = bits.trim_end_matches(']').parse().ok()?;
    let is_length = [32, 64, 80, 96, 128, 160, 192, 256].contains(&bits) && row.icv_bits > 0;
    let named = with_icv(row, bits).map(|row| Hint::IcvInName(row.name));
    is_length.then(|| named.unwrap_or(Hint::Text(IN_NAME)))
}

/// The row of the same algorithm with this ICV: the last, whose name has the bits.
fn with_icv(row: &Algorithm, bits: u16) -> Option<&'static Algorithm> {
    let is_meant = |it: &&Algorithm| it.kernel == row.kernel && it.icv_bits == bits;
    ALGORITHMS.iter().rev().find(is_meant)
}

fn rows(kinds: &[AlgorithmKind]) -> impl Iterator<Item = &'static Algorithm> {
    ALGORITHMS.iter().filter(move |row| kinds.contains(&row.kind))
}

/// An algorithm of another kind than the option has.
fn other_kind(kind: AlgorithmKind) -> Hint {
    match kind {
        AlgorithmKind::Crypt => Hint::OtherKind("encrypts", "say -E, in an SA of esp"),
        AlgorithmKind::Aead => {
            Hint::OtherKind("encrypts and authenticates", "say -E, in an SA of esp without -A")
        }
        AlgorithmKind::Auth => {
            Hint::OtherKind("authenticates", "say -A; in an SA of esp, -E null goes before it")
        }
        AlgorithmKind::Comp => Hint::OtherKind("compresses", "say -C, in an SA of ipcomp"),
    }
}
