//! What begins no token: characters of word processors, web pages and other languages, and other encodings.

use std::fmt;

use model::{LevelKind, ScriptOption};

use super::{attempt::word_at, dialect::PRIORITY, harmless::is_algorithm, source::Source};
use crate::tree::Span;

/// The longest UTF-8 character, in bytes.
const LONGEST_CHARACTER: usize = 4;

const CONTINUATION: &str =
    "a statement goes on until its `;`: no `\\` is needed at the end of a line";
const VARIABLE: &str = "variables are not expanded: write the value";

/// Something that begins no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// A byte that may be part of a key, and is not shown.
    Hidden,
    /// A control character, or a byte that is not UTF-8.
    Byte(u8),
    /// A character.
    Character(char),
    /// U+FEFF at the beginning of the script.
    ByteOrderMark,
    /// The script has this encoding, UTF-16 or UTF-32.
    Wide(&'static str),
    /// The script was compressed by this program.
    Packed(&'static str),
    /// `-` with the letters of no option.
    Option,
    /// An option of another statement, or of another place in this one.
    OtherOption,
    /// What is wrong is at another place.
    Elsewhere,
}

impl Stray {
    /// What is at `at`, and which bytes it has.
    pub(crate) fn at(source: &Source, at: usize) -> (Span, Self) {
        let text = &source.text()[at..];
        let span = |length| Span { start: at, end: at + length };
        let position = source.position(at);
        let is_first = (position.line, position.column) == (1, 1);
        let character = character(text);
        let length = character.map_or(1, char::len_utf8);
        let stray = match character {
            Some('\u{feff}') if is_first => Stray::ByteOrderMark,
            Some('-')
                if source.is_shown(at) && text.get(1).is_some_and(u8::is_ascii_alphabetic) =>
            {
                let word = word_at(source, at);
                let is_other = word.parse::<ScriptOption>().is_ok();
                let stray = if is_other { Stray::OtherOption } else { Stray::Option };
                return (span(word.len()), stray);
            }
            Some(c) if is_no_key(source, at, c) => match c {
                c if c.is_ascii_control() => Stray::Byte(text[0]),
                c => Stray::Character(c),
            },
            None if source.is_shown(at) || is_double_quote(of_windows(text[0])) => {
                Stray::Byte(text[0])
            }
            _ => Stray::Hidden,
        };
        (span(length), stray)
    }

    /// The encoding of a script that begins with this statement, if it is UTF-16 or UTF-32: its name for iconv(1).
    pub(crate) fn encoding(source: &Source) -> Option<&'static str> {
        let position = source.position(source.start());
        if (position.line, position.column) != (1, 1) {
            return None;
        }
        Some(match source.statement() {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => "UTF-32",
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
            [0, 0, 0, ..] => "UTF-32BE",
            [_, 0, 0, ..] => "UTF-32LE",
            [0, _, 0, ..] => "UTF-16BE",
            [_, 0, _, 0, ..] => "UTF-16LE",
            _ => return None,
        })
    }

    /// The program that has compressed a script that begins with this statement.
    pub(crate) fn packer(source: &Source) -> Option<&'static str> {
        let position = source.position(source.start());
        if (position.line, position.column) != (1, 1) {
            return None;
        }
        Some(match source.statement() {
            [0x1f, 0x8b, ..] => "gzip",
            [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => "bzip2",
            [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
            [b'P', b'K', 3, 4, ..] => "zip",
            _ => return None,
        })
    }

    /// What to do about it.
    pub(crate) fn help(self) -> Option<&'static str> {
        Some(match self {
            Stray::Hidden => "a key is \"in double quotes\", or 0x with hexadecimal digits",
            Stray::ByteOrderMark => "the file begins with a byte-order mark: remove it",
            Stray::Byte(b'\r') => "the file has DOS line ends: remove the carriage returns",
            Stray::Byte(byte @ 128..) => return help_of_character(of_windows(byte)),
            Stray::Byte(0) => "remove the NUL byte: a script is text",
            Stray::Byte(_) => "remove the control character",
            Stray::Character(c) => return help_of_character(c),
            Stray::Option | Stray::OtherOption => "setkey(8) has the options of each statement",
            Stray::Packed(_) => "decompress it: a script is text",
            // The hint has the command.
            Stray::Wide(_) | Stray::Elsewhere => return None,
        })
    }
}

/// The character that a byte most often stands for in a file that is not UTF-8 (Windows-1252).
fn of_windows(byte: u8) -> char {
    match byte {
        0x91 => '\u{2018}',
        0x92 => '\u{2019}',
        0x93 => '\u{201c}',
        0x94 => '\u{201d}',
        0x96 => '\u{2013}',
        0x97 => '\u{2014}',
        byte => char::from(byte),
    }
}

