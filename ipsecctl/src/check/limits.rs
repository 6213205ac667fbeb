//! Soft limits that are never reached. Those of scripts are warnings of the statement.

use grammar::Part;
use model::Lifetimes;

use super::{code::Code, context::TablesInContext, entry::PlacedFinding};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    if !context.surroundings.is_live {
        return Vec::new();
    }
    let message = "the soft limit is not below the hard one: it is never reached";
    let sas = context.tables.sas.iter().filter(|sa| is_late(&sa.entry.sa.lifetimes));
    let sas = sas.map(|sa| sa.finding(Code::LateSoftLimit, Part::SoftLimit, message));
    let policies = context.tables.policies.iter().filter(|it| is_late(&it.policy.lifetimes));
    let policies = policies.map(|it| it.finding(Code::LateSoftLimit, Part::SoftLimit, message));
    sas.chain(policies).collect()
}

fn is_late(Lifetimes { hard, soft }: &Lifetimes) -> bool {
    let pairs = soft.numbers().into_iter().zip(hard.numbers());
    pairs.into_iter().any(|(soft, hard)| soft != 0 && hard != 0 && soft >= hard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lifetime;

    #[test]
    fn a_limit_of_0_is_none() {
        let lifetimes = |soft, hard| Lifetimes {
            soft: Lifetime::from_numbers([0, 0, soft, 0]),
            hard: Lifetime::from_numbers([9, 9, hard, 9]),
        };
        let late = [(5, 5), (6, 5)].map(|(soft, hard)| is_late(&lifetimes(soft, hard)));
        let right = [(4, 5), (0, 5), (5, 0)].map(|(soft, hard)| is_late(&lifetimes(soft, hard)));
        assert_eq!((late, right), ([true; 2], [false; 3]));
    }
}
