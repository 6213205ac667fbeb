use std::{collections::BTreeMap, fs};

use crate::Host;

/// The counters of XFRM, IP, ICMP and UDP of a host that are not 0, as `XfrmInNoStates`, `IcmpInEchos`, `Udp6NoPorts`.
#[must_use]
pub fn counters(host: &Host) -> BTreeMap<String, u64> {
    let read = |name: &str| {
        let path = format!("/proc/thread-self/net/{name}");
        // A kernel may have no IPv6.
        fs::read_to_string(path).unwrap_or_default()
    };
    let [xfrm, snmp, snmp6] = host.within(|| ["xfrm_stat", "snmp", "snmp6"].map(read));
    let lines = xfrm.lines().chain(snmp6.lines()).filter_map(|line| {
        let (name, number) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), number.trim().parse().ok()?))
    });
    let mut counters = lines.chain(in_columns(&snmp)).collect::<BTreeMap<_, _>>();
    counters.retain(|_, number| *number > 0);
    counters
}

/// Pairs of lines: the names, and the numbers.
fn in_columns(snmp: &str) -> Vec<(String, u64)> {
    let lines = snmp.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let lines = lines.collect::<Vec<_>>();
    let pairs = lines.chunks_exact(2).flat_map(|pair| {
        let group = pair[0].first().map_or("", |group| group.trim_end_matches(':'));
        let numbers = pair[0].iter().zip(&pair[1]).skip(1);
        numbers.filter_map(move |(name, number)| {
            Some((format!("{group}{name}"), number.parse().ok()?))
        })
    });
    pairs.collect()
}
