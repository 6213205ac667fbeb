mod help;
mod original;

use model::{KeyBits, ScriptOption, names::Transport};

use crate::{
    parse::{
        copied::HTML,
        hint::Hint,
        source::{Excerpt, Place, Position, Source},
        split::MAX_STATEMENT,
        stray::Stray,
    },
    tree::{Span, StatementWord},
};

/// An error of a script, with its place. The original stops at one: `parse failed, line N.`
///
/// Its text and its excerpt contain no key, and its [`Error::token`] may be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: Fault,
    place: Box<Place>,
    hint: Option<Hint>,
}

/// What is wrong, in the words of this crate; [`Error::message`] has those of the original.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A token in a place where it is not allowed.
    #[error("syntax error")]
    Syntax {
        /// What could.
        expected: Vec<String>,
    },
    /// A character that begins no token.
    #[error("{0}")]
    Stray(Stray),
    /// A quote that nothing closes.
    #[error("unclosed quote")]
    UnclosedQuote,
    /// A quote that the next one closes, which was to open another text.
    #[error("unclosed quote: the next one closes it")]
    LateQuote,
    /// A statement without end.
    #[error("statement longer than {MAX_STATEMENT} bytes, missing `;`?")]
    TooLong,
    /// The reader's own error.
    #[error("the script cannot be read: {0}")]
    Unreadable(String),
    /// A word in a place of a policy where it is not allowed.
    #[error("syntax error in the policy")]
    PolicySyntax {
        /// The word.
        word: String,
        /// What is allowed there.
        expected: Vec<String>,
    },
    /// A template without mode.
    #[error("a template needs a mode")]
    TooFewArguments,
    /// An endpoint that is no numeric address; the text is that of getaddrinfo(3).
    #[error("`{word}` is no IP address")]
    Endpoint {
        /// The endpoint.
        word: String,
        /// The reason, in words.
        reason: String,
    },
    /// `me-any` outside `out`, or `any-me` outside `in`.
    #[error("me-any is for direction out, any-me for direction in")]
    Direction,
    /// A tunnel without endpoints.
    #[error("a tunnel needs its endpoints")]
    NoEndpoints,
    /// Endpoints of two address families.
    #[error("the endpoints are of different address families")]
    EndpointFamilies,
    /// An offset that leads out of the range of its base.
    #[error(
        "priority offset from base not in valid range [0, 1073741823] for negative offsets and \
         [0, 1073741824] for positive offsets"
    )]
    PriorityOffset,
    /// A key that the algorithm does not take.
    #[error("{algorithm} does not take a key of {given} bits")]
    KeyLength {
        /// The algorithm.
        algorithm: String,
        /// Bits given.
        given: usize,
        /// Bits it takes.
        fits: KeyBits,
    },
    /// A keyed hash from before HMAC, RFC 1828, which Linux does not have.
    #[error("Linux has no {0}")]
    NotSupported(String),
    /// A bitmap with more words than the window has.
    #[error("the bitmap has more than the {} hexadecimal digits of this window", words * 8)]
    Bitmap {
        /// Words of 32 bits that it may have.
        words: usize,
    },
    /// `kernel:` with something that is no name. It is not shown: a key may be in the same quotes.
    #[error("this is no kernel's name of an algorithm")]
    KernelName,
    /// `des-deriv` with `esp-old`, or `des-32iv` without.
    #[error("{0} does not go with this protocol")]
    AlgorithmMismatch(String),
    /// `-r` with a protocol that has no sequence numbers.
    #[error("esp-old and ah-old have no sequence numbers to check")]
    ReplayWithOld,
    /// A host name that leads nowhere; the text is that of getaddrinfo(3).
    #[error("`{host}`: {reason}")]
    Host {
        /// The name.
        host: String,
        /// Whether `-n` forbids to look it up.
        numeric: bool,
        /// The reason, in words.
        reason: String,
    },
    /// A port that is none; the text is that of getaddrinfo(3).
    #[error("`{port}` is no port and no service of {}", names_of(.transports))]
    Port {
        /// The port.
        port: String,
        /// The protocols that it was looked up for.
        transports: &'static [Transport],
        /// The reason, in words.
        reason: String,
    },
    /// A name with several addresses where only one can be meant.
    #[error("`{0}` has several addresses")]
    ManyAddresses(String),
    /// No source and destination of one address family. The original prints nothing.
    #[error("source and destination are of different address families")]
    NoPair,
    /// A word that is no name of a network device.
    #[error("`{0}` is no name of a network device")]
    Device(String),
    /// An unknown upper-layer protocol.
    #[error("`{0}` is no upper-layer protocol")]
    Upper(String),
    /// A type and code, or a GRE key, that is none.
    #[error("`{0}` does not fit the upper-layer protocol")]
    Misc(String),
    /// A name in the place of a type and code; the text is that of getaddrinfo(3).
    #[error("`{text}` is no type and code of ICMP")]
    NamedType {
        /// The name.
        text: String,
        /// Why it is no port, for which the original takes it.
        reason: String,
    },
    /// A type and code with a protocol that has none.
    #[error("the upper-layer protocol takes nothing like `{0}`")]
    NoMisc(String),
    /// A tag that is no firewall mark: Linux has no other tags.
    #[error("tagged policies do not exist on Linux")]
    Tagged,
    /// A number that is out of its range.
    #[error("{what}{} is out of range: 0 to {most}", shown(.given.as_deref()))]
    OutOfRange {
        /// The name of the number.
        what: &'static str,
        /// The number, unless it may be a key.
        given: Option<String>,
        /// The largest.
        most: u64,
        /// The message of the original, which has one for some numbers.
        original: Option<&'static str>,
    },
    /// A number that leads out of the range of priorities.
    #[error("priority offset not in valid range [-2147483647, 2147483648]")]
    Priority,
    /// A priority in NetBSD's policy.
    #[error("NetBSD has no priorities in policies")]
    NoPriority,
    /// An SA of `esp-old` or `ah-old` for a BSD, whose packets those protocols are.
    #[error(
        "Linux has no {0}: RFC 1826 and RFC 1827 packets are not those of RFC 4302 and RFC 4303"
    )]
    OldProtocol(&'static str),
    /// `des-deriv` and `des-32iv` for a BSD: the IV is not in the packet, or half of it only.
    #[error("Linux has no {0}: DES with an IV that is not whole in the packet")]
    DerivedIv(String),
    /// More than the protocol in FreeBSD, with another than `icmp6`.
    #[error("FreeBSD takes a type and code with icmp6 only, not `{0}`")]
    OnlyIcmp6(String),
    /// A socket's policy without an action.
    #[error("the policy does not say what to do")]
    NoAction,
    /// A socket's policy that cannot be.
    #[error(transparent)]
    Refused(model::Error),
    /// An option with which a statement does nothing, and which the original does not have.
    #[error("{} does nothing with {}", statement.word(), option.word())]
    Unused {
        /// The option.
        option: ScriptOption,
        /// The statement.
        statement: StatementWord,
    },
    /// `-hwif` without `-dir`.
    #[error("-hwif does not say which way the packets go")]
    HardwareDirection,
}

