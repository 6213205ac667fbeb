use std::fs;

use model::{
    AlgorithmMasks, Current, Installation, Level, Policy, PolicyEntry, PolicyId, Prefix, Selector,
    Share, Spi, TemplateDetails,
};

use super::*;
use crate::Namespace;

fn templates() -> Vec<Template> {
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let esp = Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Use);
    let unique = Level::Unique(ReqId::new(70_000));
    vec![
        esp,
        Template::new(Proto::Ah, TemplateMode::Transport, unique),
        Template { level: Level::Default, ..esp },
    ]
}

fn of(index: u32, templates: &[Template]) -> Record {
    Record { index, templates: templates.to_vec(), is_local_ok: false }
}

fn installed(templates: &[Template], index: u32) -> Installed {
    let host = Prefix::host([192, 0, 2, 1].into());
    let policy = Policy::new(
        PolicyId::new(Selector::within(host), Direction::Out),
        Action::Ipsec(templates.to_vec()),
    );
    let policy = Policy { flags: PolicyFlags::LOCAL_OK, ..policy };
    let installation = Installation::plain(&policy);
    let current = Current::default();
    Installed(PolicyEntry { policy, installation, index, socket: false, current })
}

#[test]
fn requested_templates_are_read_back() {
    let root = tempfile::tempdir().unwrap();
    let mut store = Store::of(&Namespace::within(root.path()));
    let all = templates();
    let index = store.choose_index(Direction::Out);
    assert_eq!(index & 7, 1);
    let part = installed(&all[1..2], index);
    assert_eq!(store.requested(part.clone()).0, part.0);
    store.keep(&[of(index, &all)]).unwrap();
    // Another process reads it.
    let mut store = Store::of(&Namespace::within(root.path()));
    let whole = store.requested(part.clone());
    assert_eq!(whole.policy.action.templates(), all);
    assert!(whole.installation.is_partial && whole.policy.flags.is_empty());
    // Another program's policy of the same index.
    let other = installed(&[Template { level: Level::Require, ..all[0] }], index);
    assert_eq!(store.requested(other.clone()).0, other.0);
    store.keep_only(|kept| kept != index).unwrap();
    assert_eq!(store.requested(part.clone()).0, part.0);
}

#[test]
fn details_and_the_flag_are_read_back() {
    let root = tempfile::tempdir().unwrap();
    let mut store = Store::of(&Namespace::within(root.path()));
    let mut all = templates();
    all[0].details = TemplateDetails {
        reqid: ReqId::new(u32::MAX),
        spi: Some(Spi(u32::MAX)),
        algorithms: AlgorithmMasks { crypt: 1, auth: u32::MAX, comp: 0 },
        share: Some(Share(200)),
    };
    let record = Record { index: 9, templates: all.clone(), is_local_ok: true };
    store.keep(&[record, of(17, &all)]).unwrap();
    let mut store = Store::of(&Namespace::within(root.path()));
    for (index, is_local_ok) in [(9, true), (17, false)] {
        let whole = store.requested(installed(&all[1..2], index));
        assert_eq!(whole.policy.action.templates(), all);
        assert_eq!(whole.policy.flags.contains(PolicyFlags::LOCAL_OK), is_local_ok);
    }
    store.keep_only(|index| index != 9).unwrap();
    let part = installed(&all[1..2], 9);
    assert_eq!(store.requested(part.clone()).0, part.0);
}

/// A file of an earlier version has no table of details.
#[test]
fn a_record_without_details_is_read() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let mut store = Store::of(&namespace);
    let all = templates();
    store.keep(&[of(9, &all)]).unwrap();
    let path = namespace.directory().join("store.sqlite");
    Connection::open(&path).unwrap().execute_batch("DROP TABLE detail").unwrap();
    // A process that has not written to it.
    let mut store = Store::of(&namespace);
    let whole = store.requested(installed(&all[1..2], 9));
    assert_eq!(whole.policy.action.templates(), all);
    store.keep_only(|_| false).unwrap();
    assert_eq!(fs::read_dir(namespace.directory()).unwrap().count(), 1, "none is moved aside");
}

#[test]
fn an_index_is_chosen_once() {
    let root = tempfile::tempdir().unwrap();
    let mut store = Store::of(&Namespace::within(root.path()));
    let first = store.choose_index(Direction::Out);
    let second = store.choose_index(Direction::Out);
    assert_ne!(first, second);
    store.keep(&[of(second, &templates())]).unwrap();
    store.next_index = Some(first);
    assert_eq!(store.choose_index(Direction::Out), first);
    assert_ne!(store.choose_index(Direction::Out), second);
}

#[test]
fn a_former_namespace_of_the_same_number_is_forgotten() {
    let root = tempfile::tempdir().unwrap();
    let mut namespace = Namespace::within(root.path());
    Store::of(&namespace).set_has_optional_tunnels(true).unwrap();
    assert!(Store::of(&namespace).has_optional_tunnels());
    namespace.cookie += 1;
    assert!(!Store::of(&namespace).has_optional_tunnels());
    Store::of(&namespace).keep(&[]).unwrap();
    assert!(!Store::of(&namespace).has_optional_tunnels());
}

#[test]
fn a_record_that_makes_no_sense_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let namespace = Namespace::within(root.path());
    let mut store = Store::of(&namespace);
    let all = templates();
    let records = [8, 16].map(|index| of(index, &all));
    store.keep(&records).unwrap();
    let path = namespace.directory().join("store.sqlite");
    for change in ["proto = 999", "level = -1", "src = 'no address'", "mode = x'00'"] {
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!("UPDATE request SET {change} WHERE policy = 8"))
            .unwrap();
        let (bad, good) = (installed(&all[1..2], 8), installed(&all[1..2], 16));
        assert_eq!(store.requested(bad.clone()).0, bad.0, "{change}");
        assert_eq!(store.requested(good).policy.action.templates(), all);
    }
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE request SET policy = 'text' WHERE policy = 8")
        .unwrap();
    store.keep_only(|index| index == 16).unwrap();
    let good = installed(&all[1..2], 16);
    assert_eq!(store.requested(good).policy.action.templates(), all);
}
