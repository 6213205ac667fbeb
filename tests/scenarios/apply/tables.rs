//! The tables of a host, compared with those before or with another host's.

use std::{collections::HashMap, fs, path::Path};

use model::{PolicyId, SaId};
use scenarios::{Host, Outcome, ipsecctl};
use tempfile::NamedTempFile;
use xfrm::{Connection, PolicyImage, SaImage};

/// The tables as the kernel writes them, the oldest entry first.
pub struct Tables {
    pub sas: Vec<SaImage>,
    pub policies: Vec<PolicyImage>,
}

impl Tables {
    pub fn of(host: &Host) -> Self {
        let (mut sas, mut policies) = host.within(|| {
            let mut kernel = Connection::open().expect("a connection");
            let sas = kernel.dump_sa_images().expect("a dump").collect::<Result<_, _>>();
            let sas: Vec<SaImage> = sas.expect("SAs");
            let policies = kernel.dump_policy_images().expect("a dump").collect::<Result<_, _>>();
            let policies: Vec<PolicyImage> = policies.expect("policies");
            (sas, policies)
        });
        sas.reverse();
        policies.reverse();
        Self { sas, policies }
    }

    fn sas_by_id(&self) -> HashMap<SaId, &SaImage> {
        self.sas.iter().map(|image| (image.entry().sa.id(), image)).collect()
    }

    fn ages(&self) -> HashMap<&PolicyId, usize> {
        let ids = self.policies.iter().map(|image| &image.entry().policy.id);
        ids.enumerate().map(|(age, id)| (id, age)).collect()
    }

    /// What differs but for counters, times and the indexes of policies; nothing if packets are treated alike.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (own, others) = (self.sas_by_id(), other.sas_by_id());
        let differ = |(id, sa): (&SaId, &&SaImage)| {
            let other = others.get(id);
            let differs = other.is_none_or(|it| !it.is_same(sa));
            differs.then(|| format!("{sa:#?}\nother: {other:#?}"))
        };
        if let Some(shown) = own.iter().find_map(differ) {
            return Some(shown);
        }
        if own.len() != others.len() {
            return Some(format!("{} SAs, other: {}", own.len(), others.len()));
        }
        let (ages, others) = (self.ages(), other.ages());
        let differ = |(id, age): (&&PolicyId, &usize)| {
            let policy = self.policies[*age].entry();
            let found = others.get(*id).map(|age| other.policies[*age].entry());
            found.is_none_or(|it| {
                (&it.policy, it.installation) != (&policy.policy, policy.installation)
            })
        };
        if ages.len() != others.len() || ages.iter().any(differ) {
            return Some(format!("policies: {:#?}\nother: {:#?}", self.policies, other.policies));
        }
        self.wrong_order(&others)
    }

    /// Two policies that packets may match both, and that the kernel finds in another order.
    fn wrong_order(&self, others: &HashMap<&PolicyId, usize>) -> Option<String> {
        let policies = self.policies.iter().map(|image| &image.entry().policy);
        let policies: Vec<_> = policies.collect();
        for (age, later) in policies.iter().enumerate() {
            let wrong = policies[..age].iter().find(|earlier| {
                let (one, two) = (&earlier.id, &later.id);
                earlier.priority == later.priority
                    && (one.direction, one.policy_type, one.if_id)
                        == (two.direction, two.policy_type, two.if_id)
                    && one.selector.overlaps(&two.selector)
                    && others[one] > others[two]
            });
            if let Some(earlier) = wrong {
                return Some(format!("order of {earlier:#?} and {later:#?}"));
            }
        }
        None
    }

    /// Asserts that every entry is as before, with its counters, its index and its place.
    pub fn assert_untouched(&self, before: &Self, why: &str) {
        let sequences = |tables: &Self| {
            let sas = tables.sas.iter().map(SaImage::entry);
            let mut sas: Vec<_> =
                sas.map(|it| (it.sa.spi, it.sa.replay_state.sent, it.current.packets)).collect();
            sas.sort_unstable();
            sas
        };
        assert_eq!(self.difference(before), None, "{why}");
        let (own, others) = (sequences(self), sequences(before));
        // What is added again leaves numbers out that it may have used.
        let is_kept = |(own, before): (&(_, u64, u64), &(_, u64, u64))| {
            own.0 == before.0 && own.1 >= before.1 && own.2 >= before.2
        };
        assert!(own.iter().zip(&others).all(is_kept), "{why}: {own:?} {others:?}");
        let indexes = |tables: &Self| {
            let indexes = tables.policies.iter().map(|image| image.entry().index);
            indexes.collect::<Vec<_>>()
        };
        assert_eq!(indexes(self), indexes(before), "{why}");
    }
}

pub fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), text).expect("a temporary file");
    file
}

/// `ipsecctl apply` with words and a file of this text.
pub fn apply(host: &Host, words: &str, text: &str) -> Outcome {
    let file = file(text);
    host.ipsecctl(&format!("apply {words} {}", file.path().display()))
}

/// The same without CAP_SYS_ADMIN: what the kernel refuses is not found before changes are made.
pub fn apply_untried(host: &Host, words: &str, file: &Path) -> Outcome {
    let mut command = host.command("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]).arg(ipsecctl());
    Outcome::of(command.arg("apply").args(words.split_whitespace()).arg(file))
}
