//! Whether the header of a message and its addresses go together.

use pfkey::{MessageType, VERSION};

use crate::error::Code;

/// Messages about one SA.
const OF_AN_SA: [MessageType; 8] = [
    MessageType::GETSPI,
    MessageType::UPDATE,
    MessageType::ADD,
    MessageType::DELETE,
    MessageType::GET,
    MessageType::ACQUIRE,
    MessageType::EXPIRE,
    MessageType::NAT_T_NEW_MAPPING,
];
/// Messages about policies.
const OF_POLICIES: [MessageType; 5] = [
    MessageType::SPDADD,
    MessageType::SPDDELETE,
    MessageType::SPDGET,
    MessageType::SPDDUMP,
    MessageType::SPDFLUSH,
];

/// The fields of a header that are checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageHeader {
    /// `PF_KEY_V2`, or another version.
    pub version: u8,
    /// `SADB_*`.
    pub msg_type: MessageType,
    /// `SADB_SATYPE_*`.
    pub satype: u8,
}

impl MessageHeader {
    /// Of a message, which has a whole one.
    pub(crate) fn of(message: &[u8]) -> Self {
        Self { version: message[0], msg_type: MessageType(message[1]), satype: message[3] }
    }
}

/// The fields of an address that are checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    /// Upper-layer protocol.
    pub proto: u8,
    /// `AF_*`.
    pub family: u16,
}

/// Checks a message as `pfkey_check` of ipsec-tools 0.8.2 does.
pub(crate) fn check(header: MessageHeader, ends: Option<(Address, Address)>) -> Result<(), Code> {
    if header.version != VERSION {
        return Err(Code::InvalidVersion);
    }
    if header.msg_type.0 > MessageType::MAX.0 {
        return Err(Code::InvalidMessageType);
    }
    check_satype(header.satype, header.msg_type)?;
    let Some((src, dst)) = ends else { return Ok(()) };
    if src.proto != dst.proto {
        return Err(Code::ProtoMismatch);
    }
    if src.family != dst.family {
        return Err(Code::FamilyMismatch);
    }
    if ![libc::AF_INET, libc::AF_INET6].contains(&src.family.into()) {
        return Err(Code::InvalidFamily);
    }
    Ok(())
}

fn check_satype(satype: u8, msg_type: MessageType) -> Result<(), Code> {
    let fits = match satype {
        0 => !OF_AN_SA.contains(&msg_type),
        // A promiscuous socket is turned on with it.
        1 => msg_type == MessageType::PROMISC || msg_type == MessageType::SPDFLUSH,
        3 => !OF_POLICIES.contains(&msg_type),
        2 | 9 => !OF_POLICIES.contains(&msg_type) && msg_type != MessageType::NAT_T_NEW_MAPPING,
        5..=8 => return Err(Code::NotSupported),
        // Old kernels leave the field of this one as it was in memory.
        _ => msg_type == MessageType::SPDFLUSH,
    };
    if fits { Ok(()) } else { Err(Code::InvalidSaType) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(version: u8, msg_type: u8, satype: u8) -> Result<(), Code> {
        check(MessageHeader { version, msg_type: MessageType(msg_type), satype }, None)
    }

    #[test]
    fn headers() {
        for (msg_type, satype) in [(3, 3), (9, 0), (14, 0), (19, 77), (11, 1), (23, 3), (24, 0)] {
            assert_eq!(verdict(2, msg_type, satype), Ok(()), "{msg_type} {satype}");
        }
        for (msg_type, satype) in [(3, 0), (8, 0), (14, 3), (19, 2), (3, 1), (23, 2), (9, 4)] {
            let wrong = Err(Code::InvalidSaType);
            assert_eq!(verdict(2, msg_type, satype), wrong, "{msg_type} {satype}");
        }
        assert_eq!(verdict(1, 3, 3), Err(Code::InvalidVersion));
        assert_eq!(verdict(2, 25, 3), Err(Code::InvalidMessageType));
        assert_eq!(verdict(2, 9, 5), Err(Code::NotSupported));
    }

    #[test]
    fn ends() {
        let verdict = |src: (u8, u16), dst: (u8, u16)| {
            let address = |(proto, family)| Address { proto, family };
            let header = MessageHeader { version: 2, msg_type: MessageType::ADD, satype: 3 };
            check(header, Some((address(src), address(dst))))
        };
        assert_eq!(verdict((255, 2), (255, 2)), Ok(()));
        assert_eq!(verdict((0, 10), (0, 10)), Ok(()));
        assert_eq!(verdict((6, 2), (17, 2)), Err(Code::ProtoMismatch));
        assert_eq!(verdict((6, 2), (6, 10)), Err(Code::FamilyMismatch));
        assert_eq!(verdict((6, 1), (6, 1)), Err(Code::InvalidFamily));
    }
}
