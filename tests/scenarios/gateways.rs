//! Tunnels as FreeBSD's own tests build them: SAs without a mode, before or behind the policies that say what they are for.
//!
//!     host-a ---- gateway-a ==== gateway-b ---- host-b

use scenarios::{
    Outcome, Wire, linked_hosts,
    protocol::{AH, ESP, ICMP},
};

use crate::{
    sites::{Addresses, Sites, V4, V6},
    story::Story,
};

const AES_CBC: &str = r#"-E aes-cbc "sixteen byte key""#;
const HMAC_SHA1: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
const HMAC_SHA256: &str = r#"-A hmac-sha2-256 "thirty-two bytes of key material""#;
const AES_GCM: &str = r#"-E aes-gcm-16 "sixteen byte key+slt""#;
const CHACHA20: &str = r#"-E chacha20-poly1305 "thirty-two bytes of key material+slt""#;
const NULL: &str = r#"-E null "" -A hmac-sha1 "twenty bytes of key!""#;

#[test]
fn aes_cbc_and_hmac_sha1() {
    protects(&format!("{AES_CBC} {HMAC_SHA1}"));
}

#[test]
fn aes_cbc_and_hmac_sha256() {
    protects(&format!("{AES_CBC} {HMAC_SHA256}"));
}

#[test]
fn aes_gcm() {
    protects(AES_GCM);
}

#[test]
fn chacha20() {
    protects(CHACHA20);
}

#[test]
fn null() {
    protects(NULL);
}

/// The policy decides about an SA that was there first, and about one that comes after it.
#[test]
fn sas_before_policies() {
    for addresses in [&V4, &V6] {
        let sites = Sites::with_dialect(addresses, "freebsd");
        let tunnel = Tunnel::new(addresses, AES_GCM);
        sites.gateway_a.load(&(tunnel.sas.clone() + &tunnel.policies_a));
        sites.gateway_b.load(&(tunnel.policies_b + &tunnel.sas));
        assert!(sites.host_a.ping(&addresses.b.bare(2)), "IPv{}", addresses.version);

        let mode = |dialect: &str| {
            let dump = sites.gateway_a.setkey(&format!("--dialect {dialect} -D")).stdout;
            let modes = dump.split_whitespace().filter(|word| word.starts_with("mode="));
            modes.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(mode("freebsd"), ["mode=any", "mode=any"]);
        assert_eq!(mode("linux"), ["mode=tunnel", "mode=tunnel"]);
    }
}

/// Without a tunnel in sight the same SAs are in transport mode.
#[test]
fn two_hosts() {
    let [a, b] = linked_hosts().map(|host| host.with_dialect("freebsd"));
    for (protocol, algorithms, seen) in
        [("esp", AES_GCM, [ESP].as_slice()), ("ah", HMAC_SHA256, &[AH, ICMP])]
    {
        let policies = |here, there| {
            format!(
                "spdadd {here} {there} any -P out ipsec {protocol}/transport//require;
                spdadd {there} {here} any -P in ipsec {protocol}/transport//require;"
            )
        };
        let sas = format!(
            "add 192.0.2.1 192.0.2.2 {protocol} 0x1001 {algorithms};
            add 192.0.2.2 192.0.2.1 {protocol} 0x1002 {algorithms};"
        );
        a.load(&(sas.clone() + &policies("192.0.2.1", "192.0.2.2")));
        b.load(&(policies("192.0.2.2", "192.0.2.1") + &sas));
        let wire = Wire::tap(&a, "b");
        assert!(a.ping("192.0.2.2"), "{protocol}");
        for packet in wire.packets(2) {
            assert_eq!(packet.protocols, seen);
        }
        assert!(
            a.setkey("--dialect linux -D")
                .stdout
                .contains(&format!("\t{protocol} mode=transport "))
        );
        a.flush();
        b.flush();
    }
}

/// What PF_KEY has no room for: 64 bits of sequence number and a window of 128 packets.
#[test]
fn extended_sequence_numbers() {
    let sites = Sites::with_dialect(&V4, "freebsd");
    let tunnel = Tunnel::new(&V4, AES_GCM);
    let sas = tunnel.sas.replace("-E", "-esn -r 16 -E");
    sites.gateway_a.load(&(tunnel.policies_a + &sas));
    sites.gateway_b.load(&(tunnel.policies_b + &sas));
    assert!(sites.host_a.ping("10.2.0.2"));
    let state = Outcome::success(sites.gateway_a.command("ip").args(["xfrm", "state"]));
    assert!(state.contains("flag esn") && state.contains("replay_window 128"), "{state}");
}

/// Pings pass a tunnel of each IP version, and nothing but ESP is seen between the gateways.
fn protects(algorithms: &str) {
    for addresses in [&V4, &V6] {
        let sites = Sites::with_dialect(addresses, "freebsd");
        let tunnel = Tunnel::new(addresses, algorithms);
        let packets = Story {
            ends: [(&sites.gateway_a, &tunnel.policies_a), (&sites.gateway_b, &tunnel.policies_b)],
            sas: &tunnel.sas,
            ping: (&sites.host_a, &addresses.b.bare(2)),
            wire: &Wire::tap(&sites.gateway_a, "gateway-b"),
        }
        .print();
        for packet in packets {
            assert_eq!((packet.version, &packet.protocols[..]), (addresses.version, &[ESP][..]));
        }
    }
}

/// The scripts of a tunnel between the gateways, as on FreeBSD: no SA has the mode tunnel.
struct Tunnel {
    policies_a: String,
    policies_b: String,
    sas: String,
}

impl Tunnel {
    fn new(addresses: &Addresses, algorithms: &str) -> Self {
        let (a, b) = (addresses.a.with_length(0), addresses.b.with_length(0));
        let (from, to) = (addresses.between.bare(1), addresses.between.bare(2));
        let policies = |to_b, to_a| {
            format!(
                "
                spdadd {a} {b} any -P {to_b} ipsec esp/tunnel/{from}-{to}/require;
                spdadd {b} {a} any -P {to_a} ipsec esp/tunnel/{to}-{from}/require;
                "
            )
        };
        let sas = format!(
            "
            add {from} {to} esp 0x1000 {algorithms};
            add {to} {from} esp 0x1001 {algorithms};
            "
        );
        Self { policies_a: policies("out", "in"), policies_b: policies("in", "out"), sas }
    }
}
