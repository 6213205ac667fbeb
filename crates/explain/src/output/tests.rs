use model::{
    Action, Counter, KernelDefault, Level, Lifetime, Mode, ReqId, SaDirection, SaState, Spi,
    Template, TemplateMode,
};

use super::*;
use crate::testing::{addr, ends, flow, ipsec, policy, sa, tables};

fn template(mode: TemplateMode, level: Level) -> Template {
    Template::new(Proto::Esp, mode, level)
}

fn transport() -> Template {
    template(TemplateMode::Transport, Level::Require)
}

/// The reason of a drop and its counters, or the SPIs of the SAs.
fn verdict(
    policies: Vec<PolicyEntry>,
    sas: Vec<SaEntry>,
) -> Result<Vec<u32>, (Reason, Vec<Counter>)> {
    let tables = tables(policies, sas);
    match output(&tables, &flow(), None, &Surroundings::default()).verdict {
        Verdict::Clear => Ok(Vec::new()),
        Verdict::Protected(sas) => Ok(sas.iter().map(|entry| entry.sa.spi.0).collect()),
        Verdict::Dropped { reason, counters } => Err((reason, counters.to_vec())),
        Verdict::Unknown(doubt) => panic!("{doubt:?}"),
    }
}

#[test]
fn an_sa_is_found_or_the_packet_dropped() {
    let policies = || vec![ipsec(Direction::Out, &[transport()])];
    assert_eq!(
        verdict(policies(), vec![sa(0x1001, Mode::Transport, ends(1, 2))]),
        Ok(vec![0x1001])
    );
    let none = Err((Reason::NoSa, vec![Counter::OutNoStates]));
    assert_eq!(verdict(policies(), vec![sa(0x1001, Mode::Tunnel, ends(1, 2))]), none);
    let larval = SaEntry { state: SaState::Larval, ..sa(0, Mode::Transport, ends(1, 2)) };
    assert_eq!(verdict(policies(), vec![larval]), none);
    let optional = ipsec(Direction::Out, &[template(TemplateMode::Transport, Level::Use)]);
    assert_eq!(verdict(vec![optional], Vec::new()), Ok(Vec::new()));
    assert_eq!(verdict(Vec::new(), Vec::new()), Ok(Vec::new()));
}

#[test]
fn the_newest_is_taken_and_a_dying_one_last() {
    let added = |spi, time, state| {
        let mut entry = SaEntry { state, ..sa(spi, Mode::Transport, ends(1, 2)) };
        entry.current.add_time = time;
        entry
    };
    let sas = vec![
        added(3, 300, SaState::Dying),
        added(1, 100, SaState::Mature),
        added(2, 200, SaState::Mature),
    ];
    assert_eq!(verdict(vec![ipsec(Direction::Out, &[transport()])], sas), Ok(vec![2]));
}

#[test]
fn templates_follow_one_another() {
    let tunnel = template(TemplateMode::Tunnel(ends(7, 8)), Level::Unique(ReqId::new(5)));
    let policies = || vec![ipsec(Direction::Out, &[tunnel, transport()])];
    let mut inner = sa(1, Mode::Tunnel, ends(7, 8));
    inner.sa.reqid = ReqId::new(5);
    // Transport mode is between the endpoints of the tunnel inside.
    let sas =
        vec![inner.clone(), sa(2, Mode::Transport, ends(7, 8)), sa(3, Mode::Transport, ends(1, 2))];
    assert_eq!(verdict(policies(), sas), Ok(vec![1, 2]));
    let tables = tables(policies(), vec![sa(3, Mode::Transport, ends(7, 8)), inner]);
    let output = output(&tables, &flow(), None, &Surroundings::default());
    assert_eq!(output.templates.len(), 2);
}

#[test]
fn an_sa_may_fail_after_it_is_found() {
    let with = |change: &dyn Fn(&mut SaEntry)| {
        let mut entry = sa(1, Mode::Transport, ends(1, 2));
        change(&mut entry);
        verdict(vec![ipsec(Direction::Out, &[transport()])], vec![entry])
            .map_err(|(reason, _)| reason)
    };
    assert_eq!(with(&|it| it.sa.direction = Some(SaDirection::In)), Err(Reason::SaDirection));
    assert_eq!(
        with(&|it| it.sa.replay_state.sent = u32::MAX.into()),
        Err(Reason::SequenceOverflow)
    );
    let expired = |it: &mut SaEntry| {
        (it.sa.lifetimes.hard, it.current.packets) = (Lifetime::from_numbers([2, 0, 0, 0]), 2);
    };
    assert_eq!(with(&expired), Err(Reason::Expired));
    assert_eq!(with(&|_| ()), Ok(vec![1]));
}

