//! Level `default` is what the host's variables say, at once, for policies that are there already.

use std::process::{Child, Command, Stdio};

use scenarios::{
    Host, Wire, link,
    protocol::{ESP, ICMP, ICMP6},
};

use crate::sites::{Addresses, Sites, V4, V6};

/// The variables of one IP version.
fn variable(version: u8, proto: &str, mode: &str) -> String {
    let tree = if version == 4 { "net.inet.ipsec" } else { "net.inet6.ipsec6" };
    let mode = if mode == "tunnel" { "net" } else { "trans" };
    format!("{tree}.{proto}_{mode}_deflev")
}

/// Each of the eight variables, for packets in, out and through, in transport and tunnel mode.
#[test]
fn each_variable_opens_and_closes_what_it_governs() {
    for addresses in [&V4, &V6] {
        let sites = Sites::new(addresses);
        for proto in ["esp", "ah"] {
            for mode in ["transport", "tunnel"] {
                for direction in ["out", "in", "fwd"] {
                    governs(&sites, addresses, proto, mode, direction);
                }
            }
        }
    }
}

/// No SA is there, so what is required does not pass.
fn governs(sites: &Sites, addresses: &Addresses, proto: &str, mode: &str, direction: &str) {
    let Addresses { version, between, a, b } = addresses;
    let (here, there) = (between.bare(1), between.bare(2));
    let gateway = &sites.gateway_a;
    let (pinging, target) = match direction {
        "fwd" => (&sites.host_a, b.bare(2)),
        _ => (gateway, there.clone()),
    };
    let selector = match direction {
        "out" => format!("{here} {there}"),
        "in" => format!("{there} {here}"),
        _ => format!("{} {}", b.with_length(0), a.with_length(0)),
    };
    let ends = match (mode, direction) {
        ("transport", _) => String::new(),
        (_, "out") => format!("{here}-{there}"),
        _ => format!("{there}-{here}"),
    };
    let request = format!("{proto}/{mode}/{ends}/default");
    let outcome =
        gateway.setkey_text(&format!("spdadd {selector} any -P {direction} ipsec {request};"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);

    let variable = variable(*version, proto, mode);
    let passes = |value: u8| {
        gateway.set(&format!("{variable}={value}"));
        let dump = gateway.setkey("-DP").stdout;
        assert!(dump.contains(&request), "{request} at {value}:\n{dump}");
        pinging.ping(&target)
    };
    let shown = format!("{variable}, {direction}");
    assert!(!pinging.ping(&target), "{shown}: require until somebody says otherwise");
    assert!(passes(1), "{shown}=1");
    assert!(!passes(2), "{shown}=2");
    gateway.flush();
}

/// While the variables flip under a flood, what has an SA is never seen in clear.
#[test]
fn a_thousand_flips_under_a_flood() {
    let [a, b] = ["a", "b"].map(Host::new);
    link(&a, "192.0.2.1/24", &b, "192.0.2.2/24");
    a.ip("addr add 2001:db8::1/64 dev b");
    b.ip("addr add 2001:db8::2/64 dev a");
    let keys = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
    let sas = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 {keys};
        add 192.0.2.2 192.0.2.1 esp 0x1002 {keys};
        add 2001:db8::1 2001:db8::2 esp 0x1003 -m tunnel {keys};
        add 2001:db8::2 2001:db8::1 esp 0x1004 -m tunnel {keys};"
    );
    let policies = |[from, to]: [&str; 2], [v4, v6]: [&str; 2]| {
        let tunnel = |from: &str, to: &str| format!("2001:db8::{from}-2001:db8::{to}");
        let (there, back) = (tunnel(from, to), tunnel(to, from));
        format!(
            "spdadd 192.0.2.{from} 192.0.2.{to} icmp -P out ipsec esp/transport//{v4};
            spdadd 192.0.2.{to} 192.0.2.{from} icmp -P in ipsec esp/transport//require;
            spdadd 2001:db8::{from} 2001:db8::{to} icmp6 -P out ipsec esp/tunnel/{there}/{v6};
            spdadd 2001:db8::{to} 2001:db8::{from} icmp6 -P in ipsec esp/tunnel/{back}/require;"
        )
    };
    // Neighbours find each other first.
    assert!(a.ping("192.0.2.2") && a.ping("2001:db8::2"));
    a.load(&(sas.clone() + &policies(["1", "2"], ["default", "default"])));
    b.load(&(sas + &policies(["2", "1"], ["require", "require"])));
    assert!(a.ping("192.0.2.2") && a.ping("2001:db8::2"), "with SAs");

    let wire = Wire::tap(&a, "b");
    let floods = ["192.0.2.2", "2001:db8::2"].map(|target| Flood::of(&a, target));
    for value in [1, 2].into_iter().cycle().take(1000) {
        let variables = [variable(4, "esp", "transport"), variable(6, "esp", "tunnel")];
        a.set(&variables.map(|name| format!("{name}={value}")).join(" "));
    }
    drop(floods);
    let packets = wire.heard();
    assert!(packets.len() > 1000, "only {} packets in 1,000 flips", packets.len());
    let clear = packets.iter().filter(|packet| packet.protocols != [ESP]);
    assert_eq!(clear.collect::<Vec<_>>(), Vec::<&scenarios::Packet>::new());
    for version in [4, 6] {
        assert!(packets.iter().any(|packet| packet.version == version), "IPv{version}");
    }
}

/// ping -f, until it is dropped.
struct Flood(Child);

impl Flood {
    fn of(host: &Host, target: &str) -> Self {
        let mut ping: Command = host.command("ping");
        ping.args(["-f", "-q", target]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(ping.spawn().expect("ping runs"))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // It may have ended by itself, which the count of packets tells.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// IPComp's `default` is `use`, whatever the variables say: small packets are not compressed.
#[test]
fn ipcomp() {
    let [a, b] = ["a", "b"].map(Host::new);
    link(&a, "192.0.2.1/24", &b, "192.0.2.2/24");
    a.load("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec ipcomp/transport//default;");
    a.load("spdadd 192.0.2.2 192.0.2.1 any -P in ipsec ipcomp/transport//default;");
    let wire = Wire::tap(&a, "b");
    assert!(a.ping("192.0.2.2"));
    for packet in wire.packets(2) {
        assert!(matches!(packet.protocols[..], [ICMP | ICMP6]), "{packet:?}");
    }
}
