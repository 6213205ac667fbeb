//! `ipsecctl metrics` is OpenMetrics, has what `show` has, and is fast enough to be scraped.

use std::{collections::BTreeMap, fmt::Write as _};

use scenarios::{
    Host, linked_hosts,
    openmetrics::{self, Family},
    time_and_memory,
};

const SAS: usize = 10_000;

/// Milliseconds of a program that is optimised; others take ten times as long.
const MOST_MILLISECONDS: u64 = if cfg!(debug_assertions) { 4000 } else { 200 };

/// KiB.
const MOST_MEMORY: u64 = 32 << 10;

fn metrics(host: &Host, words: &str) -> BTreeMap<String, Family> {
    let outcome = host.ipsecctl(&format!("metrics {words}"));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    openmetrics::read(&outcome.stdout).unwrap_or_else(|error| panic!("{error}"))
}

/// The value of the only sample with these labels.
fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
    let has = |it: &&(openmetrics::Labels, u64)| {
        labels.iter().all(|(name, value)| it.0.get(*name).is_some_and(|it| it == value))
    };
    let samples = families[name].samples.iter().filter(has).collect::<Vec<_>>();
    assert!(samples.len() <= 1, "{name} {labels:?}: {samples:?}");
    samples.first().map(|it| it.1)
}

#[test]
fn a_missing_sa_and_a_used_one() {
    let [a, _b] = linked_hosts();
    let policy = "spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;";
    a.load(policy);
    assert!(!a.ping("192.0.2.2"));
    let found = metrics(&a, "");
    assert_eq!(value(&found, "xfrm_policy_without_sa", &[("direction", "out")]), Some(1));
    let no_states = [("counter", "XfrmOutNoStates"), ("direction", "out")];
    assert!(value(&found, "xfrm_dropped_packets", &no_states) > Some(0));
    assert!(found["xfrm_dropped_packets"].samples.len() >= 28);

    a.load("add 192.0.2.1 192.0.2.2 esp 0x1001 -u 0 -ls 590 -lh 600 -E null -A hmac-sha1 \"hmac-sha1 from a - b\";");
    assert!(!a.ping("192.0.2.2"));
    let found = metrics(&a, "");
    let peer = [("peer", "192.0.2.2"), ("direction", "out")];
    assert_eq!(value(&found, "xfrm_policy_without_sa", &[("direction", "out")]), Some(0));
    assert_eq!(value(&found, "xfrm_sas", &[("state", "mature")]), Some(1));
    let packets = value(&found, "xfrm_sa_packets", &peer).expect("a series");
    assert!(packets > 0);
    let left = u64::from(u32::MAX) - packets;
    assert_eq!(value(&found, "xfrm_sa_sequence_left", &peer), Some(left));
    assert!((500..=600).contains(&value(&found, "xfrm_sa_seconds_left", &peer).expect("a series")));
    let by_sa = metrics(&a, "--by sa");
    assert_eq!(value(&by_sa, "xfrm_sa_packets", &[("spi", "0x1001")]), Some(packets));
    assert_eq!(value(&metrics(&a, "--by reqid"), "xfrm_sa_count", &[("reqid", "0")]), Some(1));
}

#[test]
fn ten_thousand_sas() {
    let host = Host::new("host");
    let script = (0..SAS).fold(String::new(), |mut script, number| {
        let (peer, spi) = (number % 250 + 1, number + 0x1000);
        writeln!(script, "add 192.0.2.1 10.0.{}.{peer} esp {spi} -E null;", number / 250)
            .expect("a String takes it");
        script
    });
    host.load(&script);
    // The first run reads the program from the disk, which is not what is measured.
    let found = metrics(&host, "--by sa");
    assert_eq!(found["xfrm_sa_packets"].samples.len(), SAS);
    assert_eq!(value(&found, "xfrm_sas", &[("state", "mature")]), Some(10_000));
    for by in ["peer", "reqid", "sa"] {
        let [milliseconds, kibibytes] = time_and_memory(&host, &["metrics", "--by", by]);
        println!("10,000 SAs by {by}: {milliseconds} ms, {kibibytes} KiB");
        assert!(kibibytes <= MOST_MEMORY, "{kibibytes} KiB");
        assert!(milliseconds <= MOST_MILLISECONDS, "{milliseconds} ms");
    }
}
