//! SAs in groups, each of which is a series.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    num::NonZeroU64,
};

use model::{Current, Lifetime, ReqId, Sa, SaDirection, SaEntry};

use super::{By, family};

/// What the SAs of a group have done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    pub sas: u64,
    pub packets: u64,
    pub bytes: u64,
    /// Packets with a wrong integrity check value, received before, and too old.
    pub dropped: [u64; 3],
    /// The fewest that are left of an SA that has sent packets.
    pub sequence_left: Option<u64>,
    /// The fewest until a hard limit.
    pub seconds_left: Option<u64>,
}

/// What names a group of several SAs. Labels are made of it once, and not of every SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum GroupKey {
    Peer(IpAddr, SaDirection),
    ReqId(Option<ReqId>),
}

/// The groups.
pub struct Groups {
    by: By,
    /// Unix seconds.
    now: u64,
    /// With their labels.
    labelled: Vec<(String, Totals)>,
    /// Where a group is; groups of one SA have no key.
    places: HashMap<GroupKey, usize>,
    /// The addresses of this host; none if they cannot be read.
    local: HashSet<IpAddr>,
}

impl Groups {
    /// No groups yet, at this time in Unix seconds.
    pub fn new(by: By, now: u64) -> Self {
        let interfaces = sys::interfaces::interfaces().unwrap_or_default();
        let local = interfaces.into_values().flat_map(|it| it.addresses).collect();
        Self { by, now, labelled: Vec::new(), places: HashMap::new(), local }
    }

    /// Adds an SA to its group.
    pub fn add(&mut self, entry: &SaEntry) {
        let (key, next) = (self.key(&entry.sa), self.labelled.len());
        let place = key.map_or(next, |key| *self.places.entry(key).or_insert(next));
        if place == next {
            let labels = key.map_or_else(|| labels_of_sa(&entry.sa), GroupKey::labels);
            self.labelled.push((labels, Totals::default()));
        }
        self.labelled[place].1.add(entry, self.now);
    }

    /// The groups with their labels, in the order of these.
    pub fn into_labelled(self) -> Vec<(String, Totals)> {
        let mut groups = self.labelled;
        groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        // Two SAs of one xfrm interface each may have the same labels.
        groups.dedup_by(|(labels, totals), (before, sum)| {
            let is_same = labels == before;
            if is_same {
                sum.merge(totals);
            }
            is_same
        });
        groups
    }

    /// The key of an SA's group; none: it is a group of its own.
    fn key(&self, sa: &Sa) -> Option<GroupKey> {
        let (src, dst) = (sa.ends.src(), sa.ends.dst());
        match self.by {
            // Of two other hosts, as a forwarded tunnel may have, the source is the peer.
            By::Peer if self.is_local(src) => Some(GroupKey::Peer(dst, SaDirection::Out)),
            By::Peer => Some(GroupKey::Peer(src, SaDirection::In)),
            By::ReqId => Some(GroupKey::ReqId(sa.reqid)),
            By::Sa => None,
        }
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.local.contains(&address)
    }
}

impl GroupKey {
    fn labels(self) -> String {
        match self {
            Self::Peer(peer, direction) => {
                family::labels(&[("peer", &peer.to_string()), ("direction", direction.word())])
            }
            Self::ReqId(reqid) => family::labels(&[("reqid", &number(reqid))]),
        }
    }
}

fn labels_of_sa(sa: &Sa) -> String {
    let mark = if sa.mark.is_none() { String::new() } else { sa.mark.to_string() };
    family::labels(&[
        ("src", &sa.ends.src().to_string()),
        ("dst", &sa.ends.dst().to_string()),
        ("protocol", sa.proto.word()),
        ("spi", &format!("{:#x}", sa.spi.0)),
        ("reqid", &number(sa.reqid)),
        ("mark", &mark),
    ])
}

fn number(reqid: Option<ReqId>) -> String {
    reqid.map_or(0, ReqId::number).to_string()
}

