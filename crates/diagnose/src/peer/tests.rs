use model::{Action, Algorithm, AlgorithmKind, Level, Prefix, TemplateMode};

use super::*;
use crate::testing::{addr, between, healthy, policy, sa, template};
use crate::{Cause, Conclusion, Observation};

/// The tables of the peer of `healthy`.
fn mirrored_tables() -> PeerTables {
    let observation = healthy();
    let tables = &observation.after.tables;
    let mut peer = PeerTables::of(&tables.sas, &tables.policies);
    for policy in &mut peer.policies {
        policy.direction = policy.direction.at_other_end();
    }
    peer
}

fn found(observation: &Observation, peer: &PeerTables) -> Vec<String> {
    let name = |finding: Conclusion<'_>| match finding.cause {
        Cause::Peer(PeerDifference::SaLacksThere(sa, near)) => {
            format!("lacks {:#x} {near:?}", sa.sa.spi.0)
        }
        Cause::Peer(PeerDifference::SaLacksHere(end, near)) => {
            format!("has {:#x} {near:?}", end.spi.0)
        }
        Cause::Peer(PeerDifference::SaDiffers(sa, fields)) => {
            format!("differs {:#x} {fields:?}", sa.sa.spi.0)
        }
        Cause::Peer(PeerDifference::PolicyLacksThere(entry)) => {
            format!("no mirror of {}", entry.index)
        }
        Cause::Peer(PeerDifference::PolicyLacksHere(end)) => {
            format!("no mirror of its {:?}", end.direction)
        }
        Cause::Peer(PeerDifference::TemplatesDiffer(entry, _)) => {
            format!("templates of {}", entry.index)
        }
        other => format!("{other:?}"),
    };
    differences(observation, peer, None).into_iter().map(name).collect()
}

#[test]
fn mirrored_ends_do_not_differ() {
    assert_eq!(found(&healthy(), &mirrored_tables()), Vec::<String>::new());
}

#[test]
fn another_spi_is_named_at_both_ends() {
    let mut peer = mirrored_tables();
    peer.sas[0].spi = Spi(0x1009);
    let expected = ["lacks 0x1001 Some(Spi(4105))", "has 0x1009 Some(Spi(4097))"];
    assert_eq!(found(&healthy(), &peer), expected);
}

#[test]
fn each_field_of_an_sa_is_compared() {
    let keyed = |byte| {
        let algorithm = Algorithm::by_name(AlgorithmKind::Auth, "hmac-sha1").unwrap();
        Some(Keyed::new(algorithm, Key::new(vec![byte; 20])))
    };
    let mut observation = healthy();
    observation.after.tables.sas[0].sa.auth = keyed(1);
    let mut peer = mirrored_tables();
    let mut own = sa(0x1001, 1, 2).sa;
    own.auth = keyed(2);
    peer.sas[0] = EndSa::of(&own);
    assert_eq!(found(&observation, &peer), ["differs 0x1001 [Keys]"]);
    peer.sas[0].keys = vec![Key::default()];
    assert_eq!(found(&observation, &peer), Vec::<String>::new());
    (peer.sas[0].esn, peer.sas[0].mode) = (true, Mode::Tunnel);
    assert_eq!(found(&observation, &peer), ["differs 0x1001 [Mode, Esn]"]);
    peer.sas[0] = EndSa::of(&sa(0x1001, 1, 2).sa);
    assert_eq!(found(&observation, &peer), ["differs 0x1001 [Algorithms]"]);
}

#[test]
fn policies_are_mirrored() {
    let mut peer = mirrored_tables();
    let own = peer.policies.remove(1);
    assert_eq!(found(&healthy(), &peer), ["no mirror of 8"]);
    let ends = AddressPair::new(addr(2), addr(1)).unwrap();
    let tunnel =
        Template { mode: TemplateMode::Tunnel(ends), level: Level::Require, ..template(0) };
    peer.policies.push(EndPolicy { templates: vec![EndTemplate::of(&tunnel)], ..own });
    assert_eq!(found(&healthy(), &peer), ["templates of 8"]);
    let mut observation = healthy();
    observation.after.tables.policies.remove(0);
    let peer = mirrored_tables();
    assert_eq!(found(&observation, &peer), ["no mirror of its In"]);
}

/// What the peer has for others is its own.
#[test]
fn third_hosts_do_not_matter() {
    let mut peer = mirrored_tables();
    peer.sas.push(EndSa::of(&sa(0x2001, 2, 3).sa));
    let third = between(Direction::Out, 2, 3, template(0)).policy;
    peer.policies.extend(EndPolicy::of(&third));
    let mut observation = healthy();
    observation.after.tables.sas.push(sa(0x3001, 1, 4));
    observation.after.tables.policies.push(between(Direction::Out, 1, 4, template(0)));
    let discard = between(Direction::Out, 1, 2, template(0));
    assert!(EndPolicy::of(&Policy { action: Action::Discard, ..discard.policy }).is_none());
    assert_eq!(found(&observation, &peer), Vec::<String>::new());
}

/// Receivers choose SPIs: those of two hosts may be equal.
#[test]
fn an_spi_may_be_that_of_another_host_too() {
    let mut observation = healthy();
    observation.after.tables.sas.insert(0, sa(0x1001, 1, 4));
    let mut peer = mirrored_tables();
    peer.sas.insert(0, EndSa::of(&sa(0x1002, 2, 3).sa));
    assert_eq!(found(&observation, &peer), Vec::<String>::new());
    // With one wrong address it is the same.
    peer.sas[1] = EndSa::of(&sa(0x1001, 9, 2).sa);
    assert_eq!(found(&observation, &peer), ["differs 0x1001 [Ends]"]);
}

#[test]
fn large_tables_are_compared_in_time() {
    const POLICIES: u32 = 100_000;
    let tunnel = {
        let ends = AddressPair::new(addr(1), addr(2)).unwrap();
        Template { mode: TemplateMode::Tunnel(ends), level: Level::Require, ..template(0) }
    };
    let of = |number: u32| {
        let net = Prefix::new(IpAddr::from((10 << 24 | number).to_be_bytes()), Some(32)).unwrap();
        let all = Prefix::new([172, 16, 0, 0].into(), Some(12)).unwrap();
        policy(Direction::Out, all, net, Action::Ipsec(vec![tunnel]))
    };
    let mut observation = healthy();
    observation.after.tables.policies = (0..POLICIES).map(of).collect();
    let mut peer = PeerTables::of(&[], &observation.after.tables.policies);
    for policy in &mut peer.policies {
        policy.direction = Direction::In;
    }
    peer.policies.truncate(90_000);
    peer.sas = mirrored_tables().sas;
    let begin = std::time::Instant::now();
    let found = found(&observation, &peer);
    assert_eq!(found.len(), 1000);
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}
