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

/// The count in a dump. The timer runs for the first second and as long as there is a limit in seconds
/// (`xfrm_policy_insert`, `xfrm_policy_timer`, net/xfrm/xfrm_policy.c). `now` is in Unix seconds.
#[must_use]
pub fn in_dump(entry: &PolicyEntry, now: u64) -> u16 {
    let timed = |limit: &Lifetime| limit.add_seconds != 0 || limit.use_seconds != 0;
    let Lifetimes { hard, soft } = &entry.policy.lifetimes;
    let is_new = now.saturating_sub(entry.current.add_time) < 1;
    if is_new || timed(hard) || timed(soft) { WITH_TIMER } else { WITHOUT_TIMER }
}

#[cfg(test)]
mod tests {
    use model::{
        Action, Current, Direction, Installation, Policy, PolicyId, Prefix, Priority, Selector,
    };

    use super::*;

    #[test]
    fn a_policy_with_a_timer_has_two_users() {
        let any = Prefix::new([0; 4].into(), Some(0)).unwrap();
        let policy = Policy {
            id: PolicyId::new(Selector::within(any), Direction::In),
            priority: Priority(0),
            action: Action::None,
            lifetimes: Lifetimes::default(),
        };
        let installation = Installation::plain(&policy);
        let current = Current::default();
        let mut entry = PolicyEntry { policy, installation, index: 8, socket: false, current };
        assert_eq!(in_dump(&entry, 1), 1);
        assert_eq!(in_dump(&entry, 0), WITH_TIMER, "its first second");
        entry.policy.lifetimes.soft.use_seconds = 9;
        assert_eq!(in_dump(&entry, 1), WITH_TIMER);
    }
}
