use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use explain::Tables;
use model::{Acquire, Counter, CounterValues, DeviceName, IpVersion, SaEntry};

use crate::{NetworkCounters, Seen};

/// The kernel's tables and counters at a moment.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// SPD, SAD and default policy.
    pub tables: Tables,
    /// The counters of packets that XFRM has dropped.
    pub counters: CounterValues,
    /// Those of IP.
    pub network: NetworkCounters,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRoute {
    /// The device that packets leave by.
    pub device: Option<DeviceName>,
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The source that the kernel would choose.
    pub src: Option<IpAddr>,
}

/// What the host has beside the tables.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Its addresses.
    pub local: Vec<IpAddr>,
    /// The IP versions of which it forwards packets.
    pub forwards: Vec<IpVersion>,
    /// The value of `rp_filter` that is in force at each device.
    pub reverse_path: HashMap<DeviceName, u8>,
    /// The devices that IPv4 packets leave without a look-up of policies (`disable_xfrm`).
    pub without_xfrm: HashSet<DeviceName>,
    /// Whether a program receives ACQUIREs.
    pub has_key_manager: bool,
    /// For some addresses the route; none: there is no route.
    pub routes: HashMap<IpAddr, Option<ObservedRoute>>,
}

/// What was observed for some seconds.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// At the beginning.
    pub before: Sample,
    /// At the end.
    pub after: Sample,
    /// When it began, Unix seconds.
    pub start: u64,
    /// The heads of the packets that were captured; none: packets could not be captured.
    pub seen: Option<Vec<Seen>>,
    /// The packets that needed an SA, as the kernel has reported them to key managers.
    pub acquires: Vec<Acquire>,
    /// The SAs that have reached a hard limit. Their algorithms are not known.
    pub expired: Vec<SaEntry>,
    /// What does not change.
    pub host: HostFacts,
}

impl Observation {
    /// Packets that are kept at most, alike ones counted once: what is received is chosen by others.
    pub const MOST_KINDS: usize = 4096;

    /// Packets that are captured at most.
    pub const MOST_PACKETS: u64 = 200_000;

    /// The packets that a counter has counted in the meantime.
    #[must_use]
    pub fn counted(&self, counter: Counter) -> u64 {
        let of = |sample: &Sample| sample.counters.get(counter).unwrap_or(0);
        of(&self.after).saturating_sub(of(&self.before))
    }

    /// The packets that IP has dropped in the meantime.
    #[must_use]
    pub fn network(&self) -> NetworkCounters {
        self.after.network.since(&self.before.network)
    }

    /// The packets that were captured.
    pub fn packets(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().flatten()
    }

    /// Whether more packets have passed than are captured.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        let count: u64 = self.packets().map(|seen| seen.count).sum();
        self.packets().count() >= Self::MOST_KINDS || count >= Self::MOST_PACKETS
    }

    /// Whether an address is this host's.
    #[must_use]
    pub fn is_local(&self, addr: IpAddr) -> bool {
        self.host.local.contains(&addr)
    }
}
