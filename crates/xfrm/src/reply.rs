//! The kernel's datagrams, message by message.

use netlink_packet_core::{
    DecodeError, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlasIterator, parse_string,
};
use rustix::io::Errno;

use crate::Refusal;

/// Bytes of a message's header, `NLMSG_HDRLEN` (linux/netlink.h).
pub(crate) const NLMSG_HDRLEN: usize = 16;

/// `NLMSGERR_ATTR_MSG` (linux/netlink.h).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// One message of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply<'b> {
    /// `NLMSG_ERROR` with code 0, or the end of a dump.
    Done,
    /// `NLMSG_ERROR` with an error, or a dump that ended with one.
    Refused(Refusal),
    /// An object, without its netlink header.
    Object(&'b [u8]),
}

/// The first message of `datagram`: its sequence number and its length with padding, in bytes.
pub(crate) fn peek(datagram: &[u8]) -> Result<(u32, usize), DecodeError> {
    let message = NetlinkBuffer::new_checked(datagram)?;
    let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
    Ok((message.sequence_number(), align(length).min(datagram.len())))
}

impl<'b> Reply<'b> {
    /// Reads the first message of `datagram`.
    pub(crate) fn read(datagram: &'b [u8]) -> Result<Self, DecodeError> {
        let message = NetlinkBuffer::new_checked(datagram)?;
        let payload = message.payload();
        let (code, attributes) = match message.message_type() {
            NLMSG_ERROR => {
                let error = ErrorBuffer::new_checked(payload)?;
                let code = error.code().map_or(0, i32::from);
                (code, attributes_of_error(error.payload(), message.flags()))
            }
            NLMSG_DONE => {
                let Some((code, attributes)) = payload.split_first_chunk() else {
                    return Ok(Reply::Done);
                };
                (i32::from_ne_bytes(*code), attributes)
            }
            _ => return Ok(Reply::Object(payload)),
        };
        let Some(errno) = errno(code) else { return Ok(Reply::Done) };
        let has_text = message.flags() & NLM_F_ACK_TLVS != 0;
        let text = has_text.then(|| text(attributes)).flatten();
        Ok(Reply::Refused(Refusal { errno, text }))
    }
}

/// What follows the refused message, of which only the header is repeated under `NLM_F_CAPPED`.
fn attributes_of_error(refused: &[u8], flags: u16) -> &[u8] {
    let repeated = match refused.first_chunk() {
        Some(length) if flags & NLM_F_CAPPED == 0 => {
            usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX)
        }
        _ => NLMSG_HDRLEN,
    };
    refused.get(align(repeated)..).unwrap_or_default()
}

fn text(attributes: &[u8]) -> Option<String> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == NLMSGERR_ATTR_MSG)
        .and_then(|attribute| parse_string(attribute.value()).ok())
}

/// The error number of a netlink code: they are negated, and the kernel's end at 4095.
fn errno(code: i32) -> Option<Errno> {
    (-4095..0).contains(&code).then(|| Errno::from_raw_os_error(-code))
}

fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::hex;

    // ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out tmpl src 192.0.2.1 \
    //     dst 192.0.2.2 proto esp mode tunnel level use
    // (Linux 6.18, NETLINK_EXT_ACK and NETLINK_CAP_ACK set)
    const OPTIONAL_TUNNEL: &str = "@@OPTIONAL@@";

    #[test]
    fn a_refusal_has_number_and_text() {
        let datagram = hex(OPTIONAL_TUNNEL);
        assert_eq!(peek(&datagram).unwrap(), (1, datagram.len()));
        let Reply::Refused(refusal) = Reply::read(&datagram).unwrap() else { panic!() };
        assert_eq!(refusal.errno, Errno::INVAL);
        assert_eq!(
            refusal.text.as_deref(),
            Some("Mode in optional template not allowed in outbound policy")
        );
    }

    #[test]
    fn cut_messages_are_errors_not_panics() {
        let datagram = hex(OPTIONAL_TUNNEL);
        for length in 0..datagram.len() {
            assert!(peek(&datagram[..length]).is_err());
            let mut cut = datagram[..length].to_vec();
            if let Some(field) = cut.first_chunk_mut() {
                *field = u32::try_from(length).unwrap().to_ne_bytes();
            }
            let _ = Reply::read(&cut);
        }
    }
}
