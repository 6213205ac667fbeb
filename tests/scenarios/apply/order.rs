//! Of policies of one priority, the one that comes first in the files is found first.

use scenarios::Host;

use super::tables::{Tables, apply};

fn assert_reordered(before: &str, after: &str) {
    let [host, other] = ["from", "to"].map(Host::new);
    host.load(before);
    let outcome = apply(&host, "", after);
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{outcome:?}");
    other.load(after);
    assert_eq!(
        Tables::of(&host).difference(&Tables::of(&other)),
        None,
        "{before}{after}{outcome:?}"
    );
    assert_eq!(apply(&host, "--check", after).status, 0, "{before}{after}{outcome:?}");
}

/// A policy of which it is found out by `get` which comes first would need a packet; ip(8) lists them by age.
#[test]
fn the_first_of_a_file_is_the_first_of_the_kernel() {
    let policy =
        |dst: &str, action: &str| format!("spdadd 10.0.0.0/8 {dst} any -P out {action};\n");
    let wide = policy("0.0.0.0/0", "discard");
    let narrow = policy("10.2.0.0/16", "none");
    let host = policy("10.2.0.1/32", "ipsec esp/transport//require");
    let other = policy("10.3.0.0/16", "none");
    let flush = "spdflush;\n";
    for (before, after) in [
        ([&wide, &narrow, &host], [&narrow, &wide, &host]),
        ([&wide, &narrow, &host], [&host, &narrow, &wide]),
        ([&wide, &narrow, &host], [&other, &wide, &narrow]),
        ([&other, &narrow, &host], [&wide, &narrow, &host]),
        ([&narrow, &other, &wide], [&other, &narrow, &wide]),
    ] {
        let text =
            |policies: [&String; 3]| flush.to_owned() + &policies.map(String::as_str).concat();
        assert_reordered(&text(before), &text(after));
        let changed = text(after).replacen("none", "discard", 1);
        assert_reordered(&text(before), &changed);
    }
}
