//! What to do about the name of an algorithm and its key.

use model::ALGORITHMS;

use super::{
    attempt::is_taken,
    hint::Hint,
    lists::{AUTH, CIPHERS, COMP},
    meant,
};

/// A text in quotes in the place of an algorithm's name: perhaps that which the kernel has.
pub(super) fn quoted(rest: &str, option: &str) -> Option<Hint> {
    let name = rest.strip_prefix('"')?;
    let name = &name[..name.find('"')?];
    let kinds = match option {
        "-E" => CIPHERS,
        "-A" => AUTH,
        "-C" => COMP,
        _ => return None,
    };
    let mut rows = ALGORITHMS.iter().filter(|row| kinds.contains(&row.kind));
    if rows.clone().any(|row| row.name == name || row.aliases.contains(&name)) {
        return Some(Hint::Text("the name of an algorithm has no quotes: leave them out"));
    }
    let kernel = rows.find(|row| row.kernel == name);
    let behind = rest[name.len() + 2..].trim_start();
    let is_key = option != "-C" && !name.contains('(') && !behind.starts_with(['"', '0']);
    Some(match kernel {
        Some(row) => Hint::DidYouMean(row.name),
        None if is_key => Hint::Text(
            "the name of the algorithm is missing before the key: -E NAME KEY, -A NAME KEY",
        ),
        None => Hint::Text(
            "the name of an algorithm has no quotes, unless it is that of the kernel: \"kernel:NAME\"",
        ),
    })
}

/// A key without quotes or without `0x`.
pub(super) fn key(text: &str, at: usize, word: &str) -> Option<Hint> {
    let before = text[..at].trim_end();
    let is_digits = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let last = before.rsplit([' ', '\t', '\n']).next()?;
    if is_digits && !word.is_empty() && last.starts_with("0x") && before.contains(" -") {
        return Some(Hint::Text("a key has no blanks between its digits"));
    }
    let next = text[at..].split([' ', '\t', '\n', ';']).nth(1)?;
    let is_name = |word: &str| {
        let is_row = ALGORITHMS.iter().any(|row| row.name == word || row.aliases.contains(&word));
        is_row || meant::is_algorithm(word)
    };
    if ["-E", "-A"].contains(&last) && word.starts_with("0x") && is_name(next) {
        return Some(Hint::Text("the name of the algorithm goes before its key"));
    }
    let mut parts = word.split('-');
    if ["-E", "-A"].contains(&last)
        && !is_name(word)
        && parts.next().is_some_and(meant::is_algorithm)
        && parts.next().is_some_and(meant::is_algorithm)
    {
        return Some(Hint::Text("a proposal of IKE is no algorithm: say -E NAME KEY -A NAME KEY"));
    }
    let takes_key = is_taken(text, at, "\"\" ", "") && !before.ends_with('"');
    if !takes_key || word.is_empty() {
        return None;
    }
    let is_before_quote = text[at + word.len()..].starts_with(['\'', '"']);
    Some(Hint::Text(if is_before_quote {
        "a key of text is in double quotes, with nothing before them"
    } else if is_name(word) {
        "an algorithm has its own key behind it: -E NAME KEY -A NAME KEY"
    } else if word == "0x" {
        "hexadecimal digits follow 0x"
    } else if is_digits {
        "a key of hexadecimal digits begins with 0x"
    } else {
        "a key of text is in double quotes"
    }))
}
