use std::net::IpAddr;

use rustix::io::Errno;

use crate::{KeyBits, Proto, ScriptOption, depth::MAX_DEPTH};

/// Why something that reads well cannot be: AF_KEY's own refusals, met before the kernel is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A prefix longer than the address.
    #[error("prefix length {given} is over the address's {most} bits")]
    PrefixTooLong {
        /// Bits asked for.
        given: u32,
        /// Bits of the address.
        most: u8,
    },
    /// A name that no network device can have.
    #[error("{0:?} is no name of a network device: it has 1 to 15 bytes")]
    DeviceName(String),
    /// Two ends of different families.
    #[error("{src} and {dst} are of different address families")]
    FamilyMismatch {
        /// The source.
        src: IpAddr,
        /// The destination.
        dst: IpAddr,
    },
    /// An SA statement without a protocol word.
    #[error("no protocol given: say esp, ah or ipcomp before the SPI")]
    NoProto,
    /// `tcp`: RFC 2385 signatures, which BSD keeps in its SAD.
    #[error("TCP-MD5 SAs do not exist in XFRM: set TCP_MD5SIG on the socket instead")]
    TcpSignature,
    /// ESP without `-E`.
    #[error("ESP needs an encryption algorithm: give -E ALGORITHM KEY (or -E null)")]
    EspWithoutCipher,
    /// `-A` beside an algorithm that authenticates by itself.
    #[error("an AEAD algorithm authenticates by itself: leave -A out")]
    AuthWithAead,
    /// AH without `-A`, or with `-A null`.
    #[error("AH needs an authentication algorithm with a key: give -A ALGORITHM KEY")]
    AhWithoutAuth,
    /// IPComp without `-C`.
    #[error("IPComp needs a compression algorithm: give -C deflate")]
    IpCompWithoutCompression,
    /// An algorithm that the protocol has no place for.
    #[error("{} does not take {}", proto.word().to_uppercase(), option.word())]
    AlgorithmNotForProto {
        /// The SA's protocol.
        proto: Proto,
        /// The option that does not fit: `-E`, `-A` or `-C`.
        option: ScriptOption,
    },
    /// A key between two lengths that the cipher takes. The original sends it to the kernel.
    #[error("{algorithm} does not take a key of {given} bits, but {fits}")]
    KeyLength {
        /// The algorithm.
        algorithm: &'static str,
        /// Bits given.
        given: usize,
        /// Bits that it takes.
        fits: KeyBits,
    },
    /// A compression algorithm that XFRM has no name for.
    #[error("Linux has no compression algorithm {0}: use deflate")]
    NoCompression(String),
    /// Only one of the hard and the soft lifetime.
    #[error(
        "the kernel takes a hard and a soft lifetime together: give both (-lh with -ls, or -bh with -bs)"
    )]
    OneLifetimeOnly,
    /// An action that only a socket's policy may have.
    #[error("{0} is for sockets: in the SPD use none or discard")]
    SocketActionInSpd(&'static str),
    /// A direction that a socket has no policy for.
    #[error("a socket has no policy for packets that are forwarded: say in or out")]
    SocketDirection,
    /// More templates than a packet may pass through (`XFRM_MAX_DEPTH`).
    #[error("{0} templates in one policy: the kernel takes {MAX_DEPTH}")]
    TooManyTemplates(usize),
    /// `use` on an outbound template in beet mode.
    #[error("use on an outbound beet template: the kernel cannot leave it out; say require")]
    OptionalOutboundBeet,
    /// `use` on an outbound template in mode iptfs.
    #[error("use on an outbound iptfs template: the kernel cannot leave it out; say require")]
    OptionalOutboundIpTfs,
    /// `use` on an outbound template of a socket that is not in transport mode.
    #[error(
        "use on an outbound tunnel: packets may pass without the tunnel, which the kernel cannot \
         do; say require"
    )]
    OptionalOutboundTunnel,
    /// Options that PF_KEY cannot ask for, of a statement that is to go that way.
    #[error("PF_KEY has no word for {}: leave it out, or go by XFRM netlink, which has", .0.join(", "))]
    NotInPfKey(Vec<String>),
}

impl Error {
    /// The errno that AF_KEY answers (spec: net/key/af_key.c).
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Error::NoProto => Errno::PROTONOSUPPORT,
            Error::TooManyTemplates(_) => Errno::LOOP,
            Error::NoCompression(_) => Errno::NOSYS,
            Error::NotInPfKey(_) => Errno::OPNOTSUPP,
            _ => Errno::INVAL,
        }
    }
}

/// Why a variable does not take a value. A type of its own: sysctl-shim has words of sysctl(8) for each of these, and for no
/// other error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// Not a number.
    #[error("`{text}` is not a number: {name} takes {takes}")]
    NotANumber {
        /// The variable.
        name: &'static str,
        /// What was given.
        text: String,
        /// The values that it takes.
        takes: String,
    },
    /// A number that it never takes.
    #[error("{value} is out of range: {name} takes {takes}")]
    OutOfRange {
        /// The variable.
        name: &'static str,
        /// What was given.
        value: i64,
        /// The values that it takes.
        takes: String,
    },
    /// A value that the BSDs honour and Linux cannot.
    #[error("{name} cannot be {value} on Linux: {why}")]
    Impossible {
        /// The variable.
        name: &'static str,
        /// What was given.
        value: i64,
        /// The reason.
        why: &'static str,
    },
}

impl VariableError {
    /// The errno of a write(2) to such a variable.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            VariableError::NotANumber { .. } | VariableError::OutOfRange { .. } => Errno::INVAL,
            VariableError::Impossible { .. } => Errno::OPNOTSUPP,
        }
    }
}
