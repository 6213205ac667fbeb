mod large;

use explain::Reason;
use model::{
    Action, Direction, IpVersion, KernelDefault, Key, Keyed, Mark, Prefix, ReqId, SaField, Spi,
};

use super::*;
use crate::{
    IcmpKind, NetworkCounters,
    testing::{
        addr, between, capture, capture_esp, count, healthy, policy, sa, template, transform,
        tunnel, tunnel_sa,
    },
};

/// The code of the first cause, and how many there are.
fn first(observation: &Observation) -> (&'static str, usize) {
    let findings = diagnose(observation, None, None);
    (findings.first().map_or("", |it| it.cause.code()), findings.len())
}

const UDP: [u8; 8] = [0, 10, 0, 53, 0, 8, 0, 0];

#[test]
fn what_works_has_no_cause() {
    assert_eq!(first(&Observation::default()), ("", 0));
    let mut observation = healthy();
    transform(&mut observation, 0x1001, 5);
    transform(&mut observation, 0x1002, 5);
    capture_esp(&mut observation, 1, 2, 0x1001, 5);
    capture_esp(&mut observation, 2, 1, 0x1002, 5);
    assert_eq!(first(&observation), ("", 0));
    assert_eq!(observation.transformed(), (5, 5));
    assert_eq!(silences(&observation), []);
    // What was counted before does not matter.
    count(&mut observation, &[(Counter::InNoStates, 7)]);
    observation.before.counters = observation.after.counters.clone();
    assert_eq!(first(&observation), ("", 0));
}

#[test]
fn an_sa_that_lacks_is_named_by_its_policy() {
    let mut observation = healthy();
    observation.after.tables.sas.remove(0);
    assert!(matches!(
        diagnose(&observation, None, None)[..],
        [Conclusion { cause: Cause::NoSa { near: None, .. }, packets: 0, .. }]
    ));
    count(&mut observation, &[(Counter::OutNoStates, 3)]);
    let findings = diagnose(&observation, None, None);
    assert_eq!((findings.len(), findings[0].packets), (1, 3));
    // A key manager adds SAs when they are needed.
    count(&mut observation, &[]);
    observation.host.has_key_manager = true;
    assert_eq!(first(&observation), ("", 0));
}

