//! A plan about a part of the entries.

use std::collections::HashSet;

use model::{Policy, PolicyId, Sa, SaEntry, SaId};

use super::requested::{RequestedTables, Unselected};

/// Selects entries by what files can describe of them.
pub trait EntryFilter {
    /// Whether an SA is selected.
    fn selects_sa(&self, sa: &Sa) -> bool;

    /// Whether a policy is selected.
    fn selects_policy(&self, policy: &Policy) -> bool;
}

/// The entries of files that are selected, or of whose name the kernel has one that is selected; and the
/// others.
pub fn narrow<'a>(
    requested: &RequestedTables,
    filter: &dyn EntryFilter,
    sas: &[SaEntry],
    policies: impl Iterator<Item = &'a Policy>,
) -> (RequestedTables, Unselected) {
    let sas = sas.iter().map(|entry| &entry.sa).filter(|sa| filter.selects_sa(sa));
    let sas: HashSet<SaId> = sas.map(Sa::id).collect();
    let policies = policies.filter(|policy| filter.selects_policy(policy));
    let policies: HashSet<&PolicyId> = policies.map(|policy| &policy.id).collect();
    requested.divided(
        |sa| filter.selects_sa(sa) || sas.contains(&sa.id()),
        |policy| filter.selects_policy(policy) || policies.contains(&policy.id),
    )
}

#[cfg(test)]
mod tests {
    use model::{
        AddressPair, Current, Direction, Operation, Prefix, Proto, ReqId, SaState, Selector, Spi,
    };

    use super::*;
    use crate::{
        Removal,
        plan::{sas, scope::PlanScope, step::Step},
    };

    struct OfReqid(u32);

    impl EntryFilter for OfReqid {
        fn selects_sa(&self, sa: &Sa) -> bool {
            sa.reqid == ReqId::new(self.0)
        }

        fn selects_policy(&self, _: &Policy) -> bool {
            false
        }
    }

    fn sa(spi: u32, reqid: u32) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        Sa { reqid: ReqId::new(reqid), ..Sa::bare(ends, Proto::Esp, Spi(spi)) }
    }

    fn spis(steps: &[Step]) -> Vec<u32> {
        let spi = |step: &Step| match step {
            Step::AddSa(sa) => sa.spi.0,
            Step::DeleteSa(entry) => entry.sa.spi.0,
            Step::ReplaceSa { installed, requested } => {
                assert_eq!(installed.sa.spi, requested.spi);
                requested.spi.0
            }
            other => panic!("{other:?}"),
        };
        steps.iter().map(spi).collect()
    }

    /// Nothing outside is touched: an entry of which the files and the kernel have different sides of the
    /// filter is a conflict, whichever side is selected.
    #[test]
    fn nothing_that_is_not_selected_is_touched() {
        let mut requested = RequestedTables::default();
        requested.add(0, &Operation::FlushSad(None), false);
        // Added; left out; as it is; in the kernel with another reqid; here with another reqid; replaced.
        let described =
            [sa(1, 7), sa(2, 8), sa(3, 7), sa(4, 7), sa(5, 8), Sa { esn: true, ..sa(6, 7) }];
        for (number, sa) in (1..).zip(described) {
            requested.add(number, &Operation::AddSa(Box::new(sa)), false);
        }
        // In no file: deleted; stays.
        let installed = [sa(3, 7), sa(4, 8), sa(5, 7), sa(6, 7), sa(20, 7), sa(21, 8)]
            .map(|sa| SaEntry::new(sa, SaState::Mature, Current::default()));
        let filter = OfReqid(7);
        let (part, unselected) = narrow(&requested, &filter, &installed, std::iter::empty());
        assert_eq!(unselected.sas, [sa(2, 8)]);
        let scope = PlanScope {
            requested: &part,
            removal: Removal::OfFlushedTables,
            owned: None,
            filter: Some(&filter),
        };
        let steps = sas::steps(&scope, part.sas.clone(), installed.to_vec());
        assert_eq!(spis(&steps.first), [1]);
        assert_eq!(spis(&steps.crossing), [4, 5]);
        assert_eq!(spis(&steps.replaced), [6]);
        assert_eq!(spis(&steps.last), [20]);
        assert_eq!((steps.staying, steps.conflicts.len()), (1, 0));
    }

    #[test]
    fn a_policy_is_selected_with_its_counterpart() {
        struct Discards;
        impl EntryFilter for Discards {
            fn selects_sa(&self, _: &Sa) -> bool {
                false
            }

            fn selects_policy(&self, policy: &Policy) -> bool {
                policy.action == model::Action::Discard
            }
        }
        let policy = |last, action| {
            let host = Prefix::host([192, 0, 2, last].into());
            Policy::new(PolicyId::new(Selector::within(host), Direction::Out), action)
        };
        let mut requested = RequestedTables::default();
        for (number, last) in [1, 2].into_iter().enumerate() {
            let policy = Box::new(policy(last, model::Action::None));
            requested.add(number, &Operation::AddPolicy(policy), false);
        }
        let installed = [policy(1, model::Action::Discard), policy(2, model::Action::None)];
        let (part, unselected) = narrow(&requested, &Discards, &[], installed.iter());
        assert!(part.policies().eq([&policy(1, model::Action::None)]));
        assert_eq!(unselected.policies, [policy(2, model::Action::None)]);
        assert!(part.has_policy(&installed[0].id) && !part.has_policy(&installed[1].id));
    }
}
