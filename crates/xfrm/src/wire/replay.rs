//! The replay window: in the fixed structure's own bitmap up to 32 packets; beyond, and with
//! extended sequence numbers, in `xfrm_replay_state_esn`.

use model::Sa;
use netlink_packet_xfrm::{ReplayEsn, XfrmAttrs};

/// The largest window of the fixed structure's own bitmap, in packets.
const LEGACY_WINDOW: u8 = 32;

/// The window in the fixed structure, and the attribute of one that has no place there.
pub(super) fn write(sa: &Sa) -> (u8, Option<XfrmAttrs>) {
    match u8::try_from(sa.replay_window) {
        Ok(window @ 0..=LEGACY_WINDOW) if !sa.esn => (window, None),
        _ => (0, Some(wide(sa.replay_window))),
    }
}

/// `xfrm_replay_state_esn`, which does not say whether sequence numbers are extended: the SA's
/// flags do. The kernel supplies the empty bitmap of `bmp_len` words
/// (`xfrm_alloc_replay_state_esn`).
fn wide(packets: u32) -> XfrmAttrs {
    XfrmAttrs::ReplayStateEsn(ReplayEsn {
        bmp_len: packets.div_ceil(u32::BITS),
        replay_window: packets,
        ..ReplayEsn::default()
    })
}
