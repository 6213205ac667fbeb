use model::{Action, Mode, Prefix, Template};

use super::*;
use crate::{
    NetworkCounters, Observation, ObservedRoute, diagnose, silences,
    testing::{addr, capture, count, policy, transform, tunnel, tunnel_sa},
};

const NOTHING_ELSE: NetworkCounters = NetworkCounters {
    reverse_path: 0,
    too_big: 0,
    not_local: 0,
    out_no_routes: [0, 0],
    in_no_routes: 0,
    checksums: 0,
    unknown_protocol: 0,
    no_port: 0,
};

/// A gateway at 10.0.0.1 with hosts from 10.0.0.64 behind it; those of the peer are from 10.0.0.128.
fn gateway(template: Template) -> Observation {
    let [own, other] = [64, 128].map(|first| Prefix::new(addr(first), Some(26)).expect("a prefix"));
    let of =
        |direction, src, dst, template| policy(direction, src, dst, Action::Ipsec(vec![template]));
    let mut observation = Observation::default();
    observation.host.local = vec![addr(1)];
    observation.host.forwards = vec![IpVersion::V4];
    observation.after.tables.policies = vec![
        of(Direction::Out, own, other, template),
        of(Direction::Fwd, other, own, tunnel(2, 1)),
        of(Direction::In, other, own, tunnel(2, 1)),
    ];
    observation.after.tables.sas = vec![tunnel_sa(0x1001, 1, 2), tunnel_sa(0x1002, 2, 1)];
    observation.before.tables = observation.after.tables.clone();
    observation.seen = Some(Vec::new());
    transform(&mut observation, 0x1002, 3);
    observation
}

fn codes(observation: &Observation) -> Vec<&'static str> {
    diagnose(observation, None, None).iter().map(|it| it.cause.code()).collect()
}

const PING: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn packets_without_a_route_are_named_with_their_policy() {
    let mut observation = gateway(tunnel(1, 2));
    observation.after.network = NetworkCounters { in_no_routes: 3, ..NOTHING_ELSE };
    // From the tunnel, and for it.
    for (src, dst, direction) in [(130, 70, Direction::Fwd), (70, 130, Direction::Out)] {
        let mut observation = observation.clone();
        capture(&mut observation, 1, src, dst, &PING, 3);
        assert_eq!(codes(&observation), [""; 0]);
        observation.host.routes.insert(addr(dst), None);
        match diagnose(&observation, None, None)[..] {
            [
                Conclusion {
                    cause: Cause::NoRouteOf { policy, flow: Some(_), .. },
                    packets: 3,
                    ..
                },
            ] => {
                assert_eq!(policy.policy.id.direction, direction);
            }
            ref other => panic!("{other:?}"),
        }
    }
    // Packets of this host are not captured, and those of the other IP version do not count.
    observation.host.routes.insert(addr(128), None);
    observation.after.network = NetworkCounters { out_no_routes: [0, 7], ..NOTHING_ELSE };
    assert_eq!(codes(&observation), [""; 0]);
    observation.after.network = NetworkCounters { out_no_routes: [7, 0], ..NOTHING_ELSE };
    assert_eq!(codes(&observation), ["no-route"]);
    observation.after.network = NetworkCounters { out_no_routes: [7, 5], ..NOTHING_ELSE };
    assert_eq!(diagnose(&observation, None, None)[0].packets, 7);
}

#[test]
fn what_is_forwarded_has_to_be_answered() {
    let forwarded = |upper: u8, payload: [u8; 8], times| {
        let mut observation = gateway(tunnel(1, 2));
        capture(&mut observation, upper, 130, 70, &payload, times);
        let seen = observation.seen.iter_mut().flatten().last().expect("a packet");
        seen.packet.is_outgoing = true;
        observation
    };
    let mut observation = forwarded(1, PING, 3);
    assert_eq!(codes(&observation), ["no-answer"]);
    capture(&mut observation, 1, 70, 130, &[0; 8], 1);
    assert_eq!(codes(&observation), [""; 0]);
    // One may be on its way, and UDP may be answered or not.
    assert_eq!(codes(&forwarded(1, PING, 1)), [""; 0]);
    assert_eq!(codes(&forwarded(17, [0, 10, 0, 53, 0, 8, 0, 0], 9)), [""; 0]);
}

