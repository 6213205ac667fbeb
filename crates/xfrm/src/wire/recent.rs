//! Attributes of Linux 6.10 and later, which netlink-packet-xfrm does not know. Kernels before
//! them ignore them.

use std::num::NonZeroU32;

use model::SaDirection;
use netlink_packet_core::{DecodeError, DefaultNla, Nla, parse_u8, parse_u32};
use netlink_packet_xfrm::XfrmAttrs;

/// `XFRMA_SA_DIR` (linux/xfrm.h, 6.10).
const XFRMA_SA_DIR: u16 = 33;

/// `XFRMA_NAT_KEEPALIVE_INTERVAL` (linux/xfrm.h, 6.11).
const XFRMA_NAT_KEEPALIVE_INTERVAL: u16 = 34;

/// One of these attributes.
pub(super) enum Recent {
    Direction(SaDirection),
    /// Seconds; 0 for none.
    NatKeepalive(u32),
}

pub(super) fn direction(direction: SaDirection) -> XfrmAttrs {
    XfrmAttrs::Other(DefaultNla::new(XFRMA_SA_DIR, vec![direction.xfrm()]))
}

/// The interval in seconds.
pub(super) fn nat_keepalive(seconds: NonZeroU32) -> XfrmAttrs {
    let value = seconds.get().to_ne_bytes().to_vec();
    XfrmAttrs::Other(DefaultNla::new(XFRMA_NAT_KEEPALIVE_INTERVAL, value))
}

/// Reads an attribute, if it is one of these.
pub(super) fn read(attribute: &DefaultNla) -> Result<Option<Recent>, DecodeError> {
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    Ok(match attribute.kind() {
        XFRMA_SA_DIR => {
            let number = parse_u8(&value)?;
            SaDirection::from_xfrm(number).map(Recent::Direction)
        }
        XFRMA_NAT_KEEPALIVE_INTERVAL => Some(Recent::NatKeepalive(parse_u32(&value)?)),
        _ => None,
    })
}