#[test]
fn a_policy_may_drop() {
    let discard = policy(Direction::Out, (0, 0), Action::Discard, 9);
    assert_eq!(
        verdict(vec![discard], Vec::new()),
        Err((Reason::Policy, vec![Counter::OutPolBlock]))
    );
    let six = ipsec(Direction::Out, &[transport(); 6]);
    assert_eq!(
        verdict(vec![six], Vec::new()),
        Err((Reason::TooManyTemplates, vec![Counter::OutPolError]))
    );
    let mut of_spi = transport();
    of_spi.details.spi = Some(Spi(1));
    let taken =
        verdict(vec![ipsec(Direction::Out, &[of_spi])], vec![sa(1, Mode::Tunnel, ends(1, 2))]);
    assert_eq!(taken, Err((Reason::SpiIsTaken, vec![Counter::OutPolError])));
    let mut blocking = tables(Vec::new(), Vec::new());
    blocking.kernel_default = KernelDefault::of(|direction| direction == Direction::Out);
    let output = output(&blocking, &flow(), None, &Surroundings::default());
    assert_eq!(output.verdict, Verdict::Dropped { reason: Reason::KernelDefault, counters: &[] });
}

#[test]
fn the_policy_of_a_socket_is_before_the_spd_and_counts_nothing() {
    let tables = tables(vec![policy(Direction::Out, (0, 0), Action::None, 9)], Vec::new());
    let socket = ipsec(Direction::Out, &[transport()]);
    let output = output(&tables, &flow(), Some(&socket), &Surroundings::default());
    assert_eq!(output.verdict, Verdict::Dropped { reason: Reason::NoSa, counters: &[] });
    let mut other = socket;
    other.policy.id.mark = model::Mark { value: 1, mask: 1 };
    assert_eq!(
        super::output(&tables, &flow(), Some(&other), &Surroundings::default()).verdict,
        Verdict::Clear
    );
}

#[test]
fn a_tunnel_without_a_source_takes_that_of_the_route() {
    let ends_of_any = model::AddressPair::new([0, 0, 0, 0].into(), addr(8)).unwrap();
    let policies =
        vec![ipsec(Direction::Out, &[template(TemplateMode::Tunnel(ends_of_any), Level::Require)])];
    let sas = vec![sa(1, Mode::Tunnel, ends(6, 8)), sa(2, Mode::Tunnel, ends(7, 8))];
    let tables = tables(policies, sas);
    let surroundings =
        Surroundings { source: &|to| (to == addr(8)).then(|| addr(7)), ..Surroundings::default() };
    match output(&tables, &flow(), None, &surroundings).verdict {
        Verdict::Protected(sas) => assert_eq!(sas[0].sa.spi.0, 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_with_disable_xfrm_leaves_the_default_policy_alone() {
    let mut tables = tables(vec![policy(Direction::Out, (0, 0), Action::Discard, 9)], Vec::new());
    let verdict = |tables: &Tables, surroundings: Surroundings<'_>| {
        let output = output(tables, &flow(), None, &surroundings);
        (output.is_exempt, output.verdict.passes())
    };
    let exempt = || Surroundings { has_no_xfrm: true, ..Surroundings::default() };
    assert_eq!(verdict(&tables, Surroundings::default()), (false, false));
    assert_eq!(verdict(&tables, exempt()), (true, true));
    tables.kernel_default = KernelDefault::of(|direction| direction == Direction::Out);
    assert_eq!(verdict(&tables, exempt()), (true, false));
    assert_eq!(verdict(&tables, Surroundings { is_loopback: true, ..exempt() }), (true, true));
}

#[test]
fn an_sa_of_two_templates_counts_the_packet_twice() {
    let policies = || vec![ipsec(Direction::Out, &[transport(), transport()])];
    let limited = |packets| {
        let mut entry = sa(1, Mode::Transport, ends(1, 2));
        entry.sa.lifetimes.hard = Lifetime::from_numbers([packets, 0, 0, 0]);
        entry
    };
    assert_eq!(verdict(policies(), vec![limited(2)]), Ok(vec![1, 1]));
    let (reason, _) = verdict(policies(), vec![limited(1)]).unwrap_err();
    assert_eq!(reason, Reason::Expired);
}