/// What a character is in place of, or what there is instead of what it means elsewhere.
pub(super) fn help_of_character(c: char) -> Option<&'static str> {
    Some(match c {
        c if is_dash(c) => "it is not the `-` of the keyboard: type it again",
        c if is_double_quote(c) => "it is not the `\"` of the keyboard: type it again",
        '\'' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' => {
            "a key is in double quotes: \"...\""
        }
        '`' => "a key is in double quotes: \"...\"; commands of the shell are not carried out",
        '\u{ff1b}' | '\u{37e}' => "it is not the `;` of the keyboard: type it again",
        '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' => {
            "the character is invisible: remove it"
        }
        c if c.is_whitespace() => "it is not the blank of the keyboard: type it again",
        '\\' => "there are no escapes: leave the `\\` out",
        '$' => VARIABLE,
        '*' => "there are no patterns: all addresses are 0.0.0.0/0 or ::/0",
        '{' | '}' | '(' | ')' => "there are no lists and no blocks: write a statement for each",
        '<' | '>' => "put a value in the place of <...>",
        '!' => "there is no negation: add a policy of a higher priority for the exception",
        '&' | '|' => "nothing goes between two statements but a `;`",
        c if !c.is_ascii() => "outside quotes and comments a script is ASCII",
        _ => return None,
    })
}

/// What there is instead of a character, by what is around it.
pub(super) fn help_between(before: &str, rest: &str) -> Option<&'static str> {
    let last = before.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
    let name = rest.strip_prefix('$').unwrap_or_default();
    let is_name = |c: char| c.is_ascii_uppercase() || c == '{' || c == '_';
    let is_command = name.starts_with('(') || rest.starts_with('`');
    let behind = rest.strip_prefix('\\').map(|rest| rest.trim_start_matches([' ', '\t', '\r']));
    let is_arrow = ["->", "=>", "-->", "==>", ">", "<->", "<=>", "<-", "-- "]
        .iter()
        .any(|mark| rest.starts_with(mark));
    Some(if behind.is_some_and(|rest| rest.is_empty() || rest.starts_with('\n')) {
        CONTINUATION
    } else if name.starts_with(is_name) {
        VARIABLE
    } else if is_command {
        "nothing of the shell is carried out: write the value"
    } else if rest.starts_with("%any") {
        "all addresses are 0.0.0.0/0 or ::/0"
    } else if is_arrow && last.is_empty() && !before.contains("-P") {
        "nothing is between the two addresses but a blank"
    } else if is_arrow && last.contains("/tunnel/") {
        "a `-` alone is between the two ends of a tunnel: SRC-DST"
    } else if rest.starts_with('=') && last.ends_with("unique") {
        "a colon is between `unique` and its number: unique:NUMBER"
    } else if rest.starts_with('=') && is_level(last) {
        "only `unique` has a number: unique:NUMBER"
    } else if rest.starts_with('=') && PRIORITY.contains(&last) {
        "a blank is between `priority` and its number"
    } else if rest.starts_with('=') && is_algorithm(last) {
        "a blank is between the name of an algorithm and its key"
    } else if rest.starts_with('=') && last.starts_with('-') {
        "a blank is between an option and its value"
    } else {
        return None;
    })
}

/// Whether a template ends with a level.
fn is_level(template: &str) -> bool {
    template.rsplit_once('/').is_some_and(|(_, level)| level.parse::<LevelKind>().is_ok())
}

fn is_dash(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
    )
}

fn is_double_quote(c: char) -> bool {
    matches!(c, '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' | '\u{ff02}')
}

/// Whether a character is surely no part of a key: by its place, or as a typographic quote, or an `=`
/// behind an option.
fn is_no_key(source: &Source, at: usize, c: char) -> bool {
    let before = str::from_utf8(&source.text()[..at]).unwrap_or_default();
    let word = before.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
    source.is_shown(at)
        || is_double_quote(c)
        || is_dash(c) && word.is_empty()
        || c == '=' && word.parse::<ScriptOption>().is_ok()
}

/// The character that the text begins with.
fn character(text: &[u8]) -> Option<char> {
    let length = text.len().min(LONGEST_CHARACTER);
    text[..length].utf8_chunks().next()?.valid().chars().next()
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stray::Wide(encoding) => return write!(f, "the file is {encoding}, not UTF-8"),
            Stray::Packed(program) => return write!(f, "the file was compressed by {program}"),
            Stray::Elsewhere => return f.write_str("syntax error"),
            Stray::Option => return f.write_str("there is no such option"),
            Stray::OtherOption => return f.write_str("the option is not allowed here"),
            Stray::Hidden => f.write_str("this character"),
            Stray::ByteOrderMark => f.write_str("the character U+FEFF"),
            Stray::Byte(byte) => write!(f, "the byte 0x{byte:02x}"),
            Stray::Character(c) if c.is_ascii_graphic() => write!(f, "`{c}`"),
            Stray::Character(c) if c.is_alphanumeric() || is_double_quote(*c) => {
                write!(f, "`{c}` (U+{:04X})", u32::from(*c))
            }
            Stray::Character(c) => write!(f, "the character U+{:04X}", u32::from(*c)),
        }?;
        f.write_str(" is not allowed here")
    }
}
