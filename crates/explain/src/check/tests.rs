use model::{Counter, Level, Proto, TemplateMode};

use super::*;
use crate::testing::{ends, flow, ipsec, sa, tables};

fn template(mode: TemplateMode, level: Level) -> Template {
    Template::new(Proto::Esp, mode, level)
}

fn tunnel(level: Level) -> Template {
    template(TemplateMode::Tunnel(ends(7, 8)), level)
}

/// The reason of a drop, if it is one.
fn reason(templates: Option<&[Template]>, path: &[SaEntry]) -> Option<Reason> {
    let policies = templates.map(|templates| ipsec(Direction::In, templates));
    let tables = tables(policies.into_iter().collect(), Vec::new());
    let path = path.iter().collect::<Vec<_>>();
    match check(&tables, Direction::In, &flow(), &path, None, &Surroundings::default()).verdict {
        Verdict::Dropped { reason, .. } => Some(reason),
        Verdict::Clear => None,
        Verdict::Protected(sas) => (sas.len() != path.len()).then_some(Reason::Dead),
        Verdict::Unknown(doubt) => panic!("{doubt:?}"),
    }
}

#[test]
fn templates_are_looked_at_last_first() {
    let transport = template(TemplateMode::Transport, Level::Require);
    let [inside, outside] = [sa(1, Mode::Tunnel, ends(7, 8)), sa(2, Mode::Transport, ends(7, 8))];
    let templates = [tunnel(Level::Require), transport];
    assert_eq!(reason(Some(&templates), &[outside.clone(), inside.clone()]), None);
    // The first template is the innermost: the other way round it does not fit.
    assert_eq!(reason(Some(&templates), &[inside.clone(), outside]), Some(Reason::Templates));
    assert_eq!(reason(Some(&templates), &[inside]), Some(Reason::Templates));
}

#[test]
fn an_sa_of_another_place_is_named() {
    let ah = Template::new(Proto::Ah, TemplateMode::Transport, Level::Require);
    let esp = template(TemplateMode::Transport, Level::Require);
    let tables = tables(vec![ipsec(Direction::In, &[ah, esp])], Vec::new());
    let (inside, mut outside) =
        (sa(1, Mode::Transport, ends(1, 2)), sa(2, Mode::Transport, ends(1, 2)));
    outside.sa.proto = Proto::Ah;
    let displaced = |path: &[&SaEntry]| {
        let check = check(&tables, Direction::In, &flow(), path, None, &Surroundings::default());
        check.templates.last().unwrap().displaced.map(|entry| entry.sa.spi.0)
    };
    assert_eq!(displaced(&[&outside, &inside]), Some(2));
    assert_eq!(displaced(&[&inside, &outside]), None);
    assert_eq!(displaced(&[&inside]), None);
}

#[test]
fn optional_templates_may_be_missing() {
    let optional = [tunnel(Level::Use)];
    assert_eq!(reason(Some(&optional), &[]), None);
    assert_eq!(reason(Some(&optional), &[sa(1, Mode::Tunnel, ends(7, 8))]), None);
    // A tunnel that no template demands is refused.
    assert_eq!(
        reason(Some(&optional), &[sa(1, Mode::Tunnel, ends(6, 8))]),
        Some(Reason::Templates)
    );
    let transport = [template(TemplateMode::Transport, Level::Use)];
    assert_eq!(reason(Some(&transport), &[sa(1, Mode::Transport, ends(1, 2))]), None);
    assert_eq!(reason(Some(&[tunnel(Level::Require)]), &[]), Some(Reason::Templates));
}

#[test]
fn a_tunnel_needs_a_policy() {
    assert_eq!(reason(None, &[]), None);
    assert_eq!(reason(None, &[sa(1, Mode::Transport, ends(1, 2))]), None);
    assert_eq!(reason(None, &[sa(1, Mode::Tunnel, ends(7, 8))]), Some(Reason::TunnelWithoutPolicy));
}

#[test]
fn the_selector_of_an_sa_is_before_the_policy() {
    let mut entry = sa(1, Mode::Transport, ends(1, 2));
    entry.sa.selector = Some(model::Selector::within(model::Prefix::host(crate::testing::addr(9))));
    let tables = tables(vec![ipsec(Direction::In, &[])], Vec::new());
    let check = check(&tables, Direction::In, &flow(), &[&entry], None, &Surroundings::default());
    let counters: &[Counter] = &[Counter::InStateMismatch];
    assert_eq!(check.verdict, Verdict::Dropped { reason: Reason::SaSelector, counters });
    assert_eq!(check.policy, None);
}

#[test]
fn the_field_that_differs_is_named() {
    let mut wanted = tunnel(Level::Unique(model::ReqId::new(7)));
    let field = |wanted: Template| {
        let entry = sa(1, Mode::Tunnel, ends(7, 8));
        let tables = tables(vec![ipsec(Direction::In, &[wanted])], Vec::new());
        let check =
            check(&tables, Direction::In, &flow(), &[&entry], None, &Surroundings::default());
        check.templates[0].mismatches.first().map(|(_, field)| *field)
    };
    assert_eq!(field(wanted), Some(SaField::ReqId));
    wanted.level = Level::Require;
    assert_eq!(field(wanted), None);
    wanted.proto = Proto::Ah;
    assert_eq!(field(wanted), Some(SaField::Protocol));
}