#[test]
fn a_tunnel_from_another_host_has_no_route() {
    for (own, code) in [(1, "no-route"), (9, "wrong-source")] {
        let mut observation = gateway(tunnel(own, 2));
        observation.after.tables.sas[0] = tunnel_sa(0x1001, own, 2);
        assert_eq!(codes(&observation), [""; 0]);
        count(&mut observation, &[(Counter::OutBundleGenError, 2)]);
        assert_eq!(codes(&observation), [code]);
    }
    // An SA from the right address does not help.
    let mut observation = gateway(tunnel(9, 2));
    count(&mut observation, &[(Counter::OutNoStates, 2)]);
    let route = ObservedRoute { device: None, gateway: None, src: Some(addr(1)) };
    observation.host.routes.insert(addr(2), Some(route));
    match diagnose(&observation, None, None)[..] {
        [Conclusion { cause: Cause::WrongSource { own, .. }, .. }] => {
            assert_eq!(own, Some(addr(1)));
        }
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_by_another_sa_is_one() {
    let mut observation = gateway(tunnel(9, 2));
    observation.after.tables.sas[0] = tunnel_sa(0x1001, 9, 2);
    transform(&mut observation, 0x1001, 3);
    assert_eq!(silences(&observation), []);
    observation.before.tables = observation.after.tables.clone();
    transform(&mut observation, 0x1001, 3);
    assert_eq!(silences(&observation).len(), 1);
}

#[test]
fn checksums_and_packets_in_packets_show_another_mode() {
    let there = |own: Mode, upper: Option<u8>, checksums| {
        let mut observation = gateway(tunnel(1, 2));
        observation.after.tables.sas[1].sa.mode = own.into();
        observation.after.network = NetworkCounters { checksums, ..NOTHING_ELSE };
        if let Some(upper) = upper {
            capture(&mut observation, upper, 130, 1, &[0; 8], 2);
        }
        let findings = diagnose(&observation, None, None);
        findings.iter().find_map(|it| match it.cause {
            Cause::Mode { there, .. } => there,
            _ => None,
        })
    };
    assert_eq!(there(Mode::Beet, None, 0), None);
    assert_eq!(there(Mode::Beet, Some(4), 0), Some(Mode::Tunnel));
    assert_eq!(there(Mode::Beet, None, 2), Some(Mode::Transport));
    assert_eq!(there(Mode::Transport, None, 2), Some(Mode::Beet));
    assert_eq!(there(Mode::Tunnel, None, 2), None);
}

/// Neither names the SA, and anyone may send them.
#[test]
fn another_mode_is_suspected_of_the_only_sa_and_behind_other_causes() {
    let mut observation = gateway(tunnel(1, 2));
    observation.after.tables.sas[1].sa.mode = Mode::Beet.into();
    observation.after.network = NetworkCounters { checksums: 9, ..NOTHING_ELSE };
    capture(&mut observation, 4, 130, 1, &[0; 8], 9);
    // Of the template's mode there is none.
    assert_eq!(codes(&observation), ["mode", "mode", "no-sa"]);
    count(&mut observation, &[(Counter::OutBundleGenError, 1)]);
    assert_eq!(codes(&observation), ["no-route", "mode", "mode", "no-sa"]);
    let mut other = tunnel_sa(0x1003, 3, 1);
    other.current.packets = 1;
    observation.after.tables.sas.push(other);
    assert_eq!(codes(&observation), ["no-route", "no-sa"]);
}
