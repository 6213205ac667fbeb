//! Which bytes of a statement may be part of a key. Messages never show them.
//!
//! A key is recognised by its place, whatever it looks like, since a key that is written wrongly looks
//! like anything: in `add` and `update` only the addresses, the protocol, the SPI, options with their
//! values and names of algorithms are known to be none.

use std::net::IpAddr;

use model::{ActionKind, Direction, ScriptOption};

use super::{
    copied, foreign,
    harmless::{
        LONGEST_MISTAKE, has_long_number, is_address, is_algorithm, is_number, is_protocol,
        is_short_number, is_template, is_value, is_value_of_option, is_whole, names_algorithm,
    },
    lists::statements,
    meant,
    rules::Rule,
    similar::closest,
};
use crate::tree::{SaProtoWord, StatementWord};

/// Stands for a byte that may be part of a key.
const BLOT: u8 = b'*';

/// The longest unknown option that is shown.
const LONGEST_OPTION: usize = 6;

/// The text with [`BLOT`] for each byte that may be part of a key, and for comments and what is in
/// quotes. A statement begins at `start`; before it is the rest of its line.
pub(super) fn blot(text: &[u8], start: usize) -> Vec<u8> {
    let mut blotted = text.to_vec();
    let (before, statement) = blotted.split_at_mut(start);
    blot_statements(before);
    blot_statements(statement);
    blotted
}

fn blot_statements(text: &mut [u8]) {
    let (mut at, mut place) = (0, Place::Beginning);
    while let Some(&byte) = text.get(at) {
        let rest = &text[at + 1..];
        let until = |end: u8| rest.iter().position(|&byte| byte == end).unwrap_or(rest.len());
        match byte {
            b' ' => at += 1,
            // A NUL or a carriage return is named in a message, and is no part of a key that is typed.
            control if control.is_ascii_control() => at += 1,
            b';' => (at, place) = (at + 1, Place::Beginning),
            b'#' => {
                let end = at + 1 + until(b'\n');
                hide(&mut text[at + 1..end]);
                at = end;
            }
            b'"' => {
                let end = at + 1 + until(b'"');
                hide(&mut text[at + 1..end]);
                // A word right behind a quote: the text before it was to be outside, and the word is the key.
                let is_glued = text.get(end + 1).is_some_and(|byte| !b" \t\n\r;#".contains(byte));
                (at, place) = (end + 1, if is_glued { Place::Key } else { place.after_quotes() });
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_control() || b" ;#\"".contains(byte);
                let length = 1 + rest.iter().position(ends).unwrap_or(rest.len());
                let word = &mut text[at..at + length];
                let (is_shown, next) = place.take(str::from_utf8(word).unwrap_or_default());
                if !is_shown {
                    let prefix =
                        if word.starts_with(b"0x") || word.starts_with(b"0X") { 2 } else { 0 };
                    hide(&mut word[prefix..]);
                }
                (at, place) = (at + length, next);
            }
        }
    }
}

fn hide(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = BLOT);
}

/// What a word is, by the words before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first of a statement.
    Beginning,
    /// Part of a statement that has no keys.
    Harmless,
    /// What follows a statement that is misspelt, and may be none.
    Misspelt,
    /// An address, the protocol or the SPI: so many of them were before.
    SaName(u8),
    /// A value of an option: so many may come.
    Values(u8),
    /// The name of an algorithm.
    Algorithm,
    /// A key, or what may be one.
    Key,
}

impl Place {
    fn after_quotes(self) -> Self {
        if self == Place::Algorithm { Place::Key } else { self }
    }

