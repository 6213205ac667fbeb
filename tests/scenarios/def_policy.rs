//! What becomes of packets that no policy matches: `def_policy`, as in ipsec(4).

use std::{thread, time::Duration};

use scenarios::{
    Host, Outcome, Wire, link, linked_hosts,
    protocol::{ESP, ICMP, ICMP6},
};

/// An IP version, and who has which address of it:
///
///     a (1) ---- (2) router (1) ---- (2) b
struct Version {
    def_policy: &'static str,
    everything: &'static str,
    a: &'static str,
    router: &'static str,
    b: &'static str,
    /// What neighbours need to find each other.
    discovery: &'static str,
}

const V4: Version = Version {
    def_policy: "net.inet.ipsec.def_policy",
    everything: "0.0.0.0/0",
    a: "192.0.2.1",
    router: "192.0.2.2",
    b: "198.51.100.2",
    discovery: "",
};

const V6: Version = Version {
    def_policy: "net.inet6.ipsec6.def_policy",
    everything: "::/0",
    a: "2001:db8:a::1",
    router: "2001:db8:a::2",
    b: "2001:db8:b::2",
    discovery: "
        spdadd ::/0 ::/0 icmp6 135,0 -P out none;
        spdadd ::/0 ::/0 icmp6 135,0 -P in none;
        spdadd ::/0 ::/0 icmp6 136,0 -P out none;
        spdadd ::/0 ::/0 icmp6 136,0 -P in none;
    ",
};

const BOTH: [&Version; 2] = [&V4, &V6];

/// The three of the picture, who reach each other in both versions.
struct Row {
    a: Host,
    router: Host,
    b: Host,
}

