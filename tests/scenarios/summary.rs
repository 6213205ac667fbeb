//! `ipsecctl` without a subcommand names what needs attention.

use scenarios::{Host, link};
use serde_json::Value;

fn summary(host: &Host) -> Value {
    let outcome = host.ipsecctl("--json");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    serde_json::from_str::<Value>(&outcome.stdout).expect("JSON")["summary"].clone()
}

fn commands(summary: &Value) -> Vec<&str> {
    let list = summary["attention"].as_array().expect("a list").iter();
    list.map(|it| it["command"].as_str().expect("a command")).collect()
}

#[test]
fn a_missing_sa_and_dropped_packets() {
    let (host, peer) = (Host::new("host"), Host::new("peer"));
    link(&host, "192.0.2.1/24", &peer, "192.0.2.2/24");
    host.load("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;");
    let before = summary(&host);
    assert_eq!(before["policies_without_sa"], serde_json::json!({"in": 0, "out": 1, "fwd": 0}));
    assert_eq!(commands(&before), ["ipsecctl show policies"]);
    assert!(!host.ping("192.0.2.2"));
    assert_eq!(commands(&summary(&host)), ["ipsecctl show policies", "ipsecctl counters"]);
    let text = host.ipsecctl("").stdout;
    assert!(text.contains("\nneeds attention\n    1 policy requires an SA"), "{text}");

    host.load("add 192.0.2.1 192.0.2.2 esp 0x1001 -E null -A hmac-sha1 \"hmac-sha1 from a - b\";");
    let after = summary(&host);
    assert_eq!(
        (&after["sas"]["mature"], &after["policies_without_sa"]["out"]),
        (&1.into(), &0.into())
    );
    assert_eq!(commands(&after), ["ipsecctl counters"]);
}

#[test]
fn a_default_policy_that_is_not_in_force() {
    let host = Host::new("host");
    host.set("net.inet.ipsec.def_policy=0");
    assert!(commands(&summary(&host)).is_empty());
    host.ip("xfrm policy flush");
    assert_eq!(commands(&summary(&host)), ["ipsecctl show default"]);
}
