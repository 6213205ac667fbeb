//! Plans are carried out on an SPD of this test, in which a packet is looked up after each step.

use model::{Action, Current, Direction, Installation, PolicyId, Prefix, Priority, Selector};
use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};

use super::*;

/// What the kernel has, in the order of look-up among those of one priority.
#[derive(Debug, Clone, Default)]
struct Spd(Vec<Policy>);

/// Where a policy is that was replaced with its priority: kernels differ.
#[derive(Debug, Clone, Copy)]
enum Replaced {
    InPlace,
    Last,
}

impl Spd {
    fn update(&mut self, policy: &Policy, replaced: Replaced) {
        let place = self.0.iter().position(|it| it.id == policy.id);
        match (place, replaced) {
            (Some(place), Replaced::InPlace) if self.0[place].priority == policy.priority => {
                self.0[place] = policy.clone();
                return;
            }
            (Some(place), _) => drop(self.0.remove(place)),
            (None, _) => {}
        }
        self.0.push(policy.clone());
    }

    /// What a packet to this address finds.
    fn find(&self, to: [u8; 4]) -> Option<&Policy> {
        let matching = self.0.iter().filter(|it| it.id.selector.dst().contains(to.into()));
        matching.min_by_key(|it| it.priority)
    }

    fn carry_out(&mut self, step: &Step, replaced: Replaced) {
        match step {
            Step::AddPolicy(policy) => {
                assert!(self.0.iter().all(|it| it.id != policy.id));
                self.0.push((**policy).clone());
            }
            Step::UpdatePolicy { requested, .. } | Step::RequeuePolicy { requested, .. } => {
                self.update(requested, replaced);
            }
            Step::DeferPolicy { policy, priority } => {
                let policy = Policy { priority: *priority, ..(**policy).clone() };
                self.update(&policy, replaced);
            }
            Step::RequirePolicy { requiring: policy, .. } | Step::ReleasePolicy(policy) => {
                self.update(policy, replaced);
            }
            Step::DeletePolicy(entry) => self.0.retain(|it| it.id != entry.policy.id),
            step => panic!("{step:?}"),
        }
    }
}

fn entry(policy: Policy) -> PolicyEntry {
    let (installation, current) = (Installation::default(), Current::default());
    PolicyEntry { policy, installation, index: 0, socket: false, current }
}

/// A policy in a few letters.
fn short(policy: &Policy) -> String {
    let dst = policy.id.selector.dst();
    format!("{}/{}@{}{:?}", dst.addr(), dst.length(), policy.priority.0, policy.action)
}

fn shown(step: &Step) -> String {
    match step {
        Step::AddPolicy(policy) => format!("add {}", short(policy)),
        Step::UpdatePolicy { requested, .. } => format!("update {}", short(requested)),
        Step::RequeuePolicy { requested, .. } => format!("requeue {}", short(requested)),
        Step::DeferPolicy { policy, priority } => {
            format!("defer {} {}", short(policy), priority.0)
        }
        Step::RequirePolicy { requiring, .. } => format!("require {}", short(requiring)),
        Step::ReleasePolicy(policy) => format!("release {}", short(policy)),
        Step::DeletePolicy(entry) => format!("delete {}", short(&entry.policy)),
        step => format!("{step:?}"),
    }
}

fn story(before: &Spd, after: &Spd, steps: &[Step]) -> String {
    let spd = |spd: &Spd| spd.0.iter().map(short).collect::<Vec<_>>();
    let steps = steps.iter().map(shown).collect::<Vec<_>>();
    format!("{:#?}", [spd(before), spd(after), steps])
}

/// The steps from one SPD to another.
fn steps_between(old: &[Policy], new: &[Policy]) -> Vec<Step> {
    let found = |policy: &Policy| {
        let age = old.iter().position(|it| it.id == policy.id)?;
        let is_same = old[age] == *policy;
        Some(Counterpart { entry: entry(old[age].clone()), age, is_same, requiring: None })
    };
    let wanted =
        new.iter().map(|policy| Wanted { policy: policy.clone(), installed: found(policy) });
    let is_removed = |(_, it): &(usize, &Policy)| new.iter().all(|policy| policy.id != it.id);
    let removed = old.iter().enumerate().filter(is_removed);
    let removed = removed.map(|(age, policy)| (age, entry(policy.clone())));
    steps(wanted.collect(), removed.collect())
}

