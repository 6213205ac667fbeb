//! The kernel's datagrams, message by message.
//!
//! Extended acknowledgements are read by hand because `netlink_packet_core::ErrorMessage` leaves their attributes as
//! bytes: a type for them there would end it.

use netlink_packet_core::{
    DecodeError, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlasIterator, parse_string,
};
use rustix::io::Errno;

use crate::KernelRefusal;

/// Bytes of a message's header, `NLMSG_HDRLEN` (linux/netlink.h).
pub(crate) const NLMSG_HDRLEN: usize = 16;

/// `NLMSGERR_ATTR_MSG` (linux/netlink.h).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// One message of the kernel. Not `Debug`: an object may hold keys.
pub(crate) enum Reply<'b> {
    /// `NLMSG_ERROR` with code 0, or the end of a dump.
    Done,
    /// `NLMSG_ERROR` with an error, or a dump that ended with one.
    Refused(KernelRefusal),
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
        Ok(Reply::Refused(KernelRefusal { errno, text }))
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

    // What Linux 6.18 answers, with NETLINK_EXT_ACK and NETLINK_CAP_ACK set, to
    // ip xfrm policy add src 10.0.0.0/24 dst 10.2.0.0/16 dir out tmpl src 192.0.2.1 \
    //     dst 192.0.2.2 proto esp mode tunnel level use
    const CAPPED: &str = "
        64000000 02000003 0d000000 6a4b0000 eaffffff fc000000 13000100 0d000000 00000000
        3d000100 4d6f6465 20696e20 6f707469 6f6e616c 2074656d 706c6174 65206e6f 7420616c
        6c6f7765 6420696e 206f7574 626f756e 6420706f 6c696379 00000000";

    // The same, to ip xfrm state delete dst 192.0.2.1 proto esp spi 9
    const NO_TEXT: &str = "
        24000000 02000001 02000000 df5a0000 fdffffff 28000000 11000100 02000000 00000000";

    // The same, to a policy that was added with NLM_F_ACK
    const ACK: &str = "
        24000000 02000001 f5010000 e65a0000 00000000 b8000000 13000500 f5010000 00000000";

    fn refusal(datagram: &[u8]) -> KernelRefusal {
        let Ok(Reply::Refused(refusal)) = Reply::read(datagram) else { panic!("not refused") };
        refusal
    }

    #[test]
    fn a_refusal_has_number_and_text() {
        let datagram = hex(CAPPED);
        assert_eq!(peek(&datagram).unwrap(), (13, datagram.len()));
        let text = "Mode in optional template not allowed in outbound policy".to_owned();
        assert_eq!(refusal(&datagram), KernelRefusal { errno: Errno::INVAL, text: Some(text) });
        assert_eq!(refusal(&hex(NO_TEXT)), KernelRefusal { errno: Errno::SRCH, text: None });
        assert!(matches!(Reply::read(&hex(ACK)), Ok(Reply::Done)));
    }

    #[test]
    fn a_kernel_without_cap_ack_repeats_the_request() {
        let capped = hex(CAPPED);
        let request = vec![0; 252 - NLMSG_HDRLEN];
        let mut whole = [&capped[..36], &request, &capped[36..]].concat();
        let length = u32::try_from(whole.len()).unwrap();
        whole[..4].copy_from_slice(&length.to_ne_bytes());
        whole[6..8].copy_from_slice(&NLM_F_ACK_TLVS.to_ne_bytes());
        assert_eq!(refusal(&whole), refusal(&capped));
    }

    #[test]
    fn cut_messages_are_errors_not_panics() {
        let datagram = hex(CAPPED);
        for length in 0..datagram.len() {
            assert!(peek(&datagram[..length]).is_err());
            let mut cut = datagram[..length].to_vec();
            if let Some(field) = cut.first_chunk_mut() {
                *field = u32::try_from(length).unwrap().to_ne_bytes();
            }
            assert_eq!(Reply::read(&cut).is_ok(), length >= NLMSG_HDRLEN + 4);
        }
    }
}