#[test]
fn the_field_that_differs_is_named() {
    let differing = |change: fn(&mut model::Sa)| {
        let mut observation = healthy();
        change(&mut observation.after.tables.sas[0].sa);
        count(&mut observation, &[(Counter::OutNoStates, 1)]);
        match diagnose(&observation, None, None)[0].cause {
            Cause::NoSa { near: Some((_, field)), .. } => field,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(differing(|sa| sa.reqid = ReqId::new(7)), Some(SaField::ReqId));
    assert_eq!(differing(|sa| sa.mark = Mark { value: 1, mask: 1 }), Some(SaField::Mark));
    assert_eq!(differing(|sa| sa.mode = model::Mode::Tunnel.into()), Some(SaField::Mode));
}

#[test]
fn an_unknown_spi_is_named_with_the_sa_that_is_there_instead() {
    let mut observation = healthy();
    count(&mut observation, &[(Counter::InNoStates, 4)]);
    let without = diagnose(&observation, None, None);
    assert!(matches!(without[0].cause, Cause::UnknownSpi { arrival: None, .. }));
    capture_esp(&mut observation, 2, 1, 0x2000, 4);
    let findings = diagnose(&observation, None, None);
    let Cause::UnknownSpi { arrival: Some(arrival), near: Some(near), .. } = &findings[0].cause
    else {
        panic!("{findings:?}")
    };
    assert_eq!((arrival.spi, near.sa.sa.spi, near.field), (Spi(0x2000), Spi(0x1002), SaField::Spi));
    assert_eq!((findings.len(), findings[0].packets), (1, 4));
    // An SA that packets have used is not the one that they should use.
    transform(&mut observation, 0x1002, 1);
    let findings = diagnose(&observation, None, None);
    assert!(matches!(findings[0].cause, Cause::UnknownSpi { near: None, .. }));
}

#[test]
fn packets_for_other_hosts_do_not_matter() {
    let mut observation = healthy();
    count(&mut observation, &[(Counter::InNoStates, 1)]);
    capture_esp(&mut observation, 2, 9, 0x2000, 4);
    let findings = diagnose(&observation, None, None);
    assert!(matches!(findings[0].cause, Cause::UnknownSpi { arrival: None, .. }));
}

#[test]
fn failures_of_an_sa_are_its_own() {
    let failing = |change: fn(&mut model::SaStats), counter| {
        let mut observation = healthy();
        change(&mut observation.after.tables.sas[1].stats);
        count(&mut observation, &[(counter, 2)]);
        first(&observation)
    };
    let counter = Counter::InStateProtoError;
    assert_eq!(failing(|it| it.integrity_failed = 2, counter), ("integrity", 1));
    assert_eq!(failing(|it| it.replay = 2, Counter::InStateSeqError), ("replay", 1));
    assert_eq!(failing(|it| it.replay_window = 2, Counter::InStateSeqError), ("replay", 1));
    assert_eq!(failing(|_| (), counter), ("decryption", 1));
}

#[test]
fn a_key_of_encryption_is_suspected_when_packets_are_authentic() {
    let mut observation = healthy();
    let algorithm = model::Algorithm::by_name(model::AlgorithmKind::Crypt, "aes-cbc").unwrap();
    observation.after.tables.sas[1].sa.crypt = Some(Keyed::new(algorithm, Key::new(vec![1; 16])));
    transform(&mut observation, 0x1002, 3);
    observation.after.network =
        NetworkCounters { unknown_protocol: 2, ..NetworkCounters::default() };
    assert_eq!(first(&observation), ("decryption", 1));
}

#[test]
fn packets_in_clear_are_not_those_of_another_sa() {
    let mut observation = healthy();
    count(&mut observation, &[(Counter::InTmplMismatch, 2)]);
    capture(&mut observation, 17, 2, 1, &UDP, 2);
    assert_eq!(first(&observation), ("in-clear", 1));
    // By an SA of another reqid.
    let mut observation = healthy();
    observation.after.tables.policies[1] = between(Direction::In, 2, 1, template(9));
    observation.after.tables.sas[1].sa.reqid = ReqId::new(7);
    count(&mut observation, &[(Counter::InTmplMismatch, 2)]);
    transform(&mut observation, 0x1002, 2);
    capture_esp(&mut observation, 2, 1, 0x1002, 2);
    let findings = diagnose(&observation, None, None);
    assert!(
        matches!(findings[0].cause, Cause::Mismatch { field: Some(SaField::ReqId), .. }),
        "{findings:?}"
    );
}

/// Two gateways, of which this is the one at 10.0.0.1 that has 10.0.1.0/24 behind it.
fn gateway() -> Observation {
    let mut observation = healthy();
    let net = |third: u8| Prefix::new([10, 0, third, 0].into(), Some(24)).unwrap();
    let ipsec = |template| Action::Ipsec(vec![template]);
    observation.after.tables.policies = vec![
        policy(Direction::Out, net(1), net(2), ipsec(tunnel(1, 2))),
        policy(Direction::In, net(2), net(1), ipsec(tunnel(2, 1))),
        policy(Direction::Fwd, net(2), net(1), ipsec(tunnel(2, 1))),
    ];
    observation.after.tables.sas = vec![tunnel_sa(0x1001, 1, 2), tunnel_sa(0x1002, 2, 1)];
    observation.before.tables = observation.after.tables.clone();
    observation.host.forwards = vec![IpVersion::V4];
    observation
}

#[test]
fn a_gateway_without_fwd_is_found_with_and_without_packets() {
    let mut observation = gateway();
    assert_eq!(first(&observation), ("", 0));
    observation.after.tables.policies.remove(2);
    assert_eq!(first(&observation), ("no-fwd-policy", 1));
    count(&mut observation, &[(Counter::InNoPols, 2)]);
    transform(&mut observation, 0x1002, 2);
    let findings = diagnose(&observation, None, None);
    assert_eq!(
        (findings.len(), findings[0].packets, findings[0].cause.code()),
        (1, 2, "no-fwd-policy")
    );
    observation.after.tables.policies.remove(1);
    assert_eq!(first(&observation), ("no-in-policy", 1));
    // A host that forwards nothing needs no policy for it.
    let mut host = gateway();
    host.after.tables.policies.remove(2);
    host.host.forwards.clear();
    assert_eq!(first(&host), ("", 0));
    host.after.network = NetworkCounters { not_local: 2, ..NetworkCounters::default() };
    transform(&mut host, 0x1002, 2);
    assert_eq!(first(&host), ("no-forwarding", 1));
}

#[test]
fn an_sa_that_has_expired_is_not_only_missing() {
    let mut observation = healthy();
    let gone = observation.after.tables.sas.remove(0);
    observation.expired.push(gone);
    count(&mut observation, &[(Counter::OutNoStates, 3)]);
    assert_eq!(first(&observation), ("expired", 1));
    // It was replaced.
    observation.after.tables.sas.push(sa(0x1003, 1, 2));
    count(&mut observation, &[]);
    assert_eq!(first(&observation), ("", 0));
}

#[test]
fn default_policies_and_discards() {
    let mut observation = Observation::default();
    observation.host.local = vec![addr(1)];
    capture(&mut observation, 17, 2, 1, &UDP, 2);
    observation.after.tables.kernel_default = KernelDefault::of(|it| it == Direction::In);
    count(&mut observation, &[(Counter::InNoPols, 2)]);
    assert_eq!(first(&observation), ("default-policy", 1));
    observation.after.tables.kernel_default = KernelDefault::of(|it| it == Direction::Out);
    count(&mut observation, &[]);
    assert_eq!(first(&observation), ("default-policy", 1));
    observation.after.tables.kernel_default = KernelDefault::default();
    observation.after.tables.catch_alls = vec![(IpVersion::V4, Direction::In)];
    count(&mut observation, &[(Counter::InPolBlock, 2)]);
    assert_eq!(first(&observation), ("default-policy", 1));
    let all = Prefix::everything(IpVersion::V4);
    observation.after.tables.policies = vec![policy(Direction::In, all, all, Action::Discard)];
    assert_eq!(first(&observation), ("discard", 1));
}

#[test]
fn what_ip_drops_is_found() {
    let mut observation = healthy();
    observation.after.network = NetworkCounters { reverse_path: 2, ..NetworkCounters::default() };
    assert_eq!(first(&observation), ("rp-filter", 1));
    // Packets arrive and are not counted.
    let mut observation = healthy();
    capture_esp(&mut observation, 2, 1, 0x1002, 3);
    assert_eq!(first(&observation), ("not-received", 1));
    // Packets are counted and do not leave.
    let mut observation = healthy();
    transform(&mut observation, 0x1001, 3);
    assert_eq!(first(&observation), ("not-sent", 1));
    observation.seen = None;
    assert_eq!(first(&observation), ("", 0));
    assert_eq!(silences(&observation).len(), 1);
}

#[test]
fn icmp_about_an_sa_is_a_cause() {
    let report = |message: [u8; 8]| {
        let mut observation = healthy();
        transform(&mut observation, 0x1001, 1);
        capture_esp(&mut observation, 1, 2, 0x1001, 1);
        let mut payload = message.to_vec();
        payload.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        payload.extend([0, 0, 0x10, 1, 0, 0, 0, 1]);
        capture(&mut observation, 1, 9, 1, &payload, 2);
        let findings = diagnose(&observation, None, None);
        findings.into_iter().map(|it| format!("{:?}", it.cause)).collect::<Vec<_>>()
    };
    let [prohibited] = &report([3, 13, 0, 0, 0, 0, 0, 0])[..] else { panic!("one cause") };
    assert!(prohibited.contains(&format!("{:?}", IcmpKind::Prohibited)), "{prohibited}");
    let [too_big] = &report([3, 4, 0, 0, 0, 0, 5, 0x78])[..] else { panic!("one cause") };
    assert!(too_big.contains("mtu: Some(1400)"), "{too_big}");
}

#[test]
fn a_counter_that_no_rule_explains_is_a_cause() {
    let mut observation = healthy();
    count(&mut observation, &[(Counter::InIptfsError, 1), (Counter::OutNoStates, 9)]);
    let findings = diagnose(&observation, None, None);
    let counters: Vec<_> = findings.iter().map(|it| it.cause.clone()).collect();
    assert_eq!(
        counters,
        [Cause::Counted(Counter::OutNoStates), Cause::Counted(Counter::InIptfsError)]
    );
}

#[test]
fn an_sa_refuses_packets_of_another_encapsulation() {
    let mut observation = healthy();
    observation.after.tables.sas[1].sa.encap = Some(model::Encap {
        kind: model::EncapKind::EspInUdp,
        src_port: None,
        dst_port: None,
        original: None,
    });
    count(&mut observation, &[(Counter::InStateMismatch, 3)]);
    capture_esp(&mut observation, 2, 1, 0x1002, 3);
    let findings = diagnose(&observation, None, None);
    assert!(matches!(
        findings[..],
        [Conclusion { cause: Cause::Refused(_, Reason::Encapsulation), .. }]
    ));
}

#[test]
fn a_subject_leaves_out_what_is_not_about_it() {
    let mut observation = healthy();
    observation.after.tables.sas.clear();
    let mut third = between(Direction::Out, 1, 3, template(0));
    third.index = 17;
    observation.after.tables.policies.push(third);
    let about = |subject| diagnose(&observation, Some(subject), None).len();
    assert_eq!(about(Subject::Peer(addr(2))), 2);
    assert_eq!(about(Subject::Peer(addr(3))), 1);
    assert_eq!(about(Subject::Peer(addr(4))), 0);
    assert_eq!(about(Subject::Policy(8)), 1);
    assert_eq!(about(Subject::Spi(Spi(0x1001))), 0);
}

/// A policy of action `none` comes first, or the device has `disable_xfrm`.
#[test]
fn what_leaves_in_clear_has_its_cause() {
    let mut observation = healthy();
    observation.after.tables.policies.remove(0);
    capture(&mut observation, 17, 1, 2, &UDP, 2);
    assert_eq!(first(&observation).0, "no-out-policy");
    let net = Prefix::new(addr(0), Some(24)).unwrap();
    observation.after.tables.policies.push(policy(Direction::Out, net, net, Action::None));
    assert_eq!(first(&observation), ("passes-in-clear", 1));
    observation.after.tables.policies.push(policy(Direction::In, net, net, Action::None));
    observation.after.tables.policies.remove(0);
    assert_eq!(first(&observation), ("", 0));

    let mut observation = healthy();
    capture(&mut observation, 17, 1, 2, &UDP, 2);
    let device = "eth0".parse().unwrap();
    observation.seen.as_mut().unwrap()[0].packet.device = Some(device);
    assert_eq!(first(&observation), ("", 0));
    observation.host.without_xfrm.insert(device);
    assert_eq!(first(&observation), ("disable-xfrm", 1));
}
