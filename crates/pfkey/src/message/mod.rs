//! Messages: header and extensions, from bytes and to bytes.

mod find;

use std::iter;

use bytes::BufMut;
use nom::{Parser, number::complete::u8};
use zeroize::Zeroizing;

use crate::{
    Error, Extension, MessageType,
    wire::{HEADER_LENGTH, Parsed, UNIT, VERSION, ext_type, ne_u16, ne_u32},
};

/// A PF_KEY message (RFC 2367 section 2.2): header and extensions in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub msg_type: MessageType,
    /// The kernel's answer, 0 for success.
    pub errno: u8,
    /// `SADB_SATYPE_*`: AH 2, ESP 3, IPComp 9; 0: any, or a message about policies.
    pub satype: u8,
    /// 0 but in AF_KEY's policy messages, where it is the policy's reference count.
    pub reserved: u16,
    /// Ties an answer to its request. In dumps the last message has 0.
    pub seq: u32,
    /// The process of the request; 0: the kernel.
    pub pid: u32,
    /// The extensions.
    pub extensions: Vec<Extension>,
}

impl Message {
    /// A message without extensions, with zeros for all that is not given.
    #[must_use]
    pub fn new(msg_type: MessageType, satype: u8) -> Self {
        Self { msg_type, errno: 0, satype, reserved: 0, seq: 0, pid: 0, extensions: Vec::new() }
    }

    /// The message with these extensions.
    #[must_use]
    pub fn with(self, extensions: Vec<Extension>) -> Self {
        Self { extensions, ..self }
    }

    /// The message with this `seq` and `pid`: those of the request that it answers, or a sender's
    /// own.
    #[must_use]
    pub fn numbered(self, seq: u32, pid: u32) -> Self {
        Self { seq, pid, ..self }
    }

    /// The refusal of this request: its header and the errno (`pfkey_error`, net/key/af_key.c).
    #[must_use]
    pub fn refusal(&self, errno: rustix::io::Errno) -> Self {
        // `pfkey_error` takes what does not fit the field for EINVAL.
        let errno = u8::try_from(errno.raw_os_error()).unwrap_or(22);
        Self { errno, extensions: Vec::new(), ..*self }
    }

    /// Reads a message as AF_KEY does (`pfkey_get_base_msg`, `parse_exthdrs`, net/key/af_key.c):
    /// less than a unit after it is passed over, an extension of an unknown type is kept as bytes.
    ///
    /// The receiver of a request checks whether its type is known and its reserved field is 0.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (mut rest, (version, len, message)) =
            header(bytes).map_err(|_| Error::Short(bytes.len()))?;
        if version != VERSION {
            return Err(Error::Version(version));
        }
        if len != bytes.len() / UNIT * UNIT {
            return Err(Error::MessageLength { claimed: len, given: bytes.len() });
        }
        let mut extensions: Vec<Extension> = Vec::new();
        while rest.len() >= UNIT {
            let (after, extension) = extension(rest)?;
            let number = extension.number();
            if number <= ext_type::MAX && extensions.iter().any(|other| other.number() == number) {
                return Err(Error::Duplicate(number));
            }
            extensions.push(extension);
            rest = after;
        }
        Ok(message.with(extensions))
    }

    /// The message on the wire. It may hold keys, so it is wiped after use.
    ///
    /// Refuses, with [`Error::TooLong`], what 16-bit lengths cannot express.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let parts: Vec<_> =
            self.extensions.iter().map(Extension::encode).collect::<Result<_, _>>()?;
        let len = HEADER_LENGTH + parts.iter().map(|part| part.len()).sum::<usize>();
        let units = u16::try_from(len / UNIT).map_err(|_| Error::TooLong("the message"))?;
        let mut out = Zeroizing::new(Vec::with_capacity(len));
        out.put_slice(&[VERSION, self.msg_type.0, self.errno, self.satype]);
        out.put_u16_ne(units);
        out.put_u16_ne(self.reserved);
        out.put_u32_ne(self.seq);
        out.put_u32_ne(self.pid);
        for part in parts {
            out.put_slice(&part);
        }
        Ok(out)
    }
}

/// The messages one after the other in `bytes`, as in a file of recorded ones. Nothing
/// comes after an error.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Result<Message, Error>> {
    iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let length = header(bytes).map_or(bytes.len(), |(_, (_, len, _))| len.max(HEADER_LENGTH));
        let (message, rest) = bytes.split_at(length.min(bytes.len()));
        let message = Message::decode(message);
        bytes = if message.is_ok() { rest } else { &[] };
        Some(message)
    })
}

/// Version, length in bytes, and the other fields of the header.
pub(crate) fn header(input: &[u8]) -> Parsed<'_, (u8, usize, Message)> {
    (u8, u8, u8, u8, ne_u16, ne_u16, ne_u32, ne_u32)
        .map(|(version, msg_type, errno, satype, units, reserved, seq, pid)| {
            let message = Message {
                msg_type: MessageType(msg_type),
                errno,
                satype,
                reserved,
                seq,
                pid,
                extensions: Vec::new(),
            };
            (version, usize::from(units) * UNIT, message)
        })
        .parse(input)
}

/// The first extension of `input`, and the bytes after it.
fn extension(input: &[u8]) -> Result<(&[u8], Extension), Error> {
    let (ext_type, body, rest) = split_extension(input)?;
    Ok((rest, Extension::decode(ext_type, body)?))
}

/// Type and body of the first extension of `input`, and the bytes after it.
pub(crate) fn split_extension(input: &[u8]) -> Result<(u16, &[u8], &[u8]), Error> {
    let fields: Parsed<'_, _> = (ne_u16, ne_u16).parse(input);
    let (body, (units, ext_type)) = fields.map_err(|_| Error::Malformed(0))?;
    let (claimed, given) = (usize::from(units) * UNIT, input.len());
    if ext_type == 0 || claimed == 0 || claimed > given {
        return Err(Error::ExtensionLength { ext_type, claimed, given });
    }
    let (body, _) = body.split_at(claimed - (given - body.len()));
    Ok((ext_type, body, &input[claimed..]))
}
