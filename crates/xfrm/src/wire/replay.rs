//! The replay window and the sequence numbers: in the fixed structure and `xfrm_replay_state` up to
//! 32 packets; beyond, and with extended sequence numbers, in `xfrm_replay_state_esn`.

use model::{ReplayState, Sa};
use netlink_packet_xfrm::{Replay, ReplayEsn, XfrmAttrs};

/// The window in the fixed structure, and the attribute of what has no place there.
pub(super) fn write(sa: &Sa) -> (u8, Option<XfrmAttrs>) {
    let state = &sa.replay_state;
    let ([seq, seq_hi], [oseq, oseq_hi]) = (halves(state.received), halves(state.sent));
    if let Some(bmp_len) = sa.replay_words.or(sa.implied_replay_words()) {
        // The kernel supplies an empty bitmap of `bmp_len` words (`xfrm_alloc_replay_state_esn`).
        let mut bmp = if state.is_new() { Vec::new() } else { state.bitmap.clone() };
        if !state.is_new() {
            let words = bmp_len.min(Sa::MAX_REPLAY_WINDOW / u32::BITS);
            bmp.resize(words.try_into().unwrap_or_default(), 0);
        }
        let replay_window = sa.replay_window;
        let state = ReplayEsn { bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window, bmp };
        return (0, Some(XfrmAttrs::ReplayStateEsn(state)));
    }
    let bitmap = state.bitmap.first().copied().unwrap_or(0);
    let used = XfrmAttrs::ReplayState(Replay { oseq, seq, bitmap });
    (sa.replay_window.try_into().unwrap_or(u8::MAX), (!state.is_new()).then_some(used))
}

/// The state of an SA with 32-bit numbers and a bitmap of one word.
pub(super) fn read(wire: &Replay) -> ReplayState {
    let bitmap = if wire.bitmap == 0 { Vec::new() } else { vec![wire.bitmap] };
    ReplayState { received: wire.seq.into(), sent: wire.oseq.into(), bitmap }
}

/// The state in `xfrm_replay_state_esn`, which SAs without ESN may have too.
pub(super) fn read_wide(wire: ReplayEsn) -> ReplayState {
    let number = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let is_empty = wire.bmp.iter().all(|&word| word == 0);
    ReplayState {
        received: number(wire.seq_hi, wire.seq),
        sent: number(wire.oseq_hi, wire.oseq),
        bitmap: if is_empty { Vec::new() } else { wire.bmp },
    }
}

/// The low and the high half.
fn halves(number: u64) -> [u32; 2] {
    [number & u64::from(u32::MAX), number >> 32].map(|half| half.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, Spi};

    use super::*;

    fn sa(esn: bool, window: u32, state: ReplayState) -> Sa {
        let replay_state = state;
        let sa = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(1));
        Sa { esn, replay_window: window, replay_state, ..sa }
    }

    #[test]
    fn a_new_sa_has_no_state() {
        assert_eq!(write(&sa(false, 32, ReplayState::default())), (32, None));
        let (0, Some(XfrmAttrs::ReplayStateEsn(wide))) =
            write(&sa(false, 33, ReplayState::default()))
        else {
            panic!()
        };
        assert_eq!((wide.bmp_len, wide.replay_window, wide.bmp), (2, 33, vec![]));
    }

    #[test]
    fn a_used_sa_keeps_its_numbers_and_its_bitmap() {
        let state = ReplayState { received: 9, sent: 7, bitmap: vec![0x1ff] };
        let (32, Some(XfrmAttrs::ReplayState(wire))) = write(&sa(false, 32, state.clone())) else {
            panic!()
        };
        assert_eq!(wire, Replay { oseq: 7, seq: 9, bitmap: 0x1ff });
        assert_eq!(read(&wire), state);

        let state = ReplayState { received: 5 << 32 | 3, sent: 1 << 32, bitmap: vec![1, 2, 3, 4] };
        let (0, Some(XfrmAttrs::ReplayStateEsn(wire))) = write(&sa(true, 128, state.clone()))
        else {
            panic!()
        };
        assert_eq!((wire.seq, wire.seq_hi, wire.oseq, wire.oseq_hi), (3, 5, 0, 1));
        assert_eq!((wire.bmp_len, &wire.bmp[..]), (4, &[1, 2, 3, 4][..]));
        assert_eq!(read_wide(wire), state);
    }

    #[test]
    fn a_bitmap_may_be_larger_than_its_window() {
        let sa = Sa { replay_words: Some(4), ..sa(false, 16, ReplayState::default()) };
        let (0, Some(XfrmAttrs::ReplayStateEsn(wire))) = write(&sa) else { panic!() };
        assert_eq!((wire.bmp_len, wire.replay_window), (4, 16));
    }
}
