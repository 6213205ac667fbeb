//! Level `default` is what the host's variables say, at once, for policies that are there already.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use scenarios::{
    Host, Outcome, Packet, Wire, linked_hosts,
    protocol::{ESP, ICMP, ICMP6},
    times,
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
    // Side by side, since a ping that does not pass waits for a second.
    thread::scope(|scope| {
        for addresses in [&V4, &V6] {
            scope.spawn(|| variables_of(addresses));
        }
    });
}

fn variables_of(addresses: &Addresses) {
    let sites = Sites::new(addresses);
    // What comes in is not what goes out: another address of the same gateway.
    let other = addresses.between.with_length(3);
    sites.gateway_b.ip(&format!("addr add {other} dev gateway-a"));
    for proto in ["esp", "ah"] {
        for mode in ["transport", "tunnel"] {
            governs(&sites, addresses, proto, mode);
        }
    }
}

/// No SA is there, so what is required does not pass.
fn governs(sites: &Sites, addresses: &Addresses, proto: &str, mode: &str) {
    let Addresses { version, between, a, b } = addresses;
    let gateway = &sites.gateway_a;
    let [here, there, other] = [1, 2, 3].map(|n| between.bare(n));
    let request = |from: &str, to: &str| match mode {
        "tunnel" => format!("{proto}/{mode}/{from}-{to}/default"),
        _ => format!("{proto}/{mode}//default"),
    };
    let (out, back) = (request(&here, &there), request(&there, &here));
    let (a, b) = (a.with_length(0), b.with_length(0));
    let outcome = gateway.setkey_text(&format!(
        "spdadd {here} {there} any -P out ipsec {out};
        spdadd {other} {here} any -P in ipsec {back};
        spdadd {b} {a} any -P fwd ipsec {back};"
    ));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let indices = |dump: &str| {
        let words = dump.split_whitespace().map(str::to_owned);
        words.filter(|word| word.starts_with("spid=")).collect::<Vec<String>>()
    };
    let before = indices(&gateway.setkey("-DP").stdout);

    let variable = variable(*version, proto, mode);
    let behind = addresses.b.bare(2);
    let pass = || {
        thread::scope(|scope| {
            let pings = [(gateway, &there), (gateway, &other), (&sites.host_a, &behind)];
            let pings = pings.map(|(host, target)| scope.spawn(|| host.ping(target)));
            pings.map(|ping| ping.join().expect("a ping"))
        })
    };
    let title = format!("{variable}: out, in, through");
    assert_eq!(pass(), [false; 3], "{title}: require until the variable is set");
    for (value, passes) in [(1, true), (2, false)] {
        gateway.set(&format!("{variable}={value}"));
        assert_eq!(pass(), [passes; 3], "{title} at {value}");
        let dump = gateway.setkey("-DP").stdout;
        assert!(dump.contains(&out) && dump.contains(&back), "{title} at {value}:\n{dump}");
        assert_eq!(indices(&dump), before, "{title} at {value}");
    }
    gateway.flush();
}

/// While the variables flip under a flood, what has an SA is never seen in clear.
#[test]
fn flips_under_a_flood() {
    let [a, b] = linked_hosts();
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

    let wires = [Wire::leaving(&a, "b"), Wire::leaving(&b, "a")];
    let floods = ["192.0.2.2", "2001:db8::2"].map(|target| Flood::of(&a, target));
    let variables = [variable(4, "esp", "transport"), variable(6, "esp", "tunnel")];
    let flip = Path::new(env!("CARGO_BIN_EXE_flip"));
    // An even count ends with `require`.
    let flips = times(1000, 100);
    Outcome::success(a.command(flip).arg(flips.to_string()).args(variables));
    drop(floods);
    for packets in wires.map(|wire| wire.received()) {
        for version in [4, 6] {
            let packets = packets.iter().filter(|packet| packet.version == version);
            let (encrypted, clear): (Vec<&Packet>, Vec<&Packet>) =
                packets.partition(|packet| packet.protocols == [ESP]);
            assert!(encrypted.len() > flips, "IPv{version}: {} in {flips} flips", encrypted.len());
            assert_eq!(clear.first(), None, "IPv{version}: {} packets in clear", clear.len());
        }
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
        // It may have ended by itself, which the count of packets shows.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// IPComp's `default` is `use`, whatever the variables say: small packets are not compressed.
#[test]
fn ipcomp() {
    let [a, _b] = linked_hosts();
    a.load("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec ipcomp/transport//default;");
    a.load("spdadd 192.0.2.2 192.0.2.1 any -P in ipsec ipcomp/transport//default;");
    let wire = Wire::tap(&a, "b");
    assert!(a.ping("192.0.2.2"));
    for packet in wire.packets(2) {
        assert!(matches!(packet.protocols[..], [ICMP | ICMP6]), "{packet:?}");
    }
}
