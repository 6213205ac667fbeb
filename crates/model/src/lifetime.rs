use std::num::NonZeroU64;

/// The hard or the soft limits of an SA or policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// Packets (`sadb_lifetime_allocations`).
    pub packets: Option<NonZeroU64>,
    /// Bytes.
    pub bytes: Option<NonZeroU64>,
    /// Seconds since it was added.
    pub add_seconds: Option<NonZeroU64>,
    /// Seconds since its first use.
    pub use_seconds: Option<NonZeroU64>,
}

/// The limits: soft warns the key management, hard ends the SA or policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetimes {
    /// The limit that ends it.
    pub hard: Lifetime,
    /// The limit that asks for a new one.
    pub soft: Lifetime,
}

/// What an SA or policy has seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Current {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// When it was added, Unix seconds.
    pub add_time: u64,
    /// When an SA was first used (`xfrm_state_check_expire`), or a policy last
    /// (`xfrm_lookup_with_ifid`), Unix seconds; none: never.
    pub use_time: Option<NonZeroU64>,
}

impl Lifetime {
    /// The limits of packets, bytes, seconds since it was added and since its first use, of which 0
    /// means none, as in PF_KEY.
    #[must_use]
    pub fn from_numbers(numbers: [u64; 4]) -> Self {
        let [packets, bytes, add_seconds, use_seconds] = numbers.map(NonZeroU64::new);
        Self { packets, bytes, add_seconds, use_seconds }
    }

    /// The numbers of [`Lifetime::from_numbers`].
    #[must_use]
    pub fn numbers(&self) -> [u64; 4] {
        [self.packets, self.bytes, self.add_seconds, self.use_seconds]
            .map(|limit| limit.map_or(0, NonZeroU64::get))
    }

    /// Whether no limit is set.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `current` has reached this limit at `now` (Unix seconds): the test of
    /// `xfrm_state_check_expire` and `xfrm_timer_handler` (net/xfrm/xfrm_state.c).
    #[must_use]
    pub fn reached(&self, current: &Current, now: u64) -> bool {
        let over =
            |limit: Option<NonZeroU64>, value: u64| limit.is_some_and(|it| value >= it.get());
        let age = |since: Option<NonZeroU64>| since.map_or(0, |it| now.saturating_sub(it.get()));
        over(self.packets, current.packets)
            || over(self.bytes, current.bytes)
            || over(self.add_seconds, age(NonZeroU64::new(current.add_time)))
            || over(self.use_seconds, age(current.use_time))
    }
}

impl Current {
    /// Whether [`Current::use_time`] is not before `start` (Unix seconds).
    #[must_use]
    pub fn was_used_since(&self, start: u64) -> bool {
        self.use_time.is_some_and(|used| used.get() >= start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_when_met_and_zero_is_none() {
        let current = Current { packets: 5, bytes: 1000, add_time: 100, use_time: None };
        let add = Lifetime::from_numbers([0, 0, 50, 0]);
        assert!(!add.reached(&current, 149));
        assert!(add.reached(&current, 150));
        let unused = Lifetime::from_numbers([0, 0, 0, 1]);
        assert!(!unused.reached(&current, 1_000_000));
        assert!(!Lifetime::default().reached(&current, u64::MAX));
        assert!(Lifetime::from_numbers([0, 1000, 0, 0]).reached(&current, 0));
    }
}
