use model::{
    Action, Direction, IpVersion, Mark, PolicyAddresses, PolicyFilter, PolicyHead, Prefix, Upper,
};

use super::*;
use crate::{
    Field, Selection,
    testing::{flow, policy, tables},
};

fn out(lengths: (u32, u32), index: u32) -> PolicyEntry {
    policy(Direction::Out, lengths, Action::None, index)
}

/// The index of the policy that is found; `policies` are oldest first.
fn found(mut policies: Vec<PolicyEntry>) -> Option<u32> {
    policies.reverse();
    match find_policy(&tables(policies, Vec::new()), Direction::Out, &flow()).found {
        Found::Policy(entry) => Some(entry.index),
        Found::CatchAll | Found::Nothing => None,
    }
}

#[test]
fn priority_is_before_age() {
    let first = |index| {
        let mut entry = out((8, 8), index);
        entry.policy.priority.0 = 50;
        entry
    };
    assert_eq!(found(vec![out((32, 32), 9), first(17)]), Some(17));
    assert_eq!(found(vec![out((0, 0), 9), out((32, 32), 17), out((24, 24), 25)]), Some(9));
    assert_eq!(found(vec![policy(Direction::In, (0, 0), Action::None, 8)]), None);
}

#[test]
fn a_replaced_policy_keeps_its_place_in_its_own_list() {
    let udp = |index| {
        let mut entry = out((32, 32), index);
        entry.policy.id.selector.upper = Upper::Number(17);
        entry
    };
    // The policy of index 9 was replaced, so that it is the newest.
    assert_eq!(found(vec![udp(17), out((32, 32), 9)]), Some(9));
    // In another list its age counts.
    assert_eq!(found(vec![udp(17), out((0, 0), 9)]), Some(17));
    let policies = tables(vec![out((32, 32), 9), udp(17)], Vec::new());
    let lookup = find_policy(&policies, Direction::Out, &flow());
    assert_eq!(lookup.rival.map(|entry| entry.index), Some(17));
}

#[test]
fn earlier_kernels_compare_the_place_in_a_list() {
    let find = |policies: Vec<PolicyEntry>| {
        let policies = policies.into_iter().rev().collect();
        let tables =
            Tables { policy_order: PolicyOrder::of_release(6, 1), ..tables(policies, Vec::new()) };
        let Found::Policy(entry) = find_policy(&tables, Direction::Out, &flow()).found else {
            panic!()
        };
        entry.index
    };
    let other = || {
        let mut entry = out((24, 24), 1);
        entry.policy.id.mark = Mark { value: 1, mask: 1 };
        entry
    };
    // The older policy is the first of those that are not in the hash table.
    assert_eq!(find(vec![out((0, 0), 9), out((32, 32), 17)]), 9);
    assert_eq!(find(vec![out((32, 32), 9), out((0, 0), 17)]), 17);
    // It is the second one.
    assert_eq!(find(vec![other(), out((0, 0), 9), out((32, 32), 17)]), 17);
}

/// A replaced policy hides which one is the first of those that are not in the hash table, also from a packet that it does not match.
#[test]
fn earlier_kernels_hide_the_order_after_a_policy_was_replaced() {
    let rival = |policies: Vec<PolicyEntry>, release| {
        let policies = policies.into_iter().rev().collect();
        let (major, minor) = release;
        let policy_order = PolicyOrder::of_release(major, minor);
        let tables = Tables { policy_order, ..tables(policies, Vec::new()) };
        find_policy(&tables, Direction::Out, &flow()).rival.map(|entry| entry.index)
    };
    let another_mark = |index| {
        let mut entry = out((24, 24), index);
        entry.policy.id.mark = Mark { value: 1, mask: 1 };
        entry
    };
    let (before, since) = ((6, 1), (6, 12));
    // The policy of index 1 was replaced. The found one is in the hash table, or is not.
    let replaced = || vec![out((0, 0), 9), out((32, 32), 17), another_mark(1)];
    assert_eq!([rival(replaced(), before), rival(replaced(), since)], [Some(9), None]);
    let first = |mut entry: PolicyEntry| {
        entry.policy.priority.0 = 50;
        entry
    };
    // Another one is the first in any order.
    let mut behind = replaced();
    behind.push(first(another_mark(25)));
    assert_eq!(rival(behind, before), None);
    // Neither is in the hash table.
    let both = || vec![out((24, 0), 9), out((0, 0), 1)];
    assert_eq!([rival(both(), before), rival(both(), since)], [Some(9), None]);
    assert_eq!(rival(vec![out((0, 0), 1), out((24, 0), 9), out((32, 32), 17)], before), None);
}

