use std::ffi::OsString;

use model::{Mode, Spi};
use rustix::io::Errno;

use crate::wire::message_type::MessageType;

/// Why bytes are not a message, a message cannot be made of the model or the model of a message, or a variable of the
/// environment cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than a header has.
    #[error("{0} bytes are too few for a PF_KEY message, whose header alone has 16")]
    Short(usize),
    /// `sadb_msg_version` is not `PF_KEY_V2`.
    #[error("PF_KEY version {0} is not 2")]
    Version(u8),
    /// `sadb_msg_len` does not agree with the bytes there are.
    #[error("the message gives its length as {claimed} bytes, but has {given}")]
    MessageLength {
        /// Bytes by the header.
        claimed: usize,
        /// Bytes given.
        given: usize,
    },
    /// `sadb_ext_len` is 0 or more than the rest of the message, or the type is 0.
    #[error("extension of type {ext_type}: {claimed} bytes do not fit the {given} left")]
    ExtensionLength {
        /// `sadb_ext_type`.
        ext_type: u16,
        /// Bytes by its header.
        claimed: usize,
        /// Bytes left in the message.
        given: usize,
    },
    /// `sadb_msg_reserved` of a request is not 0.
    #[error("the reserved field is {0}, not 0")]
    Reserved(u16),
    /// AF_KEY takes no request of this type.
    #[error("a message of type {} is not a request", .0.0)]
    NotServed(MessageType),
    /// There is no SA of a type that is none of AH, ESP and IPComp.
    #[error("no SA is of type {0}")]
    NoSaOfType(u8),
    /// An SA must be AH, ESP or IPComp.
    #[error("an SA of any type cannot transform packets")]
    NoTransform,
    /// A range of SPIs without any, or beyond what a CPI can be.
    #[error("no SPI can be from {0} to {1}")]
    SpiRange(Spi, Spi),
    /// The contents of an extension are not those of linux/pfkeyv2.h.
    #[error("extension of type {0} is malformed")]
    Malformed(u16),
    /// A message has a known extension twice.
    #[error("extension of type {0} occurs twice")]
    Duplicate(u16),
    /// More than a 16-bit length can express.
    #[error("{0} is too long for PF_KEY")]
    TooLong(&'static str),
    /// The message lacks what its type needs.
    #[error("no {0} in the message")]
    Missing(&'static str),
    /// A number that the model does not have.
    #[error("{field} {number} is unknown")]
    UnknownNumber {
        /// What it is the number of.
        field: &'static str,
        /// The number.
        number: u32,
    },
    /// An algorithm number that the table does not have.
    #[error("{kind} algorithm {number} is unknown")]
    UnknownAlgorithm {
        /// What it is for.
        kind: &'static str,
        /// `sadb_sa_auth` or `sadb_sa_encrypt`.
        number: u8,
    },
    /// A mode that PF_KEY has no number for.
    #[error("PF_KEY has no number for mode {}", .0.word())]
    ModeNotInPfKey(Mode),
    /// `XFRM_TOOLS_PFKEY` is not one of its words.
    #[error("XFRM_TOOLS_PFKEY is `{}`: expected `service` or `kernel`", .0.display())]
    Choice(OsString),
    /// `XFRM_TOOLS_PFKEY_SOCKET` is relative, or longer than the address of a Unix socket.
    #[error("XFRM_TOOLS_PFKEY_SOCKET is `{}`: expected an absolute path of at most 108 bytes", .0.display())]
    ServicePath(OsString),
    /// The values do not make a valid SA or policy.
    #[error(transparent)]
    Model(#[from] model::Error),
}

impl Error {
    /// The errno that AF_KEY answers (`pfkey_get_base_msg`, `parse_exthdrs`,
    /// `pfkey_msg2xfrm_state`, net/key/af_key.c).
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Error::Short(_) | Error::MessageLength { .. } => Errno::MSGSIZE,
            Error::UnknownAlgorithm { .. } => Errno::NOSYS,
            Error::NotServed(_) => Errno::OPNOTSUPP,
            Error::NoSaOfType(_) => Errno::SRCH,
            Error::NoTransform => Errno::PROTONOSUPPORT,
            Error::Model(error) => error.errno(),
            _ => Errno::INVAL,
        }
    }
}
