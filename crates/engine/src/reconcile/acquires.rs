//! Requests for the SAs that partial policies lack.
//!
//! The kernel requests an SA for a template that it has. A template of level `use` that is not
//! installed has no such effect, so this does it: when a packet has used the policy, key managers get an
//! ACQUIRE, as from KAME. The kernel notes the second in which a packet has last looked a policy up.

use std::{
    collections::{HashMap, HashSet},
    fs,
    num::NonZeroU64,
};

use sys::clock::unix_seconds;
use xfrm::{Answer, Change};

use crate::{Error, policy::entry::Installed, state::host::Host};

/// Reading one policy takes the kernel and this process as long as this many of a dump.
const DUMPED_FOR_ONE: usize = 16;

/// Seconds, of this network namespace. That of an unprivileged user has none, and the initial value.
const LARVAL_LIFETIME: &str = "/proc/sys/net/core/xfrm_acq_expires";
const INITIAL_LARVAL_LIFETIME: u64 = 30;

/// The partial policies for whose SAs there was a request.
#[derive(Debug, Default)]
pub struct AcquireTimes {
    /// By index: the use of the policy from this time on, in Unix seconds, is a reason for the next
    /// request. Until then a larval SA would be there, if the kernel had made the request.
    next: HashMap<u32, u64>,
}

impl AcquireTimes {
    /// Forgets policies that are not partial any more.
    pub fn keep_only(&mut self, partial: &HashSet<u32>) {
        self.next.retain(|index, _| partial.contains(index));
    }

    /// Requests the SAs that partial policies lack, if packets have used them. Returns the number of
    /// these policies. `all` is about how many policies there are.
    pub fn send(
        &mut self,
        host: &mut Host,
        partial: &HashSet<u32>,
        all: usize,
    ) -> Result<usize, Error> {
        let lifetime = larval_lifetime();
        let due = self.due(uses(host, partial, all)?, unix_seconds(), lifetime);
        let sent = send_for(host, &due);
        if sent.is_err() {
            // The next reading finds them used, and tries again.
            self.next.retain(|index, _| !due.contains(index));
        }
        sent.map(|()| due.len())
    }

    /// The policies whose SAs are to be requested now. One that is not known yet counts as used if it was
    /// within the lifetime of a larval SA.
    fn due(
        &mut self,
        uses: impl IntoIterator<Item = (u32, Option<NonZeroU64>)>,
        now: u64,
        lifetime: u64,
    ) -> Vec<u32> {
        let latest = now + lifetime;
        let is_due = |(index, used): (u32, Option<NonZeroU64>)| {
            let next = self.next.entry(index).or_insert(now.saturating_sub(lifetime));
            // The clock may have been set back.
            *next = latest.min(*next);
            let is_due = used.is_some_and(|used| used.get() >= *next);
            if is_due {
                *next = latest;
            }
            is_due.then_some(index)
        };
        uses.into_iter().filter_map(is_due).collect()
    }
}

/// Sends an ACQUIRE for each template that is not installed.
fn send_for(host: &mut Host, due: &[u32]) -> Result<(), Error> {
    let mut batch = host.kernel.batch();
    for index in due {
        let Answer::Found(entry) = host.kernel.get_policy_of_index(*index)? else { continue };
        let installed = Installed(entry);
        let requested = host.store.requested(installed.clone());
        let mut there = installed.policy.action.templates().iter().peekable();
        for template in requested.policy.action.templates() {
            // Those that are installed have the same order.
            if there.next_if(|installed| *installed == template).is_some() {
                continue;
            }
            batch.push(&Change::Acquire { policy: &installed, template: *template });
        }
        if batch.is_full() {
            host.kernel.send(&mut batch)?;
        }
    }
    host.kernel.send(&mut batch)?;
    Ok(())
}

/// How long a larval SA waits for its keys, in seconds, at least one.
fn larval_lifetime() -> u64 {
    let text = fs::read_to_string(LARVAL_LIFETIME).ok();
    let seconds = text.and_then(|text| text.trim().parse().ok());
    seconds.unwrap_or(INITIAL_LARVAL_LIFETIME).max(1)
}

/// When partial policies were last used, by index.
fn uses(
    host: &mut Host,
    partial: &HashSet<u32>,
    all: usize,
) -> Result<Vec<(u32, Option<NonZeroU64>)>, Error> {
    let mut uses = Vec::with_capacity(partial.len());
    if partial.len() * DUMPED_FOR_ONE < all {
        for index in partial {
            if let Answer::Found(entry) = host.kernel.get_policy_of_index(*index)? {
                uses.push((*index, entry.current.use_time));
            }
        }
    } else {
        for policy in host.kernel.dump_policy_uses()? {
            let policy = policy?;
            if partial.contains(&policy.0) {
                uses.push(policy);
            }
        }
    }
    Ok(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: u64 = 30;

    fn due(times: &mut AcquireTimes, now: u64, used: u64) -> bool {
        times.due([(9, NonZeroU64::new(used))], now, LIFETIME) == [9]
    }

    #[test]
    fn an_acquire_is_repeated_after_the_larval_lifetime_if_packets_pass() {
        let mut times = AcquireTimes::default();
        assert!(!due(&mut times, 1000, 0), "no packet yet");
        assert!(due(&mut times, 1001, 1000));
        for now in 1001..1031 {
            assert!(!due(&mut times, now, now));
        }
        assert!(due(&mut times, 1031, 1031));
        // No packet after the larval lifetime.
        assert!(!due(&mut times, 1062, 1060));
        assert!(due(&mut times, 1090, 1090));
    }

    #[test]
    fn a_policy_that_was_used_long_ago_is_no_reason() {
        let mut times = AcquireTimes::default();
        assert!(!due(&mut times, 1000, 969));
        assert!(due(&mut AcquireTimes::default(), 1000, 970));
    }

    #[test]
    fn a_policy_that_was_complete_meanwhile_is_new() {
        let mut times = AcquireTimes::default();
        assert!(due(&mut times, 1000, 1000));
        times.keep_only(&[9].into());
        assert!(!due(&mut times, 1001, 1001));
        times.keep_only(&HashSet::new());
        assert!(due(&mut times, 1002, 1002));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing_for_long() {
        let mut times = AcquireTimes::default();
        assert!(due(&mut times, 100_000, 100_000));
        assert!(!due(&mut times, 1000, 1000));
        assert!(due(&mut times, 1030, 1030));
    }
}