/// A few networks that contain one another, with room between the priorities.
fn spd(priorities: &'static [u32]) -> impl Strategy<Value = Vec<Policy>> {
    let policy = (0..6_u32, select(priorities.to_vec()), any::<bool>());
    vec(policy, 0..8).prop_map(|policies| {
        let mut spd: Vec<Policy> = Vec::new();
        for (network, priority, discards) in policies {
            let (address, length) =
                [(0, 0), (0, 8), (0, 16), (1, 16), (0, 24), (1, 24)][network as usize];
            let prefix = Prefix::new([10, address, 0, 0].into(), Some(length)).unwrap();
            let all = Prefix::new([0, 0, 0, 0].into(), Some(0)).unwrap();
            let id = PolicyId::new(Selector::new(all, prefix).unwrap(), Direction::Out);
            let action = if discards { Action::Discard } else { Action::None };
            let policy = Policy { priority: Priority(priority), ..Policy::new(id, action) };
            if spd.iter().all(|it| it.id != policy.id) {
                spd.push(policy);
            }
        }
        spd
    })
}

const PACKETS: [[u8; 4]; 5] =
    [[9, 0, 0, 1], [10, 9, 0, 1], [10, 0, 9, 1], [10, 0, 0, 1], [10, 1, 0, 1]];

/// Asserts that each packet finds the policy of before or of afterwards after each step, and in the end that of
/// afterwards; gives the number of steps.
fn check(old: &[Policy], new: &[Policy], replaced: Replaced) -> usize {
    let steps = steps_between(old, new);
    let mut spd = Spd(old.to_vec());
    let (before, after) = (spd.clone(), Spd(new.to_vec()));
    // Meanwhile a policy may have another priority.
    let verdict = |spd: &Spd, to| spd.find(to).map(|it| (it.id.clone(), it.action.clone()));
    for step in &steps {
        spd.carry_out(step, replaced);
        for to in PACKETS {
            let (now, old, new) = (verdict(&spd, to), verdict(&before, to), verdict(&after, to));
            assert!(
                now == old || now == new,
                "{to:?}: {} {}",
                shown(step),
                story(&before, &after, &steps)
            );
        }
    }
    for to in PACKETS {
        assert!(spd.find(to) == after.find(to), "{to:?} {}", story(&before, &after, &steps));
    }
    let mut left: Vec<_> = spd.0.iter().collect();
    left.retain(|policy| !new.contains(policy));
    assert!(left.is_empty() && spd.0.len() == new.len(), "{left:?}");
    steps.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_packet_finds_the_policy_of_before_or_of_afterwards(
        old in spd(&[100]),
        new in spd(&[100]),
    ) {
        // In another order, with the same contents.
        let mut new = new;
        for policy in &mut new {
            if let Some(other) = old.iter().find(|other| other.id == policy.id) {
                policy.action = other.action.clone();
            }
        }
        check(&old, &new, Replaced::InPlace);
        check(&old, &new, Replaced::Last);
    }

    #[test]
    fn it_does_so_with_other_contents(old in spd(&[100]), new in spd(&[100])) {
        let in_order = |mut policies: Vec<Policy>| {
            policies.sort_by_key(|it| Reverse((it.id.selector.dst().length(), it.id.selector.dst().addr())));
            policies
        };
        check(&in_order(old.clone()), &in_order(new.clone()), Replaced::InPlace);
        check(&in_order(old), &in_order(new), Replaced::Last);
    }

    /// Of policies that are demoted to one priority, those in between may be another's for a moment.
    #[test]
    fn it_does_so_with_changed_priorities(
        old in spd(&[100, 200, 300]),
        new in spd(&[100, 200, 300]),
    ) {
        let mut new = new;
        for (place, policy) in (1..).zip(&mut new) {
            policy.priority.0 += place;
        }
        check(&old, &new, Replaced::InPlace);
        check(&old, &new, Replaced::Last);
    }

    #[test]
    fn in_the_end_all_is_in_its_place(
        old in spd(&[100, 200, 300]),
        new in spd(&[200, 300, 1000]),
    ) {
        for replaced in [Replaced::InPlace, Replaced::Last] {
            let mut spd = Spd(old.clone());
            let steps = steps_between(&old, &new);
            for step in &steps {
                spd.carry_out(step, replaced);
            }
            for to in PACKETS {
                let expected = Spd(new.clone());
                assert!(spd.find(to) == expected.find(to), "{}", story(&Spd(old), &expected, &steps));
            }
        }
    }
}