#[test]
fn the_field_that_differs_is_named() {
    let near = |change: &dyn Fn(&mut PolicyEntry)| {
        let mut entry = out((24, 24), 9);
        change(&mut entry);
        let tables = tables(vec![entry], Vec::new());
        let lookup = find_policy(&tables, Direction::Out, &flow());
        lookup.near.first().map(|near| near.field)
    };
    let mark = Mark { value: 1, mask: 1 };
    assert_eq!(near(&|it| it.policy.id.mark = mark), Some(Field::Mark));
    assert_eq!(near(&|it| it.policy.id.selector.dst_port = 54), Some(Field::DstPort));
    let two = |it: &mut PolicyEntry| {
        (it.policy.id.mark, it.policy.id.selector.dst_port) = (mark, 54);
    };
    assert_eq!(near(&two), None);
    let received = tables(vec![policy(Direction::In, (0, 0), Action::None, 8)], Vec::new());
    let lookup = find_policy(&received, Direction::Fwd, &flow());
    assert_eq!(lookup.near[0].field, Field::Direction);
}

#[test]
fn the_nearest_of_many_are_kept() {
    let host = |last: u8| {
        let mut entry = out((32, 32), u32::from(last) * 8);
        let dst = Prefix::host([10, 0, 0, last].into());
        entry.policy.id.selector =
            model::Selector::new(Prefix::host([10, 0, 0, 1].into()), dst).unwrap();
        entry
    };
    let tables = tables([200, 100, 3, 50, 6, 20, 10].map(host).into(), Vec::new());
    let near = find_policy(&tables, Direction::Out, &flow()).near;
    let nearest = near.iter().map(|near| near.entry.index / 8).collect::<Vec<_>>();
    assert_eq!(nearest, [3, 6, 10, 20, 50]);
}

/// The nearest miss of a packet for which another policy is found.
#[test]
fn beside_a_found_policy_its_other_direction_and_the_peers_are_no_near_misses() {
    let near = |policies: Vec<PolicyEntry>, direction| {
        let tables = tables(policies, Vec::new());
        let near = find_policy(&tables, direction, &flow()).near;
        near.iter().map(|near| near.field).collect::<Vec<_>>()
    };
    let of = |direction, index| policy(direction, (0, 0), Action::None, index);
    let both = || vec![of(Direction::Fwd, 10), of(Direction::In, 8)];
    assert_eq!(near(both(), Direction::In), []);
    assert_eq!(near(vec![of(Direction::Fwd, 10)], Direction::In), [Field::Direction]);
    let peer = |lengths| {
        let mut entry = out(lengths, 17);
        let dst = Prefix::new([10, 0, 1, 9].into(), Some(lengths.1)).unwrap();
        entry.policy.id.selector =
            model::Selector::new(entry.policy.id.selector.src(), dst).unwrap();
        entry
    };
    assert_eq!(near(vec![peer((24, 24)), out((24, 24), 9)], Direction::Out), []);
    assert_eq!(near(vec![peer((24, 24)), out((24, 16), 9)], Direction::Out), [Field::Dst]);
    assert_eq!(near(vec![peer((24, 24))], Direction::Out), [Field::Dst]);
}

