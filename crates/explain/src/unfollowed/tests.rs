use model::{Action, PolicyEntry, PolicyFilter, PolicyType, SpdInfo};

use super::*;
use crate::{
    Selection, Surroundings, explain_forwarded, explain_out,
    testing::{flow, policy, tables},
};

/// A port is unreachable.
fn icmp_error() -> Flow {
    let mut flow = flow();
    (flow.upper, flow.src_port, flow.dst_port) = (Some(1), Some(3), Some(3));
    flow
}

fn of_other_hosts(direction: Direction) -> PolicyEntry {
    policy(direction, (32, 31), Action::Discard, 9)
}

fn sub(direction: Direction) -> PolicyEntry {
    let mut entry = policy(direction, (0, 0), Action::Discard, 17);
    entry.policy.id.policy_type = PolicyType::Sub;
    entry
}

/// Why there is no verdict.
fn doubt(policies: Vec<PolicyEntry>, direction: Direction, flow: Flow) -> Option<Doubt<'static>> {
    let mut selection = Selection::new(&[(direction, flow)], SpdInfo::default());
    for entry in &policies {
        selection.takes(&PolicyHead::of(entry));
    }
    let surroundings = Surroundings::default();
    let tables = tables(policies, Vec::new());
    let explanation = match direction {
        Direction::Out => explain_out(&tables, flow, None, &surroundings),
        _ => explain_forwarded(&tables, &[], Some(flow), 0, &surroundings),
    };
    match explanation.limited_by(selection.unfollowed()).verdict {
        Verdict::Unknown(Doubt::SubPolicies(indexes)) => Some(Doubt::SubPolicies(indexes)),
        Verdict::Unknown(Doubt::IcmpError(indexes)) => Some(Doubt::IcmpError(indexes)),
        Verdict::Unknown(other) => panic!("{other:?}"),
        _ => None,
    }
}

#[test]
fn a_sub_policy_that_matches_is_named() {
    let named = Some(Doubt::SubPolicies(vec![17]));
    assert_eq!(doubt(vec![sub(Direction::Out)], Direction::Out, flow()), named);
    assert_eq!(doubt(vec![sub(Direction::In)], Direction::Out, flow()), None);
    let mut other = sub(Direction::Out);
    other.policy.id.selector = of_other_hosts(Direction::Out).policy.id.selector;
    let mut elsewhere = Flow::new([10, 9, 0, 1].into(), [10, 9, 0, 2].into()).unwrap();
    elsewhere.upper = Some(6);
    assert_eq!(doubt(vec![other], Direction::Out, elsewhere), None);
}

#[test]
fn an_icmp_error_may_take_another_policy() {
    let flagged = || {
        let mut entry = of_other_hosts(Direction::Out);
        entry.policy.flags = PolicyFlags::ICMP;
        entry.policy.id.selector.upper = model::Upper::Number(17);
        entry
    };
    let named = Some(Doubt::IcmpError(vec![9]));
    assert_eq!(doubt(vec![flagged()], Direction::Out, icmp_error()), named);
    let mut echo = icmp_error();
    echo.src_port = Some(8);
    assert_eq!(doubt(vec![flagged()], Direction::Out, echo), None);
    let mut plain = flagged();
    plain.policy.flags = PolicyFlags::default();
    assert_eq!(doubt(vec![plain], Direction::Out, icmp_error()), None);
}

#[test]
fn a_forwarded_icmp_error_without_a_policy_may_take_any() {
    let mut of_udp = of_other_hosts(Direction::Fwd);
    of_udp.policy.id.selector.upper = model::Upper::Number(17);
    let named = Some(Doubt::IcmpError(vec![9]));
    assert_eq!(doubt(vec![of_udp.clone()], Direction::Fwd, icmp_error()), named);
    let own = policy(Direction::Fwd, (0, 0), Action::None, 25);
    assert_eq!(doubt(vec![of_udp, own], Direction::Fwd, icmp_error()), None);
}
