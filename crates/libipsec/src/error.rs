use std::ffi::CStr;

use rustix::io::Errno;

/// The errors that have a text of their own, by their `EIPSEC_*` number (`ipsec_strerror.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Code {
    Success = 0,
    NotSupported = 1,
    InvalidArgument = 2,
    InvalidMessage = 3,
    InvalidVersion = 4,
    InvalidPolicy = 5,
    InvalidAddress = 6,
    InvalidProto = 7,
    InvalidMode = 8,
    InvalidLevel = 9,
    InvalidSaType = 10,
    InvalidMessageType = 11,
    InvalidExtensionType = 12,
    InvalidAlgorithm = 13,
    InvalidKeyLength = 14,
    InvalidFamily = 15,
    InvalidPrefixLength = 16,
    InvalidDirection = 17,
    InvalidSpi = 18,
    NoAlgorithm = 20,
    NoBuffers = 21,
    NotRegistered = 22,
    ProtoMismatch = 23,
    FamilyMismatch = 24,
    TooFewArguments = 25,
    /// The text is the system's.
    System = 26,
    InvalidPriorityOffset = 27,
    InvalidPriorityBaseOffset = 28,
    Unknown = 30,
}

/// The texts of `ipsec_strerror`, by number.
pub(crate) static TEXTS: [&CStr; 31] = [
    c"Success",
    c"Not supported",
    c"Invalid argument",
    c"Invalid sadb message",
    c"Invalid version",
    c"Invalid security policy",
    c"Invalid address specification",
    c"Invalid ipsec protocol",
    c"Invalid ipsec mode",
    c"Invalid ipsec level",
    c"Invalid SA type",
    c"Invalid message type",
    c"Invalid extension type",
    c"Invalid algorithm type",
    c"Invalid key length",
    c"Invalid address family",
    c"Invalid prefix length",
    c"Invalid direction",
    c"SPI range violation",
    c"No protocol specified",
    c"No algorithm specified",
    c"No buffers available",
    c"Must get supported algorithms list first",
    c"Protocol mismatch",
    c"Family mismatch",
    c"Too few arguments",
    // Before the system has said anything.
    c"Unknown error",
    c"Priority offset not in valid range [-2147483647, 2147483648]",
    c"Priority offset from base not in valid range [0, 1073741823] for negative offsets \
      and [0, 1073741824] for positive offsets",
    c"Policy priority not compiled in",
    c"Unknown error",
];

impl Code {
    /// The text of `ipsec_strerror`.
    pub(crate) fn text(self) -> &'static str {
        TEXTS[self as usize].to_str().unwrap_or_default()
    }
}

/// Why a function of the library fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    /// For a reason of the library's.
    Own(Code),
    /// A system call failed: `errno`, with the text of strerror(3).
    System(Errno),
    /// An address that is none: `EAI_*`, with the text of gai_strerror(3).
    LookUp(i32),
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Own(code)
    }
}

impl From<pfkey::Error> for Error {
    /// What cannot be put into a message has no room in it; what cannot be read is no message.
    fn from(error: pfkey::Error) -> Self {
        match error {
            pfkey::Error::TooLong(_) => Code::NoBuffers.into(),
            _ => Code::InvalidMessage.into(),
        }
    }
}