/// A gateway that sends to the other network itself has the address of another network.
#[test]
fn however_far_an_address_is_it_is_named_unless_another_policy_is_found() {
    let near = |found: Option<PolicyEntry>| {
        let mut of_network = out((24, 24), 17);
        let src = Prefix::new([172, 16, 0, 0].into(), Some(24)).unwrap();
        let dst = of_network.policy.id.selector.dst();
        of_network.policy.id.selector = model::Selector::new(src, dst).unwrap();
        let policies = [of_network].into_iter().chain(found).collect();
        let tables = tables(policies, Vec::new());
        let near = find_policy(&tables, Direction::Out, &flow()).near;
        near.iter().map(|near| near.field).collect::<Vec<_>>()
    };
    assert_eq!(near(None), [Field::Src]);
    assert_eq!(near(Some(out((0, 0), 9))), []);
}

/// Of many policies a selection takes few, and with these the look-up is the same.
#[test]
fn a_selection_is_enough() {
    let mut rng = fastrand::Rng::with_seed(1);
    for order in [PolicyOrder::ByAge, PolicyOrder::ByPlace] {
        for _ in 0..50 {
            let policies = (0..400).map(|place| {
                let mut entry = out((rng.u32(0..33), rng.u32(0..33)), 8 * (400 - place) + 1);
                let octets = [10, 0, rng.u8(0..16), rng.u8(..)];
                let dst = Prefix::new(octets.into(), Some(rng.u32(24..33))).unwrap();
                let other = Prefix::host([10, 9, 9, 9].into());
                let src = entry.policy.id.selector.src();
                let src = if rng.u8(0..4) == 0 { other } else { src };
                entry.policy.id.selector = model::Selector::new(src, dst).unwrap();
                entry.policy.id.selector.dst_port = [0, 0, 53, 80][rng.usize(0..4)];
                entry.policy.priority.0 = rng.u32(98..101);
                entry
            });
            let all = Tables { policy_order: order, ..tables(policies.collect(), Vec::new()) };
            let mut selection = Selection::new(&[(Direction::Out, flow())], all.spd);
            let mut few = Tables { policies: Vec::new(), ..all.clone() };
            // The addresses of some are in the hash table, and decide.
            let mut count = 0;
            let is_taken = |it: &&PolicyEntry| {
                let id = &it.policy.id;
                let (src, dst) = (id.selector.src(), id.selector.dst());
                let addresses = PolicyAddresses { src, dst, direction: id.direction };
                let passes_over = selection.passes_over(&addresses);
                count += u32::from(passes_over);
                !passes_over && selection.takes(&PolicyHead::of(it))
            };
            few.policies.extend(all.policies.iter().filter(is_taken).cloned());
            assert!(count > 0);
            few.first_inexact = selection.first_inexact();
            let lookup = |tables| format!("{:?}", find_policy(tables, Direction::Out, &flow()));
            assert_eq!(lookup(&few), lookup(&all));
            assert!(few.policies.len() < 60, "{}", few.policies.len());
        }
    }
}

#[test]
fn what_is_not_known_of_a_packet_is_a_doubt_before_a_match_alone() {
    let mut udp = out((32, 32), 9);
    udp.policy.id.selector.upper = Upper::Number(17);
    let mut flow = flow();
    flow.upper = None;
    let doubts =
        |policies| find_policy(&tables(policies, Vec::new()), Direction::Out, &flow).doubtful.len();
    assert_eq!(doubts(vec![udp.clone(), out((0, 0), 17)]), 1);
    let mut before = out((0, 0), 17);
    before.policy.priority.0 = 50;
    assert_eq!(doubts(vec![udp, before]), 0);
}

#[test]
fn a_catch_all_is_after_all_policies() {
    let mut tables = tables(Vec::new(), Vec::new());
    tables.catch_alls = vec![(IpVersion::V4, Direction::Out), (IpVersion::V6, Direction::Out)];
    assert_eq!(find_policy(&tables, Direction::Out, &flow()).found, Found::CatchAll);
    assert_eq!(find_policy(&tables, Direction::In, &flow()).found, Found::Nothing);
    let loopback = Flow::new("::1".parse().unwrap(), "::1".parse().unwrap()).unwrap();
    assert_eq!(find_policy(&tables, Direction::Out, &loopback).found, Found::Nothing);
}
