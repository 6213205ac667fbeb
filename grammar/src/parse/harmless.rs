//! Words of a statement that are no part of a key, wherever they are or in the place of something else.

use std::net::IpAddr;

use model::{ALGORITHMS, IpTfsSetting, LevelKind, Mode, Proto};
use pest::Parser;

use super::{
    lists::{encapsulations, flags, kernel_flags, protocols, sa_directions, sa_modes},
    lookalike::in_ascii,
    meant,
    rules::{Rule, SetkeyParser},
    similar::closest,
};
use crate::tree::SaProtoWord;

/// The most hexadecimal digits of a number that is no key: those of an SPI.
const MOST_DIGITS: usize = 8;

/// The longest unknown word in place of a protocol or an algorithm that is shown.
pub(super) const LONGEST_MISTAKE: usize = 12;

/// Bytes of the longest word that is a value of an option, and of a device's name, with its NUL.
const LONGEST_VALUE: usize = 16;

/// Whether a word is the name of an algorithm.
pub(super) fn is_algorithm(word: &str) -> bool {
    let rules = [
        Rule::crypt_word,
        Rule::crypt_bare,
        Rule::auth_word,
        Rule::auth_bare,
        Rule::tcp_md5,
        Rule::comp_word,
    ];
    rules.into_iter().any(|rule| is_whole(rule, word))
}

pub(super) fn is_whole(rule: Rule, word: &str) -> bool {
    SetkeyParser::parse(rule, word).is_ok_and(|found| found.as_str() == word)
}

/// Whether a word in the place of an algorithm is one, or surely one that is misspelt or unknown, such
/// as `hmac-foo`. The key may have been put there.
pub(super) fn names_algorithm(word: &str) -> bool {
    let names = || ALGORITHMS.iter().map(|algorithm| algorithm.name);
    let family = |name: &str| name.split('-').next().map(str::to_owned);
    is_algorithm(word)
        || meant::is_algorithm(word)
        || is_value_of_option(word)
        || closest(word, &names().collect::<Vec<_>>()).is_some()
        || word.len() <= LONGEST_MISTAKE && names().any(|name| family(name) == family(word))
}

/// Whether a word is of the language, as the mode behind an option that is misspelt.
pub(super) fn is_value_of_option(word: &str) -> bool {
    [sa_modes(), sa_directions(), encapsulations(), kernel_flags(), flags()]
        .concat()
        .contains(&word)
}

/// Whether a word may be the value of an option that takes no key: a number, a short word, an address and
/// a port. Something else may be a key after the wrong option.
pub(super) fn is_value(word: &str) -> bool {
    let address = word.split('[').next().unwrap_or_default();
    let is_word = word.len() < LONGEST_VALUE
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:/@+[]".contains(c);
    let is_short =
        word.len() < LONGEST_MISTAKE && word.chars().all(is_plain) && !has_long_number(word);
    let is_list = is_iptfs(word) || is_list_of_flags(word);
    is_short || is_word || address.parse::<IpAddr>().is_ok() || is_list
}

/// Whether a word in the place of an SA's protocol is one, or several, or one that is misspelt.
pub(super) fn is_protocol(word: &str) -> bool {
    let word = in_ascii(word);
    let name = word.split('[').next().unwrap_or_default();
    let is_one = |word: &str| word.parse::<SaProtoWord>().is_ok();
    let is_misspelt = word.len() <= LONGEST_MISTAKE && closest(name, &protocols()).is_some();
    (is_misspelt || name.split(['+', '/', ',', '|', '&']).all(is_one))
        && is_value(&word[name.len()..])
}

/// Whether a word is a list of flags.
fn is_list_of_flags(word: &str) -> bool {
    let words = [kernel_flags(), flags()].concat();
    word.split(['+', ',', '|', '/']).all(|flag| words.contains(&flag))
}

/// Whether a word is an address, perhaps with a prefix length and a port.
pub(super) fn is_address(word: &str) -> bool {
    let is_digits = |text: &str, most| {
        text.len() <= most && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (range, port) = word.split_once('[').map_or((word, None), |(it, port)| (it, Some(port)));
    let (address, length) =
        range.split_once('/').map_or((range, None), |(it, length)| (it, Some(length)));
    let is_port = |port: &str| {
        port.strip_suffix(']').is_some_and(|port| port == "any" || is_digits(port, "65535".len()))
    };
    address.parse::<IpAddr>().is_ok()
        && length.is_none_or(|length| is_digits(length, "128".len()))
        && port.is_none_or(is_port)
}

/// Whether a word is a template of a policy, or its beginning: the mode is behind the protocol, then ends and the level.
pub(super) fn is_template(word: &str) -> bool {
    let mut parts = word.split('/');
    let is_proto = parts.next().is_some_and(|proto| proto.parse::<Proto>().is_ok());
    let is_mode = parts.next().is_some_and(|mode| mode.parse::<Mode>().is_ok());
    let is_ends = |ends: &str| ends.is_empty() || ends.split('-').all(is_address);
    let is_level = |level: &str| {
        let (kind, number) = level.split_once(':').unwrap_or((level, "0"));
        kind.parse::<LevelKind>().is_ok() && is_number(number)
    };
    is_proto
        && is_mode
        && parts.next().is_none_or(is_ends)
        && parts.next().is_none_or(is_level)
        && parts.next().is_none()
}

/// Whether a word is a list of settings of mode `iptfs`.
fn is_iptfs(word: &str) -> bool {
    let is_setting =
        |one: &str| one.split('=').next().is_some_and(|it| it.parse::<IpTfsSetting>().is_ok());
    word.split(',').all(is_setting)
}

/// Whether a word is a number of no more digits than an SPI has.
pub(super) fn is_number(word: &str) -> bool {
    let word = &in_ascii(word);
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    match hex {
        Some(digits) => {
            digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        None => word.parse::<u32>().is_ok(),
    }
}

/// Whether a word is a number that is written in another way, and no longer than an SPI is.
pub(super) fn is_short_number(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".,_".contains(c);
    word.len() <= "0x".len() + MOST_DIGITS
        && word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(is_plain)
}

/// Whether a word has hexadecimal digits in it, more than an SPI has.
pub(super) fn has_long_number(word: &str) -> bool {
    let mut digits = word.split("0x").skip(1).chain(word.split("0X").skip(1));
    let count = |part: &str| part.bytes().take_while(u8::is_ascii_alphanumeric).count();
    digits.any(|part| count(part) > MOST_DIGITS)
}