impl Row {
    fn new() -> Self {
        let (a, router, b) = (Host::new("a"), Host::new("router"), Host::new("b"));
        link(&a, "192.0.2.1/24", &router, "192.0.2.2/24");
        link(&router, "198.51.100.1/24", &b, "198.51.100.2/24");
        a.ip("addr add 2001:db8:a::1/64 dev router
            route add 198.51.100.0/24 via 192.0.2.2
            route add 2001:db8:b::/64 via 2001:db8:a::2");
        router.ip("addr add 2001:db8:a::2/64 dev a
            addr add 2001:db8:b::1/64 dev b");
        b.ip("addr add 2001:db8:b::2/64 dev router
            route add 192.0.2.0/24 via 198.51.100.1
            route add 2001:db8:a::/64 via 2001:db8:b::1");
        router.forward();
        let row = Self { a, router, b };
        for version in BOTH {
            // Neighbours find each other on two links.
            assert!(arrives(&row.a, version.b), "no way from a to b");
            assert_eq!(row.open_directions(version), OPEN);
        }
        row
    }

    /// Which ways are open to packets of a version: to the router, from it, through it.
    fn open_directions(&self, version: &Version) -> [bool; 3] {
        [self.a.ping(version.router), self.router.ping(version.a), self.a.ping(version.b)]
    }
}

const OPEN: [bool; 3] = [true; 3];
const CLOSED: [bool; 3] = [false; 3];

/// Whether one of some pings comes back.
fn arrives(host: &Host, address: &str) -> bool {
    (0..5).any(|_| host.ping(address))
}

fn set(host: &Host, version: &Version, value: u8) {
    host.set(&format!("{}={value}", version.def_policy));
}

fn set_both(host: &Host, value: u8) {
    for version in BOTH {
        set(host, version, value);
    }
}

fn value(host: &Host, version: &Version) -> String {
    host.sysctl(&format!("-n {}", version.def_policy)).stdout
}

#[test]
fn v4_alone() {
    closes(&V4, &V6);
}

#[test]
fn v6_alone() {
    closes(&V6, &V4);
}

/// One version is closed in every direction until policies open it; the other stays open.
fn closes(version: &Version, other: &Version) {
    let row = Row::new();
    let everything = version.everything;
    let add = |direction| format!("spdadd {everything} {everything} any -P {direction} none;");
    let delete = |direction| format!("spddelete {everything} {everything} any -P {direction};");

    set(&row.router, version, 0);
    assert_eq!((row.open_directions(version), row.open_directions(other)), (CLOSED, OPEN));

    row.router.load(&add("out"));
    assert_eq!(row.open_directions(version), CLOSED, "nothing may come in");
    row.router.load(&(delete("out") + &add("in")));
    assert_eq!(row.open_directions(version), CLOSED, "nothing may go out");
    row.router.load(&add("out"));
    assert_eq!(row.open_directions(version), OPEN);
    row.router.load(&delete("fwd"));
    assert_eq!(row.open_directions(version), [true, true, false], "nothing may go through");

    row.router.flush();
    assert_eq!(
        (row.open_directions(version), row.open_directions(other)),
        (CLOSED, OPEN),
        "a flush has opened it"
    );
    set(&row.router, version, 1);
    assert_eq!((row.open_directions(version), row.open_directions(other)), (OPEN, OPEN));
}

/// With both versions closed even who knows nothing of it opens neither.
#[test]
fn both() {
    let row = Row::new();
    set_both(&row.router, 0);
    assert_eq!(BOTH.map(|version| row.open_directions(version)), [CLOSED; 2]);
    row.router.flush();
    assert_eq!(
        BOTH.map(|version| row.open_directions(version)),
        [CLOSED; 2],
        "setkey has opened it"
    );
    row.router.ip("xfrm policy flush");
    assert_eq!(row.router.show("xfrm policy"), "");
    assert_eq!(BOTH.map(|version| row.open_directions(version)), [CLOSED; 2], "ip has opened it");

    set(&row.router, &V4, 1);
    assert_eq!(BOTH.map(|version| row.open_directions(version)), [OPEN, CLOSED]);
    set(&row.router, &V6, 1);
    assert_eq!(BOTH.map(|version| row.open_directions(version)), [OPEN; 2]);
    assert_eq!(row.router.show("xfrm policy"), "");
}

/// What a policy matches is its own affair: in clear, or by ESP, whose own packets need no policy.
#[test]
fn policies_come_first() {
    for (version, icmp) in [(&V4, ICMP), (&V6, ICMP6)] {
        let Row { a, router, b: _b } = Row::new();
        let wire = Wire::tap(&a, "router");
        let (here, there) = (version.a, version.router);
        let load = |action: &str, sas: &str| {
            for (host, here, there) in [(&a, here, there), (&router, there, here)] {
                host.flush();
                host.load(&format!(
                    "{}
                    spdadd {here} {there} any -P out {action};
                    spdadd {there} {here} any -P in {action};
                    {sas}",
                    version.discovery
                ));
            }
        };
        set(&a, version, 0);
        set(&router, version, 0);
        assert!(!a.ping(there), "it is closed");

        load("none", "");
        assert!(arrives(&a, there), "`none` does not let it through");
        assert_eq!(wire.packets(1)[0].protocols, [icmp]);

        load(
            "ipsec esp/transport//require",
            &format!(
                r#"add {here} {there} esp 0x1001 -E aes-cbc "aes-cbc from a-b";
                add {there} {here} esp 0x1002 -E aes-cbc "aes-cbc from b-a";"#
            ),
        );
        let wire = Wire::tap(&a, "router");
        assert!(arrives(&a, there), "ESP does not get through");
        assert_eq!(wire.packets(1)[0].protocols, [ESP]);
    }
}

/// No dump shows ours, and a user's own policy for every packet does not meet them.
#[test]
fn the_spd_stays_the_users() {
    let [a, _b] = linked_hosts();
    let run = |words: &str| a.setkey(words);
    let words = |words: &str| run(words).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let dumps = || ["-DP", "-DP --json", "-DP --script", "-DPp"].map(run);
    let empty = dumps();
    set_both(&a, 0);
    assert_eq!(dumps(), empty);
    assert!(!a.ping("192.0.2.2"));

    let [out, inward] = ["out", "in"]
        .map(|direction| format!("spdadd 0.0.0.0/0 0.0.0.0/0 any -P {direction} none;"));
    a.load(&out);
    assert!(words("-DP --script").ends_with(&out), "{}", words("-DP --script"));
    assert!(words("-DP").starts_with("0.0.0.0/0[any] 0.0.0.0/0[any] 255 out prio def none"));
    a.load(&inward);
    assert!(a.ping("192.0.2.2"));
    a.load("spdupdate 0.0.0.0/0 0.0.0.0/0 any -P out prio low discard;");
    assert!(words("-DP").contains("out prio low discard"), "{}", words("-DP"));
    for direction in ["out", "in"] {
        a.load(&format!("spddelete 0.0.0.0/0 0.0.0.0/0 any -P {direction};"));
    }
    assert_eq!(dumps(), empty);
    assert!(!a.ping("192.0.2.2"), "ours have gone with it");

    set_both(&a, 1);
    assert_eq!(dumps(), empty);
    assert_eq!(a.show("xfrm policy"), "");
    assert!(a.ping("192.0.2.2"));
}

/// A host talks to itself by its loopback addresses, and by all of its IPv4 addresses.
#[test]
fn loopback() {
    let [a, _b] = linked_hosts();
    a.ip("addr add 2001:db8::1/64 dev b");
    set_both(&a, 0);
    let pings = || ["127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"].map(|own| a.ping(own));
    assert_eq!(pings(), [true, true, true, false]);

    a.load(
        "spdadd 2001:db8::1 2001:db8::1 any -P out none;
        spdadd 2001:db8::1 2001:db8::1 any -P in none;",
    );
    assert_eq!(pings(), [true; 4]);

    // The policy for ::1 goes with the others of the SPD when another program flushes it.
    a.ip("xfrm policy flush");
    assert_eq!(pings(), [true, true, false, false]);
    a.flush();
    assert_eq!(pings(), [true, true, true, false]);
}

/// Neighbours find each other by ICMPv6, which is dropped like all that no policy matches.
#[test]
fn neighbour_discovery() {
    let (a, b) = (Host::new("a"), Host::new("b"));
    link(&a, "2001:db8::1/64", &b, "2001:db8::2/64");
    set(&a, &V6, 0);
    a.load(
        "spdadd 2001:db8::1 2001:db8::2 any -P out none;
        spdadd 2001:db8::2 2001:db8::1 any -P in none;",
    );
    let both_directions = || [arrives(&a, "2001:db8::2"), arrives(&b, "2001:db8::1")];
    assert_eq!(both_directions(), [false; 2]);
    a.load(V6.discovery);
    assert_eq!(both_directions(), [true; 2]);
}

/// The value is that of one network namespace.
#[test]
fn each_namespace_has_its_own() {
    let ([a, b], c) = (linked_hosts(), Host::new("c"));
    link(&b, "198.51.100.2/24", &c, "198.51.100.3/24");
    set(&a, &V4, 0);
    let values = || [&a, &b, &c].map(|host| BOTH.map(|version| value(host, version)));
    let initial = ["1\n", "1\n"];
    assert_eq!(values(), [["0\n", "1\n"], initial, initial]);
    assert!(!b.ping("192.0.2.1") && b.ping("198.51.100.3"));
    set(&b, &V6, 0);
    set(&a, &V4, 1);
    assert_eq!(values(), [initial, ["1\n", "0\n"], initial]);
    assert!(b.ping("192.0.2.1"));
}

/// The kernel gives the number of a namespace that has gone to a new one.
#[test]
fn a_new_namespace_of_an_old_number_has_initial_values() {
    let number = |host: &Host| {
        let link = Outcome::success(host.command("readlink").arg("/proc/self/ns/net"));
        link.trim().to_owned()
    };
    let old = Host::new("old");
    set_both(&old, 0);
    let old_number = number(&old);
    drop(old);

    // A namespace goes some time after its name. Those that stay take the other numbers.
    let mut others = Vec::new();
    let new = loop {
        let new = Host::new("new");
        if number(&new) == old_number {
            break new;
        }
        others.push(new);
        assert!(others.len() < 100, "no new namespace gets {old_number}");
        thread::sleep(Duration::from_millis(50));
    };
    let values = || BOTH.map(|version| value(&new, version));
    assert_eq!(values(), ["1\n", "1\n"]);
    // What is set now is not mixed with what was set then.
    set(&new, &V4, 0);
    assert_eq!(values(), ["0\n", "1\n"]);
    assert_eq!(new.setkey("-FP").status, 0);
    assert!(!new.show("xfrm policy").contains("::"), "the old values are in force");
}
