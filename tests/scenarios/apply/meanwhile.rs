//! An SA is replaced under its SPI, and the policy that it serves is not part of what is applied: packets that may pass
//! the policy in clear do not do so meanwhile.

use std::{thread, time::Duration};

use scenarios::{Background, Host, Packet, Pair, Wire, protocol::ESP};
use serde_json::Value;

use super::tables::{Tables, apply, file};

/// Algorithms with keys: the kernel makes the combination of two when it is first used, and other programs run until
/// that is done.
const ENCRYPTION: [(&str, usize); 2] = [("aes-cbc", 16), ("3des-cbc", 24)];
const AUTHENTICATION: [(&str, usize); 5] = [
    ("hmac-md5", 16),
    ("hmac-sha1", 20),
    ("hmac-sha256", 32),
    ("hmac-sha384", 48),
    ("hmac-sha512", 64),
];

/// Neither is between two hosts: before Linux 6.12 one that is comes behind the first of the others of its priority.
const POLICIES: &str = "
    spdadd 192.0.2.1 192.0.2.0/24 any -P out ipsec esp/transport//use;
    spdadd 192.0.2.0/24 192.0.2.0/24 any -P out none;\n";

/// The SA from the first host to the second.
fn sa((encryption, length): (&str, usize), (authentication, of): (&str, usize)) -> String {
    let key = |length: usize| "0x".to_owned() + &"5a17".repeat(length / 2);
    format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -E {encryption} {} -A {authentication} {};\n",
        key(length),
        key(of)
    )
}

fn sas() -> impl Iterator<Item = String> {
    AUTHENTICATION.into_iter().flat_map(|of| ENCRYPTION.into_iter().map(move |it| sa(it, of)))
}

/// The changes that `diff` prints.
fn changes(host: &Host, words: &str, text: &str) -> Vec<String> {
    let file = file(text);
    let outcome = host.ipsecctl(&format!("diff --json {words} {}", file.path().display()));
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let changes = document["changes"].as_array().expect("changes").iter();
    changes.filter_map(|it| it["change"].as_str()).map(str::to_owned).collect()
}

fn flood(host: &Host) -> Background {
    Background::start(host.command("ping").args(["-nqi0.002", "192.0.2.2"]))
}

/// Replaces the SA many times. `words` and the text beside the SA leave the policy out.
fn replace(pair: &Pair, words: &str, beside: &str) {
    let first = sas().next().expect("an SA");
    pair.load(&first);
    pair.a.load(POLICIES);
    assert!(pair.a.ping("192.0.2.2"));
    let before = Tables::of(&pair.a);
    let wire = Wire::leaving(&pair.a, "b");
    let (ping, mut all) = (flood(&pair.a), Vec::new());
    thread::sleep(Duration::from_millis(200));
    for sa in sas().skip(1).chain([first]) {
        let text = sa + beside;
        all.push(changes(&pair.a, words, &text));
        let outcome = apply(&pair.a, words, &text);
        assert_eq!(outcome.status, 0, "{words}: {outcome:?}");
        thread::sleep(Duration::from_millis(50));
    }
    drop(ping);
    thread::sleep(Duration::from_millis(500));
    let packets = wire.received();
    let is_clear = |packet: &&Packet| packet.version == 4 && packet.protocols[0] != ESP;
    let clear = packets.iter().filter(is_clear).count();
    println!("{words}: {} packets, {clear} in clear", packets.len());
    assert_eq!(clear, 0, "{words}");
    assert!(packets.len() > 100, "{words}: {}", packets.len());
    for changes in all {
        assert_eq!(changes, ["require", "replace"], "{words}");
    }
    let after = Tables::of(&pair.a);
    assert_eq!(after.difference(&before), None, "{words}");
    for host in [&pair.a, &pair.b] {
        host.flush();
    }
}

#[test]
fn a_policy_that_is_not_selected_requires_the_sa() {
    let pair = Pair::without_sas();
    replace(&pair, "--spi 0x1001", "");
    replace(&pair, "--spi 0x1001 --prune", POLICIES);
}

/// Nor does one that no file describes, or that is described as it is.
#[test]
fn a_policy_that_no_file_has_requires_the_sa() {
    let pair = Pair::without_sas();
    replace(&pair, "", "");
    replace(&pair, "", POLICIES);
    // A file has one of them, and the other comes before or behind it.
    for described in POLICIES.trim().lines() {
        replace(&pair, "", described);
    }
}

/// With `--owned`, it is another program's.
#[test]
fn a_policy_that_is_not_own_is_not_touched() {
    let host = Host::new("host");
    host.load(POLICIES);
    let mut sas = sas();
    let [first, second] = [(); 2].map(|()| sas.next().expect("an SA"));
    let outcome = apply(&host, "--owned", &first);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(changes(&host, "--owned", &second), ["replace"]);
}

/// A policy that is to go requires the SA until then.
#[test]
fn a_policy_that_goes_requires_the_sa() {
    let host = Host::new("host");
    let mut sas = sas();
    let [first, second] = [(); 2].map(|()| sas.next().expect("an SA"));
    host.load(&(first + POLICIES));
    let expected = ["require", "replace", "delete", "delete"];
    assert_eq!(changes(&host, "--prune", &second), expected);
    assert_eq!(apply(&host, "--prune", &second).status, 0);
    assert_eq!(host.setkey("-DP").stdout, "No SPD entries.\n");
}

/// Its place among others of its priority is as before.
#[test]
fn the_order_stays() {
    let host = Host::new("host");
    let mut sas = sas();
    let [first, second] = [(); 2].map(|()| sas.next().expect("an SA"));
    let policies = "
        spdadd 192.0.0.0/16 192.0.2.2 any -P out none;
        spdadd 192.0.2.0/24 192.0.2.0/24 any -P out ipsec esp/transport//use;
        spdadd 192.0.2.1 192.0.0.0/16 any -P out discard;
        spdadd 192.0.0.0/8 192.0.0.0/8 any -P out none;\n";
    host.load(&(first + policies));
    let before = Tables::of(&host);
    let outcome = apply(&host, "--spi 0x1001", &second);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(changes(&host, "--spi 0x1001", &second).is_empty());
    let after = Tables::of(&host);
    let policies = |tables: Tables| Tables { sas: Vec::new(), ..tables };
    assert_eq!(policies(after).difference(&policies(before)), None);
}