pub(crate) const SERVNAME: &str = "Servname not supported for ai_socktype";

impl Error {
    pub(crate) fn new(kind: Fault, source: &Source, wrong: Span, named: Span) -> Self {
        Self { kind, place: Box::new(source.place(wrong, named)), hint: None }
    }

    /// The same with what was probably meant.
    pub(crate) fn with_hint(self, hint: Option<Hint>) -> Self {
        Self { hint, ..self }
    }

    /// The same at another place, where the parser has not stopped.
    pub(crate) fn moved(self, source: &Source, wrong: Span, named: Span) -> Self {
        let kind = match self.kind {
            Fault::Stray(_) => Fault::Stray(Stray::Elsewhere),
            Fault::Syntax { .. } => Fault::Syntax { expected: Vec::new() },
            Fault::PolicySyntax { word, .. } => Fault::PolicySyntax { word, expected: Vec::new() },
            kind => kind,
        };
        Self { kind, place: Box::new(source.place(wrong, named)), hint: self.hint }
    }

    /// Whether the rest of the script cannot be read for this error.
    #[must_use]
    pub fn ends_script(&self) -> bool {
        match &self.kind {
            Fault::Stray(Stray::Wide(_) | Stray::Packed(_))
            | Fault::LateQuote
            | Fault::UnclosedQuote => true,
            _ => matches!(self.hint, Some(Hint::OtherFile(_))),
        }
    }

    /// Whether `next` is an error for this one alone: a character with a `;` was not meant to end a statement.
    pub(crate) fn makes(&self, next: &Error) -> bool {
        match &self.hint {
            Some(Hint::Text(HTML) | Hint::Entity(_)) => {
                next.position().line == self.position().line
            }
            Some(Hint::EARLY_SEMICOLON) => next.hint == self.hint,
            _ => false,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &Fault {
        &self.kind
    }

    /// Where, for a finding.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The line that the original prints; not always the one where the error is.
    #[must_use]
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// Where the error is.
    #[must_use]
    pub fn position(&self) -> Position {
        self.place.position
    }

    /// The token that the original names; often the one after the error. It may be a key.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.place.token
    }

    /// The same with `*` for what may be part of a key.
    #[must_use]
    pub fn redacted_token(&self) -> &str {
        &self.place.redacted_token
    }

    /// The statement's text with the bytes in error, and with `*` for what may be part of a key.
    #[must_use]
    pub fn excerpt(&self) -> &Excerpt {
        &self.place.excerpt
    }

    /// What would have been right, in plain words.
    #[must_use]
    pub fn expected(&self) -> Option<String> {
        match &self.kind {
            Fault::Syntax { expected } | Fault::PolicySyntax { expected, .. } => {
                let (last, others) = expected.split_last()?;
                Some(match others {
                    [] => last.clone(),
                    others => format!("{}; or {last}", others.join("; ")),
                })
            }
            Fault::KeyLength { fits, .. } => Some(fits.to_string()),
            _ => None,
        }
    }
}

fn names_of(transports: &[Transport]) -> String {
    let names = transports.iter().map(|transport| match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Sctp => "SCTP",
    });
    names.collect::<Vec<_>>().join(" or ")
}

fn shown(given: Option<&str>) -> String {
    given.map_or_else(String::new, |given| format!(" {given}"))
}
