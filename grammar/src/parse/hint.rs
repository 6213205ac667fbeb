use std::{fmt, net::Ipv4Addr};

use model::{KeyBits, ScriptOption};

use super::{
    dialect::{is_foreign, owners, whose},
    lookalike::of_keyboard,
    source::Source,
    stray::help_of_character,
};
use crate::tree::StatementWord;

/// What is in no file of another program.
const OF_SETKEY: &str = "a script of setkey(8) has statements as add and spdadd";

/// What was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A word of other dialects.
    OtherDialect(String),
    /// A misspelt word: the right one.
    DidYouMean(&'static str),
    /// A word that is the value of this option.
    OptionWith(&'static str, &'static str),
    /// A word of the other kind of statement: it, and the one to write.
    OtherStatement(&'static str, &'static str),
    /// An option that a statement does not use.
    NoUse(ScriptOption, StatementWord),
    /// A statement begins inside another; the line that lacks a `;`.
    MissingSemicolon(usize),
    /// A statement begins behind another in its line, without a `;` between them: its first word.
    SemicolonBefore(&'static str),
    /// An ICMP type without code.
    TypeWithoutCode(String),
    /// A GRE key as a number.
    GreKey(u32),
    /// The number of an upper-layer protocol whose name is a word of the language.
    NumberOfUpper(u8),
    /// An algorithm without its key.
    NoKey(&'static str, KeyBits),
    /// A sentence.
    Text(&'static str),
    /// What is missing before the error.
    Insert(&'static str),
    /// A netmask in the place of a prefix length.
    Netmask(u8),
    /// An option behind the algorithms.
    LateOption(ScriptOption),
    /// A file of another program.
    OtherFile(&'static str),
    /// A character that looks like one of ASCII.
    Lookalike(char),
    /// A character in place of this one of the keyboard.
    Keyboard(char),
    /// The name of a type of ICMP.
    Type(u8),
    /// A type and a code of ICMP that are not one word.
    TypeAndCode(u8, u8),
    /// What is behind the upper-layer protocol without a blank between them.
    BlankBefore(String),
    /// A service in the place of an upper-layer protocol, and what to say for it.
    Service(String, &'static str),
    /// What HTML has in place of this character.
    Entity(char),
    /// The name of an algorithm behind the option of another kind; the option, and what to write.
    OtherKind(&'static str, &'static str),
    /// The length of an ICV beside the name of its algorithm, in which it is.
    IcvInName(&'static str),
    /// Why a number is not read, and how it is written.
    Number(&'static str, u64),
    /// The encoding of a script that is not UTF-8.
    Encoding(&'static str),
    /// The range that an address and a mask stand for.
    Range(Ipv4Addr, u32),
}

impl Hint {
    /// A `;` before the options of a statement.
    pub(crate) const EARLY_SEMICOLON: Self =
        Self::Text("a `;` ends the statement before its options: remove that `;`");
    /// `#` in a policy.
    pub(crate) const COMMENT_IN_POLICY: Self =
        Self::Text("a comment ends a policy: put it behind the `;`");
    /// `any` as the mode of a template.
    pub(crate) const MODE_ANY: Self =
        Self::Text("mode any is for SAs: a template is transport or tunnel");
    /// `null` with a key.
    pub(crate) const NULL_KEY: Self = Self::Text("null takes no key: leave it out");
    /// `null` with a key of no bits, which FreeBSD takes.
    pub(crate) const NULL_EMPTY_KEY: Self =
        Self::Text("null takes no key: leave it out, or use --dialect freebsd");
    /// `tcp-md5`, which the Linux lexer drops.
    pub(crate) const TCP_MD5: Self =
        Self::Text("TCP-MD5 is no SA on Linux: set TCP_MD5SIG on the socket instead");
    /// `esp` as upper-layer protocol.
    pub(crate) const ESP_UPPER: Self =
        Self::Text("`esp` is a word of the language: say 50, or use --dialect freebsd");
    /// A comment of another language.
    pub(crate) const OTHER_COMMENT: Self =
        Self::Text("comments begin with #, and end with the line");
    /// A tunnel with one endpoint.
    pub(crate) const ONE_END: Self =
        Self::Text("a tunnel has two ends: say esp/tunnel/SRC-DST/require");
    /// A port behind the address of an SA, in FreeBSD.
    pub(crate) const PORT_OF_SA: Self =
        Self::Text("FreeBSD has no ports here: use -natt, or --dialect linux");
    /// A priority or a port in FreeBSD's policy.
    pub(crate) const FREEBSD_POLICY: Self =
        Self::Text("FreeBSD has no priorities and ports in policies: use --dialect linux");

    /// That a word is another dialect's, if it is.
    pub(crate) fn other_dialect(source: &Source, word: &str) -> Option<Self> {
        is_foreign(word, source.dialect()).then(|| Hint::OtherDialect(word.to_owned()))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::OtherDialect(word) => write_other_dialect(word, f),
            Hint::DidYouMean(word) => write!(f, "did you mean `{word}`?"),
            Hint::OptionWith(option, word) => write!(f, "did you mean `{option} {word}`?"),
            Hint::OtherStatement(word, other) => {
                let what = if word.starts_with("spd") { "policies" } else { "SAs" };
                write!(f, "`{word}` is for {what}: say {other}")
            }
            Hint::NoUse(option, statement) => {
                let (option, statement) = (option.word(), statement.word());
                write!(f, "{statement} does nothing with {option}: leave it out")
            }
            Hint::MissingSemicolon(line) => write!(f, "a `;` is missing at the end of line {line}"),
            Hint::SemicolonBefore(word) => write!(f, "a `;` is missing before `{word}`"),
            Hint::TypeWithoutCode(number) => {
                write!(f, "a type goes with its code: say {number},0")
            }
            Hint::GreKey(key) => {
                write!(f, "a GRE key is written with dots: say {}", Ipv4Addr::from_bits(*key))
            }
            Hint::NumberOfUpper(number) => {
                write!(f, "its name is a word of the language: say {number}")
            }
            Hint::LateOption(ScriptOption::Encryption) => f.write_str("-E goes before -A"),
            Hint::LateOption(option) => write!(f, "{} goes before -E, -A or -C", option.word()),
            Hint::NoKey(name, fits) => write!(f, "{name} takes {fits}"),
            Hint::Text(text) => f.write_str(text),
            Hint::Insert(text) => write!(f, "`{text}` is missing here"),
            Hint::Netmask(length) => write!(f, "a netmask is written as its length: say {length}"),
            Hint::OtherFile(program) => {
                write!(f, "this is a line of {program}: {OF_SETKEY}")
            }
            Hint::Lookalike(c) => write_lookalike(*c, f),
            Hint::Keyboard(c) => write!(f, "it is not the `{c}` of the keyboard: type it again"),
            Hint::Type(number) => write!(f, "a type and its code are numbers: say {number},0"),
            Hint::TypeAndCode(number, code) => {
                write!(f, "a type and its code are one word: say {number},{code}")
            }
            Hint::BlankBefore(word) => write!(f, "a blank is before `{word}`"),
            Hint::Service(name, upper) => {
                write!(f, "`{name}` is a port: say {upper}, and ADDRESS[{name}]")
            }
            Hint::Entity(' ') => f.write_str("HTML has this for a character: write a blank"),
            Hint::Entity(c) => write!(f, "HTML has this for a character: write `{c}`"),
            Hint::OtherKind(what, instead) => write!(f, "it {what}: {instead}"),
            Hint::IcvInName(name) => write!(f, "the bits of the ICV are in the name: say {name}"),
            Hint::Encoding(name) => {
                write!(f, "convert the file, as with iconv -f {name} -t UTF-8")
            }
            Hint::Number(why, number) => write!(f, "{why}: say {number}"),
            Hint::Range(address, length) => {
                write!(f, "a range is an address and its prefix length: say {address}/{length}")
            }
        }
    }
}

fn write_other_dialect(word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let owner = owners(word).and_then(<[_]>::first).copied().unwrap_or_default();
    write!(f, "`{word}` is {}: use --dialect {}", whose(owner), owner.word())
}

fn write_lookalike(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "U+{:04X} is here: ", u32::from(c))?;
    match of_keyboard(c) {
        Some(c) => write!(f, "{}", Hint::Keyboard(c)),
        None => f.write_str(help_of_character(c).unwrap_or("type it again")),
    }
}
