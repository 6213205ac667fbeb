//! The first packet of a pcap file (pcap-savefile(5)).

use super::{CaptureError, ip::half};

/// The packet, without the header of its link. `number`: by the byte order of the file.
pub(super) fn first_packet(
    bytes: &[u8],
    number: fn([u8; 4]) -> u32,
) -> Result<&[u8], CaptureError> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(number).ok_or(CaptureError::Empty)
    };
    let link = number(20)? & 0x0fff_ffff;
    let length = usize::try_from(number(32)?).map_err(|_| CaptureError::Truncated)?;
    let frame =
        bytes.get(40..).and_then(|rest| rest.get(..length)).ok_or(CaptureError::Truncated)?;
    let header = match link {
        // Ethernet, with one tag of a VLAN or none.
        1 if half(frame, 12)? == 0x8100 => 18,
        1 => 14,
        // BSD loopback.
        0 | 108 => 4,
        // Raw IP, IPv4, IPv6.
        101 | 228 | 229 => 0,
        // Linux' cooked captures.
        113 => 16,
        276 => 20,
        other => return Err(CaptureError::LinkType(other)),
    };
    frame.get(header..).ok_or(CaptureError::Truncated)
}