    /// Whether the word here may be shown, and the place of the next one.
    fn take(self, word: &str) -> (bool, Self) {
        if let Ok(option) = word.parse() {
            return (true, self.after_option(option));
        }
        match self {
            Place::Key => return (false, Place::Key),
            Place::Algorithm => return (names_algorithm(word), after_algorithm(word)),
            _ => {}
        }
        if let Some(name) = ["-E", "-A", "-C"].iter().find_map(|option| word.strip_prefix(option)) {
            return (names_algorithm(name), after_algorithm(name));
        }
        if is_algorithm(word) {
            return (true, after_algorithm(word));
        }
        match word.parse() {
            Ok(StatementWord::Add | StatementWord::Update) => return (true, Place::SaName(0)),
            Ok(_) if matches!(self, Place::Beginning | Place::Misspelt) => {
                return (true, Place::Harmless);
            }
            _ => {}
        }
        // A policy on its own.
        if self == Place::Beginning && word.parse::<Direction>().is_ok() {
            return (true, Place::Harmless);
        }
        if let Some(option) = word.strip_prefix('-').filter(|_| self != Place::Beginning) {
            if option.chars().all(|c| matches!(c, 'n' | '4' | '6')) {
                return (true, self);
            }
            if option.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return self.after_unknown_option(word);
            }
        }
        self.take_other(word)
    }

    fn after_option(self, option: ScriptOption) -> Self {
        match (option, self) {
            (
                ScriptOption::Encryption | ScriptOption::Authentication | ScriptOption::Compression,
                _,
            ) => Place::Algorithm,
            // No option but these follows a key.
            (_, Place::Key) => Place::Key,
            (ScriptOption::Policy, _) | (_, Place::Harmless) => Place::Harmless,
            (ScriptOption::Offload | ScriptOption::Encap | ScriptOption::Selector, _) => {
                Place::Values(3)
            }
            (ScriptOption::Natt | ScriptOption::Context, _) => Place::Values(2),
            (ScriptOption::Esn | ScriptOption::NoKeepAlive | ScriptOption::RawCpi, _) => {
                Place::Values(0)
            }
            _ => Place::Values(1),
        }
    }

    /// After `-u16`, which is `-u 16`, or an option that is none: perhaps `-E`, misspelt.
    fn after_unknown_option(self, word: &str) -> (bool, Self) {
        let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let option = &word[..word.len() - digits.len()];
        match option.parse() {
            Ok(option) if is_number(digits) => match self.after_option(option) {
                Place::Values(count) => (true, Place::Values(count.saturating_sub(1))),
                place => (true, place),
            },
            _ => {
                let options: Vec<_> =
                    ScriptOption::ALL.iter().map(|option| option.word()).collect();
                if foreign::is_of_sa(word) {
                    return (true, Place::Values(1));
                }
                if let Some(option) = meant::option(word) {
                    return (true, self.after_option(option));
                }
                let name = word.trim_start_matches('-');
                if is_value_of_option(name) {
                    return (true, Place::Values(0));
                }
                if is_algorithm(name) || meant::is_algorithm(name) {
                    return (true, after_algorithm(name));
                }
                let is_misspelt = word.len() <= LONGEST_OPTION
                    || foreign::is_before_algorithm(word)
                    || closest(word, &options).is_some();
                (is_misspelt, Place::Algorithm)
            }
        }
    }

    fn take_other(self, word: &str) -> (bool, Self) {
        let is_short = word.len() <= LONGEST_MISTAKE;
        let is_letters = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        match self {
            Place::Beginning
                if foreign::begins_file(word) || copied::is_named_at_beginning(word) =>
            {
                (true, Place::Key)
            }
            Place::Beginning
                if closest(word, &statements()).is_some() || meant::is_statement(word) =>
            {
                (true, Place::Misspelt)
            }
            Place::Beginning if word.parse::<ActionKind>().is_ok() => (true, Place::Beginning),
            Place::Beginning if is_template(word) => (true, Place::Harmless),
            // A statement has an address, or nothing that could be a key.
            Place::Misspelt if is_address(word) => (true, Place::SaName(1)),
            Place::Misspelt if is_protocol(word) || word.len() <= 3 => (true, Place::Misspelt),
            Place::Harmless => (!has_long_number(word), self),
            Place::SaName(_) | Place::Values(0) if foreign::is_before_algorithm(word) => {
                (true, Place::Algorithm)
            }
            Place::SaName(_) | Place::Values(0) if foreign::is_of_sa(word) => {
                (true, Place::Values(1))
            }
            Place::SaName(1 | 2) if word.starts_with('[') => (is_value(word), self),
            Place::SaName(before @ (0 | 1)) => (!has_long_number(word), Place::SaName(before + 1)),
            // The protocol, which may be left out; behind `esp-udp` may be an address.
            Place::SaName(2) if word.parse() == Ok(SaProtoWord::EspUdp) => (true, self),
            Place::SaName(2) if word.parse::<IpAddr>().is_ok() => (true, Place::SaName(3)),
            Place::SaName(2) if is_letters && is_short || is_protocol(word) => {
                (true, Place::SaName(3))
            }
            Place::SaName(2 | 3) if is_number(word) || is_short_number(word) => {
                (true, Place::SaName(4))
            }
            Place::Values(count @ 1..) => (is_value(word), Place::Values(count - 1)),
            _ => (false, Place::Key),
        }
    }
}

