//! Faults that are planted one at a time in tunnels that work: each drop is attributed to the policy or SA.

use scenarios::report_skipped;
use serde_json::Value;

use super::lab::{Lab, alone, first, has_drop_monitor, policies, sas, trace};

/// A fault, how it is planted and seen, and what of the drop names it.
struct Fault {
    name: &'static str,
    plant: fn(&Lab),
    send: fn(&Lab),
    /// The counters that are raised, the reason of the kernel otherwise.
    counted: &'static str,
    /// The direction of the policy.
    policy: Option<&'static str>,
    /// The SPI of an SA, or of a header without one.
    spi: Option<u32>,
    /// A part of the message, the remedy or an SA that nearly serves.
    part: &'static str,
}

const OUTBOUND: u32 = 0x1002;
const INBOUND: u32 = 0x1001;

fn to_the_gateway(lab: &Lab) {
    let _ = lab.ping("10.2.0.5");
}

fn through_the_gateway(lab: &Lab) {
    let _ = lab.ping("10.2.1.9");
}

/// The SAs of the traced host with something in place of something else.
fn with(lab: &Lab, from: &str, to: &str) {
    lab.replace_sas(&sas().replace(from, to));
}

/// The faults that counters and SAs show by themselves.
const COUNTED: [Fault; 6] = [
    Fault {
        name: "the SA for out is missing",
        plant: |lab| lab.b.ip("xfrm state delete src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1002"),
        send: |lab| _ = lab.b.ping("-I 10.2.0.5 10.1.0.5"),
        counted: "XfrmOutNoStates",
        policy: Some("out"),
        spi: None,
        part: "add 192.0.2.2 192.0.2.1 esp SPI -m tunnel KEYS;",
    },
    Fault {
        name: "the keys differ",
        plant: |lab| with(lab, "twenty bytes", "TWENTY BYTES"),
        send: to_the_gateway,
        counted: "XfrmInStateProtoError",
        policy: None,
        spi: Some(INBOUND),
        part: "keys",
    },
    Fault {
        name: "the peer has no policy",
        plant: |lab| drop(lab.a.setkey("-FP")),
        send: to_the_gateway,
        counted: "XfrmInTmplMismatch",
        policy: Some("in"),
        spi: None,
        part: "policy",
    },
    Fault {
        name: "the policy demands another reqid",
        plant: |lab| {
            let _ = lab.b.setkey("-FP");
            lab.b.load(&policies("in", "out").replace("require", "unique:9"));
        },
        send: to_the_gateway,
        counted: "XfrmInTmplMismatch",
        policy: Some("in"),
        spi: Some(INBOUND),
        part: "reqid",
    },
    Fault {
        name: "the SA has expired",
        plant: |lab| with(lab, "0x1001 -m", "0x1001 -bh 100 -bs 90 -m"),
        send: to_the_gateway,
        counted: "XfrmInStateExpired",
        policy: None,
        spi: Some(INBOUND),
        part: "limit",
    },
    Fault {
        name: "packets are received twice",
        plant: |lab| {
            (0..3).for_each(|_| assert!(lab.ping("10.2.0.5")));
            // It begins with the first sequence number again.
            let _ = lab.a.setkey("-F");
            lab.a.load(&sas());
        },
        send: to_the_gateway,
        counted: "XfrmInStateSeqError",
        policy: None,
        spi: Some(INBOUND),
        part: "replay",
    },
];