/// A policy that differs in nothing that decides on which one is found.
fn requiring(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.lifetimes.hard.use_seconds = std::num::NonZeroU64::new(1);
    policy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Each packet finds the same policy, while those that are chosen require an SA and again when they do not, until some are
    /// removed. Of the others some are described by files and some stay beside them.
    #[test]
    fn what_requires_an_sa_keeps_its_place(
        policies in spd(&[100, 200]),
        chosen in any::<u8>(),
        described in any::<u8>(),
        gone in any::<u8>(),
    ) {
        let is_of = |bits: u8, age: usize| bits & 1 << age != 0;
        let meanwhile: Vec<_> = policies.iter().map(requiring).collect();
        let entries: Vec<_> = policies.iter().cloned().map(entry).collect();
        let present = |age: usize, is_chosen: bool| Present {
            entry: &entries[age],
            age,
            requiring: is_chosen.then_some(&meanwhile[age]),
        };
        let ages = 0..policies.len();
        let first = require(ages.clone().map(|age| present(age, is_of(chosen, age))).collect());
        let is_released = |age| is_of(chosen, age) && !is_of(gone, age);
        let then = release(ages.clone().map(|age| present(age, is_released(age))).collect());
        let wanted = ages.clone().filter(|age| is_of(described, *age) && !is_of(gone, *age));
        let wanted = wanted.map(|age| {
            let requiring = is_of(chosen, age).then(|| meanwhile[age].clone());
            let entry = entries[age].clone();
            let installed = Some(Counterpart { entry, age, is_same: true, requiring });
            Wanted { policy: policies[age].clone(), installed }
        });
        let removed = ages.filter(|age| is_of(gone, *age)).map(|age| (age, entries[age].clone()));
        let last = steps(wanted.collect(), removed.collect());
        for replaced in [Replaced::InPlace, Replaced::Last] {
            let (mut spd, before) = (Spd(policies.clone()), Spd(policies.clone()));
            let mut after = before.clone();
            after.0.retain(|it| policies.iter().zip(0..).all(|(of, age)| of.id != it.id || !is_of(gone, age)));
            let name = |spd: &Spd, to| spd.find(to).map(|it| it.id.clone());
            for (number, step) in first.iter().chain(&then).chain(&last).enumerate() {
                if number == first.len() {
                    for (age, policy) in policies.iter().enumerate() {
                        let now = spd.0.iter().find(|it| it.id == policy.id);
                        let expected = if is_of(chosen, age) { &meanwhile[age] } else { policy };
                        assert_eq!(now, Some(expected));
                    }
                }
                spd.carry_out(step, replaced);
                for to in PACKETS {
                    let (now, old) = (name(&spd, to), name(&before, to));
                    let is_going = number >= first.len() + then.len();
                    assert!(now == old || is_going && now == name(&after, to), "{to:?} {}", shown(step));
                }
            }
            assert!(after.0.iter().all(|policy| spd.0.contains(policy)));
            assert_eq!(after.0.len(), spd.0.len());
            assert!(PACKETS.into_iter().all(|to| name(&spd, to) == name(&after, to)));
        }
    }
}

#[test]
fn what_is_the_same_is_not_touched() {
    let spds = spd(&[100, 200]);
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        let policies = spds.new_tree(&mut runner).unwrap().current();
        assert_eq!(check(&policies, &policies, Replaced::Last), 0);
    }
}