/// What follows the name of an algorithm, or what is in its place.
fn after_algorithm(name: &str) -> Place {
    let is_bare = [Rule::crypt_bare, Rule::auth_bare, Rule::comp_word];
    if is_bare.into_iter().any(|rule| is_whole(rule, name)) { Place::Values(0) } else { Place::Key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blotted(statement: &str) -> String {
        let blotted = blot(statement.as_bytes(), 0);
        assert_eq!(blotted.len(), statement.len());
        String::from_utf8(blotted).unwrap()
    }

    /// Key by key: how it is written, and what is shown.
    #[test]
    fn keys_are_found_by_their_place() {
        for (key, shown) in [
            ("0x0011223344", "0x**********"),
            ("0X00AABB", "0X******"),
            ("\"sixteen byte key\"", "\"****************\""),
            ("'sixteen byte key'", "******** **** ****"),
            ("\"two\nlines\"", "\"***\n*****\""),
            ("\"é\" é", "\"**\" **"),
            ("deadbeef", "********"),
            ("73697874 65656e20", "******** ********"),
            ("key -u 5", "*** -u *"),
            ("c2l4dGVlbg==", "************"),
            ("", ""),
        ] {
            let statement = |key, next| {
                format!("add ::1 ::2 esp 9 -m tunnel -E aes-cbc {key} -A hmac-md5 {next};")
            };
            assert_eq!(blotted(&statement(key, "next")), statement(shown, "****"));
        }
        // Nothing closes the quote.
        assert_eq!(blotted("-A null \"a key; flush;\n#"), "-A null \"*************\n*");
    }

    #[test]
    fn what_is_no_key_is_shown() {
        for statement in [
            "add -4 192.0.2.1[500] host.example esp-udp 192.0.2.1 0x10001 -natt 1.2.3.4[5] 1.2.3.4[5] \
             -u16 -lh 10 -offload eth0 in packet -mark 1/0xff -ctx 1 1 -E null;",
            "update ::1 ::2 eps 4294967295 -f zero-pad -E aes-cbz ;",
            "add ::1 ::2 ipcomp 9 -C deflate -R -m transport;",
            "spdadd 10.0.0.0/8[80] ::/0 any -mark 0x10 -P out prio low -5 ipsec esp/transport//use;",
            "deleteall a.long.name.of.a.host.example b ah; flush; ad ::1 ::2 esp 9",
            "delete ::1 ::2 esp 9 -A hmac-foo;",
            "add ::1 ::2 esp 1e3 -mode tunnel -lifetime 5 -E null;",
        ] {
            assert_eq!(blotted(statement), statement);
        }
    }

    #[test]
    fn what_may_be_one_is_not() {
        for (statement, shown) in [
            ("add ::1 ::2 esp 9 -E 0xdeadbeef;", "add ::1 ::2 esp 9 -E 0x********;"),
            ("add ::1 ::2 esp 9 -e aes-cbc key;", "add ::1 ::2 esp 9 -e aes-cbc ***;"),
            ("add ::1 ::2 esp 9 -e aes key;", "add ::1 ::2 esp 9 -e aes ***;"),
            ("add ::1 ::2 esp 9 -Eaes-cbc key;", "add ::1 ::2 esp 9 -Eaes-cbc ***;"),
            ("add ::1 ::2 esp 9 -Ekey;", "add ::1 ::2 esp 9 *****;"),
            ("add ::1 ::2 esp 9 aes-cbc key;", "add ::1 ::2 esp 9 aes-cbc ***;"),
            ("add ::1 ::2 esp 9 key;", "add ::1 ::2 esp 9 ***;"),
            ("add ::1 ::2 esp key;", "add ::1 ::2 esp ***;"),
            ("add ::1 ::2 esp 9 -m tunnel key;", "add ::1 ::2 esp 9 -m tunnel ***;"),
            ("flush\nadd ::1 ::2 esp 9 -A key;", "flush\nadd ::1 ::2 esp 9 -A ***;"),
            ("get ::1 ::2 esp 0x123456789;", "get ::1 ::2 esp 0x*********;"),
            ("key of something;", "*** ** *********;"),
            ("add ::1 ::2 esp 9 -m tunnel -password;", "add ::1 ::2 esp 9 -m tunnel *********;"),
            ("add ::1 ::2 esp 9 -mode tunnel key;", "add ::1 ::2 esp 9 -mode tunnel ***;"),
            ("add ::1 ::2 esp 9 -reqid 5 key;", "add ::1 ::2 esp 9 -reqid 5 ***;"),
            ("add ::1 ::2 esp 9 -auth key;", "add ::1 ::2 esp 9 -auth ***;"),
            ("add ::1 ::20x0011223344 9;", "add ::1 *************** 9;"),
            ("add ::1 ::2 esp 12345678901;", "add ::1 ::2 esp ***********;"),
            ("add ::1 ::2 esp 9 -Q use in none;", "add ::1 ::2 esp 9 -Q *** ** ****;"),
            ("add ::1 ::2 esp 9 -offlaod eth0;", "add ::1 ::2 esp 9 -offlaod ****;"),
            ("add\" ::1 ::2 esp 9 -E aes-cbc \"key\";", "add\"**************************\"***\"*"),
            ("add ::1\" ::2 \"key\" ::2 key;", "add ::1\"*****\"***\"*********"),
            ("tail'; flush; # key\nflush", "*****; flush; #****\nflush"),
        ] {
            assert_eq!(blotted(statement), shown);
        }
    }
}
