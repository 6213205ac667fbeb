//! How much of a hard limit is the soft one.

use std::sync::atomic::{AtomicU32, Ordering};

use pfkey::ext::Lifetime;

use crate::error::Code;

/// `PFKEY_SOFT_LIFETIME_RATE`, percent.
const DEFAULT: u32 = 80;

/// By `SADB_X_LIFETIME_*`: allocations, bytes, time since it was added, time since its first use.
static RATES: [AtomicU32; 4] = [const { AtomicU32::new(DEFAULT) }; 4];

fn rate(kind: u32) -> Option<&'static AtomicU32> {
    RATES.get(usize::try_from(kind).ok()?)
}

/// The rate in percent.
pub(crate) fn get(kind: u32) -> Option<u32> {
    rate(kind).map(|rate| rate.load(Ordering::Relaxed))
}

/// Sets the rate; what is no percentage of 1 to 100 counts as 100.
pub(crate) fn set(kind: u32, percent: u32) -> Result<(), Code> {
    let percent = if (1..=100).contains(&percent) { percent } else { 100 };
    rate(kind).ok_or(Code::InvalidArgument)?.store(percent, Ordering::Relaxed);
    Ok(())
}

/// The soft limits that go with these hard ones.
pub(crate) fn soft(hard: &Lifetime) -> Lifetime {
    let part = |kind: usize, limit: u64| {
        let percent = u128::from(RATES[kind].load(Ordering::Relaxed));
        // No more than the limit, since the rate is at most 100.
        u64::try_from(u128::from(limit) * percent / 100).unwrap_or(limit)
    };
    Lifetime {
        allocations: u32::try_from(part(0, hard.allocations.into())).unwrap_or(hard.allocations),
        bytes: part(1, hard.bytes),
        add_time: part(2, hard.add_time),
        use_time: part(3, hard.use_time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since the rates are everybody's.
    #[test]
    fn a_soft_limit_is_a_part_of_the_hard_one() {
        let hard =
            Lifetime { allocations: 10, bytes: u64::MAX, add_time: 3600, use_time: 5_000_000_000 };
        let eighty = Lifetime {
            allocations: 8,
            bytes: 14_757_395_258_967_641_292,
            add_time: 2880,
            use_time: 4_000_000_000,
        };
        assert_eq!(soft(&hard), eighty);
        for (kind, percent, kept) in [(0, 50, 50), (1, 0, 100), (2, 101, 100), (3, 100, 100)] {
            set(kind, percent).unwrap();
            assert_eq!(get(kind), Some(kept));
        }
        assert_eq!(soft(&hard), Lifetime { allocations: 5, ..hard });
        assert_eq!(set(4, 50), Err(Code::InvalidArgument));
        assert_eq!(get(4), None);
    }
}
