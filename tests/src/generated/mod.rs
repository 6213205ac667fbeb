//! SAs and policies made up by chance, and the same ones every time.

mod policy;
mod sa;

use model::{AddressPair, Lifetime, Lifetimes, Mark};
use proptest::{
    prelude::*,
    sample::select,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

pub use policy::{policy, policy_of_pfkey};
pub use sa::{sa, sa_of_pfkey};

/// The first `count` values that a strategy comes to.
pub fn sample<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    let mut value = || strategy.new_tree(&mut runner).expect("no filter is too narrow").current();
    (0..count).map(|_| value()).collect()
}

/// Two of a few addresses of one family: things are to meet.
fn ends() -> impl Strategy<Value = AddressPair> {
    let v4 = select(&["192.0.2.1", "192.0.2.2", "198.51.100.7"][..]);
    let v6 = select(&["2001:db8::1", "2001:db8::2", "fd00:1:2:3:4:5:6:7"][..]);
    let ends = prop_oneof![(v4.clone(), v4), (v6.clone(), v6)];
    ends.prop_map(|(src, dst)| {
        let address = |text: &str| text.parse().expect("an address");
        AddressPair::new(address(src), address(dst)).expect("one family")
    })
}

/// Mostly nothing.
fn seldom<T: Default + Clone + std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = T> {
    prop_oneof![3 => Just(T::default()), 1 => strategy]
}

/// Limits that no test lives to see, and both or none.
fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    (limit(), limit()).prop_map(|(hard, soft)| {
        let both = !hard.is_unlimited() && !soft.is_unlimited();
        if both { Lifetimes { hard, soft } } else { Lifetimes::default() }
    })
}

fn limit() -> impl Strategy<Value = Lifetime> {
    let some = |range: std::ops::Range<u64>| prop_oneof![Just(0), range];
    // PF_KEY counts packets in 32 bits.
    (some(1..1 << 32), some(1..u64::MAX), some(3600..1 << 30), some(3600..1 << 30)).prop_map(
        |(packets, bytes, added, used)| Lifetime::from_numbers([packets, bytes, added, used]),
    )
}

fn mark() -> impl Strategy<Value = Mark> {
    (any::<u32>(), select(vec![0xff, 0xffff_0000, u32::MAX]))
        .prop_map(|(value, mask)| Mark { value: value & mask, mask })
}
