//! Databases made up by chance, as scripts, in pairs that have some entries in common.

use model::{Direction, Policy, Prefix, Priority, Sa, Selector, Spi};
use proptest::{collection::vec, prelude::*};
use scenarios::generated::{policy, sa, sample};

/// An SAD and an SPD.
#[derive(Debug, Clone)]
pub struct Database {
    pub sas: Vec<Sa>,
    pub policies: Vec<Policy>,
}

impl Database {
    /// The script that describes it.
    pub fn script(&self) -> String {
        let sas = self.sas.iter().map(grammar::script_of_sa);
        let statement = grammar::PolicyStatement { without_copy: true, ..Default::default() };
        let policies = self.policies.iter().map(|policy| {
            let is_inbound = policy.id.direction == Direction::In;
            grammar::PolicyStatement { without_copy: is_inbound, ..statement }.write(policy)
        });
        let texts = sas.chain(policies).map(|written| {
            assert_eq!(written.lost, [""; 0], "{}", *written.text);
            written.text.to_string()
        });
        format!("flush;\nspdflush;\n{}\n", texts.collect::<Vec<_>>().join("\n"))
    }
}

/// Pairs of databases: of what has a name in both, some is the same, and some is not.
pub fn pairs(count: usize) -> Vec<[Database; 2]> {
    sample(&pair(), count)
}

fn pair() -> impl Strategy<Value = [Database; 2]> {
    let entries = || (vec((0..6_u32, sa()), 0..6), vec((0..6_u8, policy(), any::<bool>()), 0..8));
    // How much of the first is in the second, too.
    let kept = (any::<u16>(), any::<u16>());
    (entries(), entries(), kept).prop_map(|(one, other, (sas, policies))| {
        let (one, mut other) = (database(one), database(other));
        let is_kept = |bits: u16, place: usize| bits >> place & 1 == 1;
        for (place, sa) in one.sas.iter().enumerate().filter(|(place, _)| is_kept(sas, *place)) {
            other.sas.retain(|new| !answer_alike(new, sa));
            other.sas.insert(place.min(other.sas.len()), sa.clone());
        }
        for (place, policy) in
            one.policies.iter().enumerate().filter(|(place, _)| is_kept(policies, *place))
        {
            other.policies.retain(|new| new.id != policy.id);
            other.policies.insert(place.min(other.policies.len()), policy.clone());
        }
        [one, other]
    })
}

type Entries = (Vec<(u32, Sa)>, Vec<(u8, Policy, bool)>);

fn database((sas, policies): Entries) -> Database {
    let mut database = Database { sas: Vec::new(), policies: Vec::new() };
    for (number, mut sa) in sas {
        sa.spi = Spi(0x1000 + number);
        if database.sas.iter().all(|other| !answer_alike(other, &sa)) {
            database.sas.push(sa);
        }
    }
    for (number, mut policy, is_default) in policies {
        policy.id.selector = around(number, &policy.id.selector);
        // Many of one priority, of which the oldest is found first.
        if is_default {
            policy.priority = Priority::DEFAULT;
        }
        if database.policies.iter().all(|other| other.id != policy.id) {
            database.policies.push(policy);
        }
    }
    database
}

/// Whether the kernel takes one for the other.
fn answer_alike(one: &Sa, other: &Sa) -> bool {
    (one.ends.dst(), one.proto, one.spi) == (other.ends.dst(), other.proto, other.spi)
}

/// One of a few selectors that contain one another.
fn around(number: u8, selector: &Selector) -> Selector {
    let is_v4 = selector.dst().addr().is_ipv4();
    let prefix = |length: u32| {
        let v4 = Prefix::new([10, 0, 0, 0].into(), Some(length));
        let v6 = Prefix::new([0xfd; 16].into(), Some(length * 4));
        if is_v4 { v4 } else { v6 }.expect("a prefix")
    };
    let lengths = [(8, 8), (16, 8), (16, 16), (24, 16), (32, 24), (32, 32)];
    let (src, dst) = lengths[usize::from(number)];
    Selector::new(prefix(src), prefix(dst)).expect("one family")
}
