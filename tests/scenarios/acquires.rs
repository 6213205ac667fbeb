//! What key management receives when a packet needs an SA of a policy by setkey, byte for byte: from AF_KEY, of policies by
//! PF_KEY, and from the service, of policies by XFRM.

use std::{
    fmt::Write,
    io::{Seek, Write as _},
};

use scenarios::{
    Host, Outcome, assert_same,
    pfkey::{RunningService, Side},
    setkey,
};

/// Each with where to send a packet.
const POLICIES: [&str; 20] = [
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/transport//require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ah/transport//require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ipcomp/transport//require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/transport//use;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ah/transport//use;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/transport;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/transport//unique;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ah/transport//unique:7;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ah/tunnel/192.0.2.1-192.0.2.9/unique:9;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ipcomp/tunnel/192.0.2.1-192.0.2.9/require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/tunnel/2001:db8::1-2001:db8::9/require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec esp/transport//require ah/transport//require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24 any -P out ipsec ipcomp/transport//use esp/transport//require ah/transport//require;",
    "203.0.113.1 spdadd 0.0.0.0/0 203.0.113.0/24[9] udp -P out prio high + 7 ipsec esp/transport//require;",
    "2001:db8:ff::1 spdadd ::/0 2001:db8:ff::/48 any -P out ipsec esp/transport//require;",
    "2001:db8:ff::1 spdadd ::/0 2001:db8:ff::/48 any -P out ipsec ah/transport//unique;",
    "2001:db8:ff::1 spdadd ::/0 2001:db8:ff::/48[9] udp -P out ipsec esp/tunnel/2001:db8::1-2001:db8::9/require;",
    "2001:db8:ff::1 spdadd ::/0 2001:db8:ff::/48 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/require;",
    "2001:db8:ff::1 spdupdate ::/0 2001:db8:ff::/48 any -P out ipsec ipcomp/transport//use ah/transport//require;",
];

#[test]
fn an_acquire_of_setkey_is_af_keys() {
    let expected = acquires(&Side::af_key(), "kernel", &["--pfkey=kernel"]);
    let host = Host::new("service");
    let service = RunningService::start(&host);
    let path = service.path().to_owned();
    let actual = acquires(&Side::service(host, &path), &path.display().to_string(), &[]);
    assert_same(&shown(&expected), &shown(&actual));
    // Into the 4,096 bytes that strongSwan reads.
    assert!(actual.split_whitespace().all(|message| message.len() / 2 <= 4096));
}

/// The ACQUIREs of all policies, a line each.
fn acquires(side: &Side, whose: &str, options: &[&str]) -> String {
    side.connect_a_wire();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/pfkey/acquires.py");
    let mut policies = tempfile::tempfile().expect("a temporary file");
    policies.write_all(POLICIES.join("\n").as_bytes()).expect("a temporary file");
    policies.rewind().expect("a temporary file");
    let mut client = side.host().command("python3");
    client.args([script, whose]).arg(setkey()).args(options).stdin(policies);
    let messages = Outcome::success(&mut client);
    assert_eq!(messages.lines().filter(|line| !line.is_empty()).count(), POLICIES.len());
    messages
}

/// Each message behind its policy.
fn shown(messages: &str) -> String {
    let mut text = String::new();
    for (policy, message) in POLICIES.iter().zip(messages.lines()) {
        writeln!(text, "{policy}\n{message}").expect("a string");
    }
    text
}
