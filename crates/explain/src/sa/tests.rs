use model::{Action, Direction, Level, Mode, Proto, ReqId, Template, TemplateMode};

use super::*;
use crate::testing::{addr, ends, flow, policy, sa, tables};

fn demand() -> Demand {
    let template =
        Template::new(Proto::Esp, TemplateMode::Tunnel(ends(7, 8)), Level::Unique(ReqId::new(7)));
    let id = policy(Direction::Out, (0, 0), Action::None, 9).policy.id;
    Demand::of(&id, &[template]).next().unwrap()
}

fn serving() -> SaEntry {
    let mut entry = sa(1, Mode::Tunnel, ends(7, 8));
    entry.sa.reqid = ReqId::new(7);
    entry
}

#[test]
fn the_field_that_differs_is_named() {
    let near = |change: &dyn Fn(&mut SaEntry)| {
        let mut entry = serving();
        change(&mut entry);
        let tables = tables(Vec::new(), vec![entry]);
        let search = find_sa(&tables, &demand(), &flow());
        (search.found.is_some(), search.near.first().and_then(|near| near.field))
    };
    assert_eq!(near(&|_| ()), (true, None));
    assert_eq!(near(&|it| it.sa.reqid = None), (false, Some(SaField::ReqId)));
    assert_eq!(near(&|it| it.sa.mode = Mode::Transport.into()), (false, Some(SaField::Mode)));
    assert_eq!(near(&|it| it.sa.proto = Proto::Ah), (false, Some(SaField::Protocol)));
    assert_eq!(
        near(&|it| it.sa.mark = model::Mark { value: 1, mask: 1 }),
        (false, Some(SaField::Mark))
    );
    let other = model::Selector::within(model::Prefix::host(addr(9)));
    assert_eq!(near(&|it| it.sa.selector = Some(other)), (false, Some(SaField::Selector)));
    let two = |it: &mut SaEntry| (it.sa.reqid, it.sa.proto) = (None, Proto::Ah);
    assert_eq!(near(&two), (false, None));
}

#[test]
fn a_source_of_the_same_bucket_serves_if_no_other_does() {
    let of_source = |last| {
        let mut entry = serving();
        entry.sa.ends = ends(last, 8);
        tables(Vec::new(), vec![entry])
    };
    let found = (9..=255).filter(|&last| {
        let tables = of_source(last);
        let search = find_sa(&tables, &demand(), &flow());
        assert_eq!(search.is_of_other_source, search.found.is_some());
        search.found.is_some()
    });
    // One in eight buckets.
    let count = found.count();
    assert!((20..45).contains(&count), "{count}");
    let wildcard = of_source(0);
    let mut any = wildcard.sas[0].clone();
    any.sa.ends = model::AddressPair::new([0, 0, 0, 0].into(), addr(8)).unwrap();
    let tables = tables(Vec::new(), vec![any]);
    let search = find_sa(&tables, &demand(), &flow());
    assert!(search.found.is_some() && !search.is_of_other_source);
}

#[test]
fn a_larval_sa_is_no_sa() {
    let entry = SaEntry { state: SaState::Larval, ..serving() };
    let tables = tables(Vec::new(), vec![entry]);
    let search = find_sa(&tables, &demand(), &flow());
    assert!(search.larval.is_some() && search.found.is_none());
}

#[test]
fn an_sa_of_another_processor_does_not_serve() {
    let of = |spi, cpu| {
        let mut entry = SaEntry { ..serving() };
        (entry.sa.spi, entry.sa.cpu) = (model::Spi(spi), cpu);
        entry
    };
    let all = tables(Vec::new(), vec![of(1, None), of(2, Some(1)), of(3, Some(0))]);
    let found = |cpu| {
        let mut flow = flow();
        flow.cpu = cpu;
        let search = find_sa(&all, &demand(), &flow);
        (search.found.unwrap().sa.spi.0, search.is_doubtful)
    };
    assert_eq!(
        [found(Some(0)), found(Some(1)), found(Some(2))],
        [(3, false), (2, false), (1, false)]
    );
    assert!(found(None).1);
}

#[test]
fn a_demanded_spi_is_taken_by_an_sa_that_the_policys_mark_finds() {
    let mut demand = demand();
    demand.template.details.spi = Some(model::Spi(1));
    let mut entry = serving();
    entry.sa.reqid = ReqId::new(8);
    let mut taken = |mark| {
        entry.sa.mark = mark;
        find_sa(&tables(Vec::new(), vec![entry.clone()]), &demand, &flow()).spi_taken.is_some()
    };
    assert!(taken(model::Mark::default()) && !taken(model::Mark { value: 1, mask: 1 }));
}