/// The faults whose packets show what is wrong.
const BY_PACKETS: [Fault; 7] = [
    Fault {
        name: "the SA for out is missing, for a packet of another host",
        plant: COUNTED[0].plant,
        send: |lab| _ = lab.c.ping("10.1.0.5"),
        counted: "XfrmOutNoStates",
        policy: Some("out"),
        spi: None,
        part: "add 192.0.2.2 192.0.2.1 esp SPI -m tunnel KEYS;",
    },
    Fault {
        name: "the peer uses another SPI",
        plant: |lab| with(lab, "0x1001", "0x1009"),
        send: to_the_gateway,
        counted: "XfrmInNoStates",
        policy: None,
        spi: Some(INBOUND),
        part: "no SA has its SPI",
    },
    Fault {
        name: "the policy for fwd is missing",
        plant: |lab| lab.b.ip("xfrm policy delete src 10.1.0.0/16 dst 10.2.0.0/16 dir fwd"),
        send: through_the_gateway,
        counted: "XfrmInNoPols",
        policy: None,
        spi: Some(INBOUND),
        part: "-P fwd ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;",
    },
    Fault {
        name: "the SA has a mark",
        plant: |lab| with(lab, "-m tunnel", "-m tunnel -mark 1/1"),
        send: to_the_gateway,
        counted: "XfrmInNoStates",
        policy: None,
        spi: Some(INBOUND),
        part: r#""mark":{"value":1,"mask":1}"#,
    },
    Fault {
        name: "the packet is too long",
        plant: |_| (),
        send: |lab| {
            // It has received a notice of the MTU, and would send no packet.
            lab.c.ip("route flush cache");
            let _ = lab.c.ping("-M do -s 1472 10.1.0.5");
        },
        counted: "PKT_TOO_BIG",
        policy: Some("out"),
        spi: Some(OUTBOUND),
        part: "MTU",
    },
    Fault {
        name: "the kernel's default policy discards",
        plant: |lab| lab.b.ip("xfrm policy setdefault in block"),
        send: |lab| _ = lab.a.ping("192.0.2.2"),
        counted: "XfrmInNoPols",
        policy: None,
        spi: None,
        part: "the kernel's default policy is block",
    },
    Fault {
        name: "the reverse path is another",
        plant: |lab| {
            lab.b.ip("xfrm policy setdefault in accept\nroute add 192.0.2.1/32 via 10.2.1.9");
            let filter = "for i in all a; do echo 1 >/proc/sys/net/ipv4/conf/$i/rp_filter; done";
            assert_eq!(scenarios::Outcome::of(lab.b.command("sh").args(["-c", filter])).status, 0);
        },
        send: to_the_gateway,
        counted: "IP_RPFILTER",
        policy: None,
        spi: Some(INBOUND),
        part: "rp_filter",
    },
];

/// The first drop of a fault, which must name it.
fn check(lab: &Lab, fault: &Fault, options: &str) -> Value {
    println!("{}", fault.name);
    lab.heal();
    (fault.plant)(lab);
    let traced = trace(&lab.b, options);
    let dropped = first(&traced, || (fault.send)(lab));
    let Fault { name, counted, policy, spi, part, .. } = *fault;
    let reason =
        if counted.starts_with("Xfrm") { &dropped["counters"][0] } else { &dropped["reason"] };
    assert_eq!(reason, counted, "{name}: {dropped:#}");
    assert_eq!(dropped["policies"][0]["direction"].as_str(), policy, "{name}: {dropped:#}");
    let sas = dropped["sas"].to_string() + &dropped["near"].to_string();
    let has_spi = |spi: u32| dropped["spis"][0] == spi || sas.contains(&format!("\"spi\":{spi},"));
    assert!(spi.is_none_or(has_spi), "{name}: {dropped:#}");
    assert!(dropped.to_string().contains(part), "{name}: no {part}: {dropped:#}");
    dropped
}

#[test]
fn each_packet_is_attributed() {
    let _alone = alone();
    if !has_drop_monitor() {
        report_skipped("packets of planted faults: this kernel has no drop monitor");
        return;
    }
    let lab = Lab::new();
    for fault in COUNTED[1..].iter().chain(&BY_PACKETS) {
        let dropped = check(&lab, fault, "--count 1 --seconds 60");
        assert_eq!(dropped["kind"], "packet", "{}: {dropped:#}", fault.name);
    }
    // The kernel makes no packet of its own that it has no SA for.
    check(&lab, &COUNTED[0], "--count 1 --seconds 60");
}

#[test]
fn counters_name_the_sa_without_a_drop_monitor() {
    let _alone = alone();
    if has_drop_monitor() {
        report_skipped("counters instead of packets: this kernel has a drop monitor");
        return;
    }
    let lab = Lab::new();
    for fault in &COUNTED {
        let dropped = check(&lab, fault, "--count 1 --seconds 60");
        assert_eq!(dropped["kind"], "counted", "{}: {dropped:#}", fault.name);
    }
}
