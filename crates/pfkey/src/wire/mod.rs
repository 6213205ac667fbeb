//! The bytes and numbers of linux/pfkeyv2.h and linux/ipsec.h, below extensions and messages.

pub mod ext_type;
mod hexdump;
pub(crate) mod message_type;
pub(crate) mod numbers;
mod primitive;

pub use hexdump::Hexdump;
pub use message_type::MessageType;
pub(crate) use primitive::{
    Parsed, ne_u16, ne_u32, ne_u64, put_sockaddr, sockaddr, sockaddr_len_family, sockaddr_pair,
};

/// `PF_KEY_V2`: the version in every message, and the protocol of a PF_KEY socket.
pub const VERSION: u8 = 2;

/// Every length in PF_KEY but one counts units of this many bytes (RFC 2367 section 2.3).
pub const UNIT: usize = 8;

/// Bytes of a message's header (`sizeof(struct sadb_msg)`).
pub const HEADER_LENGTH: usize = 16;

/// Bytes of the longest message whose length `sadb_msg_len` can express.
pub const LONGEST_MESSAGE: usize = u16::MAX as usize * UNIT;
