//! The check of a sequence number (net/xfrm/xfrm_replay.c).

use model::Sa;

/// Why a sequence number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplayFault {
    /// It is 0, which no sender uses.
    Zero,
    /// It is older than the window.
    Old,
    /// It was received before.
    Received,
}

/// Why an SA refuses the lower 32 bits of a sequence number; none: it does not.
#[must_use]
pub fn replay_fault(sa: &Sa, sequence: u32) -> Option<ReplayFault> {
    let window = sa.replay_window;
    if window == 0 {
        return None;
    }
    let top = low(sa.replay_state.received);
    let age = if sa.esn { age_of_esn(sa, sequence) } else { age(top, sequence) };
    match age {
        Err(fault) => Some(fault),
        Ok(None) => None,
        Ok(Some(age)) if age >= window => Some(ReplayFault::Old),
        Ok(Some(age)) => is_received(sa, top, age).then_some(ReplayFault::Received),
    }
}

/// How many numbers ago it was the highest; none: it is higher than any (`xfrm_replay_check`).
fn age(top: u32, sequence: u32) -> Result<Option<u32>, ReplayFault> {
    match sequence {
        0 => Err(ReplayFault::Zero),
        _ if sequence > top => Ok(None),
        _ => Ok(Some(top - sequence)),
    }
}

/// The same for extended sequence numbers, whose upper half is guessed (`xfrm_replay_check_esn`). A number
/// that seems to be of the next 2^32 passes here, and fails the integrity check if it is not.
fn age_of_esn(sa: &Sa, sequence: u32) -> Result<Option<u32>, ReplayFault> {
    let (window, received) = (sa.replay_window, sa.replay_state.received);
    let top = low(received);
    let bottom = top.wrapping_sub(window).wrapping_add(1);
    if sequence == 0 && received < u64::from(window - 1) {
        return Err(ReplayFault::Zero);
    }
    if top >= window - 1 {
        let is_new = sequence > top || sequence < bottom;
        return Ok((!is_new).then(|| top - sequence));
    }
    let is_new = sequence > top && sequence < bottom;
    Ok((!is_new).then(|| top.wrapping_sub(sequence)))
}

/// Whether the bitmap has a number of this age.
fn is_received(sa: &Sa, top: u32, age: u32) -> bool {
    let window = sa.replay_window;
    let is_ring = sa.replay_words.or(sa.implied_replay_words()).is_some();
    let bit = if is_ring {
        // The place of the highest number moves.
        let place = top.wrapping_sub(1) % window;
        if place >= age { place - age } else { window - (age - place) }
    } else {
        // The fixed structure has the highest number at bit 0.
        age
    };
    let word = usize::try_from(bit / u32::BITS).ok();
    let word = word.and_then(|word| sa.replay_state.bitmap.get(word));
    word.is_some_and(|word| word & (1 << (bit % u32::BITS)) != 0)
}

fn low(number: u64) -> u32 {
    let bytes = number.to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, ReplayState, Spi};

    use super::{
        ReplayFault::{Old, Received, Zero},
        *,
    };

    fn sa(window: u32, received: u64, bitmap: &[u32]) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let replay_state = ReplayState { received, sent: 0, bitmap: bitmap.to_vec() };
        Sa { replay_window: window, replay_state, ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) }
    }

    #[test]
    fn the_fixed_bitmap_has_the_highest_number_first() {
        // 10, 9 and 7 were received.
        let sa = sa(4, 10, &[0b1011]);
        let faults = [0, 6, 7, 8, 9, 10, 11].map(|number| replay_fault(&sa, number));
        assert_eq!(
            faults,
            [Some(Zero), Some(Old), Some(Received), None, Some(Received), Some(Received), None]
        );
        assert_eq!(replay_fault(&self::sa(0, 10, &[1]), 10), None);
    }

    #[test]
    fn the_long_bitmap_is_a_ring() {
        // A window of 64: number N is at bit (N - 1) % 64. 65 (bit 0) and 64 (bit 63) were received.
        let sa = sa(64, 65, &[1, 1 << 31]);
        assert_eq!(replay_fault(&sa, 65), Some(Received));
        assert_eq!(replay_fault(&sa, 64), Some(Received));
        assert_eq!([replay_fault(&sa, 63), replay_fault(&sa, 2)], [None; 2]);
        assert_eq!(replay_fault(&sa, 1), Some(Old));
    }

    #[test]
    fn extended_numbers_go_on_after_the_lower_half() {
        let sa = Sa { esn: true, ..sa(32, (1 << 32) + 3, &[0]) };
        // 0x1_00000004 is new, 0xffff_fff0 is in the window, 0x8000_0000 is taken for new.
        assert_eq!([4, 0xffff_fff0, 0x8000_0000].map(|it| replay_fault(&sa, it)), [None; 3]);
        let early = Sa { esn: true, ..self::sa(32, 3, &[0b100]) };
        assert_eq!(replay_fault(&early, 0), Some(Zero));
        assert_eq!(replay_fault(&early, 3), Some(Received));
    }
}
