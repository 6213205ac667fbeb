/// One limit set of an SA or policy, hard or soft. Zero means no limit, as in PF_KEY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// Packets (`sadb_lifetime_allocations`).
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Seconds since it was added.
    pub add_seconds: u64,
    /// Seconds since its first use.
    pub use_seconds: u64,
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
    /// When it was first used, Unix seconds; 0: never.
    pub use_time: u64,
}

impl Lifetime {
    /// Whether no limit is set.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `current` has reached this limit at `now` (Unix seconds): the test of
    /// `xfrm_state_check_expire` and `xfrm_timer_handler` (net/xfrm/xfrm_state.c).
    #[must_use]
    pub fn reached(&self, current: &Current, now: u64) -> bool {
        let over = |limit: u64, value: u64| limit != 0 && value >= limit;
        let age = |since: u64| if since == 0 { 0 } else { now.saturating_sub(since) };
        over(self.packets, current.packets)
            || over(self.bytes, current.bytes)
            || over(self.add_seconds, age(current.add_time))
            || over(self.use_seconds, age(current.use_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_when_met_and_zero_is_none() {
        let current = Current { packets: 5, bytes: 1000, add_time: 100, use_time: 0 };
        let add = Lifetime { add_seconds: 50, ..Lifetime::default() };
        assert!(!add.reached(&current, 149));
        assert!(add.reached(&current, 150));
        let unused = Lifetime { use_seconds: 1, ..Lifetime::default() };
        assert!(!unused.reached(&current, 1_000_000));
        assert!(!Lifetime::default().reached(&current, u64::MAX));
        assert!(Lifetime { bytes: 1000, ..Lifetime::default() }.reached(&current, 0));
    }
}