impl Totals {
    fn add(&mut self, entry: &SaEntry, now: u64) {
        let SaEntry { sa, current, stats, .. } = entry;
        self.sas += 1;
        self.packets += current.packets;
        self.bytes += current.bytes;
        let dropped = [stats.integrity_failed, stats.replay, stats.replay_window];
        for (total, count) in self.dropped.iter_mut().zip(dropped) {
            *total += u64::from(count);
        }
        let most = if sa.esn { u64::MAX } else { u32::MAX.into() };
        let sent = Some(sa.replay_state.sent).filter(|&sent| sent > 0);
        let sequence_left = sent.map(|sent| most.saturating_sub(sent));
        self.sequence_left = least(self.sequence_left, sequence_left);
        self.seconds_left =
            least(self.seconds_left, seconds_left(&sa.lifetimes.hard, current, now));
    }

    fn merge(&mut self, other: &Self) {
        self.sas += other.sas;
        self.packets += other.packets;
        self.bytes += other.bytes;
        for (total, count) in self.dropped.iter_mut().zip(other.dropped) {
            *total += count;
        }
        self.sequence_left = least(self.sequence_left, other.sequence_left);
        self.seconds_left = least(self.seconds_left, other.seconds_left);
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    [a, b].into_iter().flatten().min()
}

/// Seconds until a limit of time.
fn seconds_left(limit: &Lifetime, current: &Current, now: u64) -> Option<u64> {
    let left = |seconds: Option<NonZeroU64>, since: Option<NonZeroU64>| {
        Some(since?.saturating_add(seconds?.get()).get().saturating_sub(now))
    };
    let added = NonZeroU64::new(current.add_time);
    least(left(limit.add_seconds, added), left(limit.use_seconds, current.use_time))
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Lifetimes, Proto, SaState, SaStats, Spi};

    use super::*;

    fn entry(spi: u32, src: [u8; 4], sent: u64) -> SaEntry {
        let ends = AddressPair::new(src.into(), [192, 0, 2, 2].into()).unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(spi));
        sa.reqid = ReqId::new(7);
        sa.replay_state.sent = sent;
        let hard = Lifetime::from_numbers([0, 0, 100, 50]);
        sa.lifetimes = Lifetimes { hard, ..Lifetimes::default() };
        let current = Current { packets: 2, bytes: 168, add_time: 1000, use_time: None };
        let stats = SaStats { replay_window: 1, replay: 2, integrity_failed: 3 };
        SaEntry { stats, ..SaEntry::new(sa, SaState::Mature, current) }
    }

    fn groups(by: By, entries: &[SaEntry]) -> Vec<(String, Totals)> {
        let mut groups = Groups::new(by, 1040);
        for entry in entries {
            groups.add(entry);
        }
        groups.into_labelled()
    }

    #[test]
    fn a_group_has_sums_and_the_least() {
        let entries = [entry(1, [192, 0, 2, 1], 5), entry(2, [192, 0, 2, 1], 0)];
        let totals = Totals {
            sas: 2,
            packets: 4,
            bytes: 336,
            dropped: [6, 4, 2],
            sequence_left: Some(4_294_967_290),
            seconds_left: Some(60),
        };
        assert_eq!(groups(By::ReqId, &entries), [("reqid=\"7\"".to_owned(), totals.clone())]);
        // The same as two SAs with one name.
        let entries = [5, 0].map(|sent| entry(1, [192, 0, 2, 1], sent));
        let of_sas = groups(By::Sa, &entries);
        assert_eq!(of_sas.len(), 1);
        assert_eq!(of_sas[0].1, totals);
    }

    #[test]
    fn the_peer_is_the_host_that_is_not_this_one() {
        let entries = [entry(1, [127, 0, 0, 1], 0), entry(2, [198, 51, 100, 1], 0)];
        let labels = groups(By::Peer, &entries).into_iter().map(|(labels, _)| labels);
        let expected =
            ["peer=\"192.0.2.2\",direction=\"out\"", "peer=\"198.51.100.1\",direction=\"in\""];
        assert_eq!(labels.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_limit_that_comes_first_counts() {
        let limit = Lifetime::from_numbers([0, 0, 100, 50]);
        let left = |use_time| {
            let use_time = NonZeroU64::new(use_time);
            let current = Current { add_time: 1000, use_time, ..Current::default() };
            seconds_left(&limit, &current, 1040)
        };
        assert_eq!((left(0), left(1001), left(900)), (Some(60), Some(11), Some(0)));
        assert_eq!(seconds_left(&Lifetime::default(), &Current::default(), 0), None);
    }
}
