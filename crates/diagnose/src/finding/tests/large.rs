//! Large tables and many packets: how long it takes.

use std::net::IpAddr;

use super::*;

/// A gateway with tunnels to many networks, and the packets of many.
#[test]
fn large_tables_take_seconds() {
    const PEERS: u32 = 100;
    const NETWORKS: u32 = 10;
    let own = addr(1);
    let peer = |number: u32| IpAddr::from((172 << 24 | number).to_be_bytes());
    let ends = |from, to| model::AddressPair::new(from, to).unwrap();
    let pairs = |number| [(Direction::Out, own, peer(number)), (Direction::In, peer(number), own)];
    let mut observation = Observation::default();
    observation.host.local = vec![own];
    observation.host.forwards = vec![IpVersion::V4];
    for number in 0..PEERS {
        for (direction, src, dst) in pairs(number) {
            let mode = model::TemplateMode::Tunnel(ends(src, dst));
            let template = model::Template { mode, ..tunnel(1, 2) };
            let far = |net: u32| {
                let first = (11 << 24) + (number * NETWORKS + net) * 256;
                Prefix::new(IpAddr::from(first.to_be_bytes()), Some(24)).unwrap()
            };
            let near = Prefix::new([10, 0, 0, 0].into(), Some(8)).unwrap();
            let of = |net| match direction {
                Direction::Out => (near, far(net)),
                Direction::In | Direction::Fwd => (far(net), near),
            };
            let policies = (0..NETWORKS).map(of);
            let policies = policies
                .map(|(src, dst)| policy(direction, src, dst, Action::Ipsec(vec![template])));
            observation.after.tables.policies.extend(policies);
            let mut entry = tunnel_sa(number + 256, 1, 2);
            entry.sa.ends = ends(src, dst);
            entry.current.packets = 7;
            observation.after.tables.sas.push(entry);
        }
    }
    for number in 0..4096u32 {
        let [.., third, fourth] = number.to_be_bytes();
        let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 11, 0, third, fourth];
        bytes.extend([10, 0, 0, 1, 0, 10, 0, 53, 0, 8, 0, 0]);
        let packet = crate::SeenPacket::read(&bytes, false, None).unwrap();
        observation.seen.get_or_insert_default().push(crate::Seen { packet, count: 1 });
    }
    let counters = [Counter::InTmplMismatch, Counter::OutNoStates, Counter::InNoPols];
    count(&mut observation, &counters.map(|it| (it, 9000)));
    let begin = std::time::Instant::now();
    let findings = diagnose(&observation, None, None);
    assert!(!findings.is_empty() && findings.len() <= 3000);
    // Without a bound it has taken minutes.
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

/// A message of an outsider that a gateway has no route to this destination, about a packet that a policy protects.
fn no_route(number: u16) -> crate::Seen {
    let [third, fourth] = number.to_be_bytes();
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1];
    bytes.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 11, 0, third, fourth]);
    bytes.extend(UDP);
    crate::Seen { packet: crate::SeenPacket::read(&bytes, false, None).unwrap(), count: 1 }
}

#[test]
fn look_ups_for_messages_of_outsiders_are_limited() {
    let mut observation = healthy();
    let net = Prefix::new([11, 0, 0, 0].into(), Some(8)).unwrap();
    observation.after.tables.policies[0] =
        policy(Direction::Out, Prefix::host(addr(1)), net, Action::Ipsec(vec![tunnel(1, 2)]));
    observation.after.tables.sas[0] = tunnel_sa(0x1001, 1, 2);
    let looked_up = |messages| {
        let mut observation = observation.clone();
        observation.seen = Some((0..messages).map(no_route).collect());
        let findings = diagnose(&observation, None, None);
        findings.iter().filter(|it| matches!(it.cause, Cause::Unreachable { .. })).count()
    };
    assert_eq!(looked_up(9), 9);
    assert_eq!(looked_up(4096), crate::context::MOST_LOOK_UPS);
}

#[test]
fn silences_of_many_sas_take_seconds() {
    const PEERS: u32 = 10_000;
    let mut observation = Observation::default();
    let own = addr(1);
    observation.host.local = vec![own];
    for number in 0..PEERS {
        let [sending, answering] =
            [172, 173].map(|net: u32| IpAddr::from((net << 24 | number).to_be_bytes()));
        for (src, dst) in [(own, sending), (answering, own)] {
            let mut entry = sa(number + 256, 1, 2);
            entry.sa.ends = model::AddressPair::new(src, dst).unwrap();
            entry.current.packets = 7;
            observation.after.tables.sas.push(entry);
        }
    }
    let begin = std::time::Instant::now();
    assert_eq!(silences(&observation).len(), PEERS as usize);
    // Pair by pair it has taken a minute.
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}
