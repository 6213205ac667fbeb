//! From one state to another: the kernel has what the file describes, what is in both is not touched, and a second run
//! changes nothing.

use std::{collections::HashMap, env};

use model::{EventGroup, Sa};
use scenarios::{Host, Outcome, times};
use xfrm::EventSocket;

use super::{
    databases::{Database, pairs},
    tables::{Tables, apply},
};

/// How many pairs: as many as XFRM_PAIRS has, if it is set.
fn count() -> usize {
    let given = env::var("XFRM_PAIRS").ok();
    let given = given.map(|given| given.parse().expect("XFRM_PAIRS is a number"));
    given.unwrap_or(times(250, 25))
}

/// The script of a database whose SAs go on with sequence numbers of their own.
fn in_use(database: &Database) -> String {
    let mut database = database.clone();
    for (sent, sa) in (1001..).zip(&mut database.sas) {
        sa.replay_state.sent = sent;
    }
    database.script()
}

fn assert_applied(outcome: &Outcome, why: &str) {
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{why}: {outcome:?}");
}

#[test]
fn the_kernel_has_what_the_file_describes() {
    let [host, other] = ["from", "to"].map(Host::new);
    let (mut changes, mut kept) = (0, 0);
    for (number, [one, two]) in pairs(count()).into_iter().enumerate() {
        host.load(&in_use(&one));
        let before = Tables::of(&host);
        let script = two.script();
        let why = format!("pair {number}\n{}\n{script}", one.script());
        let outcome = apply(&host, "", &script);
        assert_applied(&outcome, &why);
        changes += outcome.stdout.lines().filter(|line| !line.starts_with(' ')).count();

        other.load(&script);
        let after = Tables::of(&host);
        let expected = Tables::of(&other);
        assert_eq!(after.difference(&expected), None, "{why}\n{}", outcome.stdout);
        kept += assert_kept(&before, &after, &one.sas, &why);

        let mut monitor = host.within(|| {
            EventSocket::open(&[EventGroup::Sa, EventGroup::Policy]).expect("a monitor")
        });
        let again = apply(&host, "", &script);
        assert_applied(&again, &why);
        assert_eq!(again.stdout, "", "{why}");
        assert!(!monitor.has_received(), "{why}: {:?}", monitor.next_event());
    }
    println!("{} pairs, {changes} changes, {kept} entries were not touched", count());
}

/// Asserts that SAs that are in both states go on, and that policies keep their index.
fn assert_kept(before: &Tables, after: &Tables, sas: &[Sa], why: &str) -> usize {
    let old: HashMap<_, _> = before.sas.iter().map(|sa| (sa.entry().sa.id(), sa)).collect();
    let mut kept = 0;
    for image in &after.sas {
        let sa = &image.entry().sa;
        if old.get(&sa.id()).is_some_and(|old| old.is_same(image)) {
            let place = sas.iter().position(|it| it.id() == sa.id()).expect("it was requested");
            let sent = sa.replay_state.sent;
            assert_eq!(sent, 1001 + u64::try_from(place).expect("few"), "{why}");
            kept += 1;
        }
    }
    let old: HashMap<_, _> = before.policies.iter().map(|it| (&it.entry().policy.id, it)).collect();
    for image in &after.policies {
        if let Some(old) = old.get(&image.entry().policy.id) {
            assert_eq!(old.entry().index, image.entry().index, "{why}");
            kept += usize::from(old == &image);
        }
    }
    kept
}
