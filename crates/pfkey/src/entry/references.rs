//! AF_KEY's reference count of a policy, which is in `sadb_msg_reserved` of its messages. Netlink does not
//! report it: these are the counts of a policy that no packet is using at that moment.

use model::{Lifetime, Lifetimes, PolicyEntry};

/// Of a policy that was just added or replaced.
pub const ADDED: u16 = 3;

/// Of one that was deleted.
pub const DELETED: u16 = 1;

/// Of one in the SPD: a reference of the SPD, and one of the policy's timer.
pub const WITH_TIMER: u16 = 2;

/// Of one in the SPD whose timer does not run.
const WITHOUT_TIMER: u16 = 1;

/// The count in a dump. `now` is in Unix seconds.
#[must_use]
pub fn in_dump(entry: &PolicyEntry, now: u64) -> u16 {
    let age = now.saturating_sub(entry.current.add_time);
    if has_timer(&entry.policy.lifetimes, age) { WITH_TIMER } else { WITHOUT_TIMER }
}

/// Whether the timer runs: for the first second, and as long as there is a limit in seconds
/// (`xfrm_policy_insert`, `xfrm_policy_timer`, net/xfrm/xfrm_policy.c). `age` is in seconds.
fn has_timer(Lifetimes { hard, soft }: &Lifetimes, age: u64) -> bool {
    let timed = |limit: &Lifetime| limit.add_seconds.is_some() || limit.use_seconds.is_some();
    age < 1 || timed(hard) || timed(soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_runs_for_a_second_or_a_limit() {
        let mut lifetimes = Lifetimes::default();
        assert!(has_timer(&lifetimes, 0));
        assert!(!has_timer(&lifetimes, 1));
        lifetimes.soft.use_seconds = std::num::NonZeroU64::new(9);
        assert!(has_timer(&lifetimes, 1));
    }
}
