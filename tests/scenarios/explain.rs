//! `ipsecctl explain`, and its library: what they say becomes of a packet is what becomes of it.

mod around;
mod arrivals;
mod captured;
mod devices;
mod forged;
mod generated;
mod in_udp;
mod inbound;
mod inside;
mod integrity;
mod lab;
mod observed;
mod odd;
mod outer;
mod ports;
mod remedies;
mod routes;
mod stories;

use std::{env, fmt::Write as _};

use explain::{Explanation, Found, PolicyOrder, Surroundings, Tables};
use fastrand::Rng;
use generated::Case;
use lab::{Lab, Surrounding};
use model::PolicyEntry;
use observed::{Observed, predicted};

/// So many cases, beginning with this one: `XFRM_EXPLAIN_CASES`, `XFRM_SEED`.
fn cases() -> std::ops::Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("XFRM_SEED").unwrap_or(1);
    first..first + number("XFRM_EXPLAIN_CASES").unwrap_or(400)
}

/// Tables and packets made up by chance: the verdict, the policies that were used, the SAs that counted the packet, the counters
/// and the length on the wire are those that the tables explain.
#[test]
fn explained_is_what_happens() {
    let lab = &mut Lab::new();
    let (mut wrong, mut tally) =
        (String::new(), std::collections::BTreeMap::<String, usize>::new());
    for seed in cases() {
        let mut case = Case::new(&mut Rng::with_seed(seed), lab.features());
        let Surrounding { has_no_xfrm, has_no_policy } = lab.route(&mut case);
        let surroundings = &Surroundings { has_no_xfrm, has_no_policy, ..Surroundings::default() };
        lab.set_default(case.default);
        lab.load(&case);
        let _key_manager = lab.send_first(&case);
        let tables = Lab::tables();
        let explanation = case.explain(&tables, surroundings);
        // Of a large SPD a part is read.
        let few = case.select(&tables);
        assert_eq!(
            format!("{:?}", case.explain(&few, surroundings)),
            format!("{explanation:?}"),
            "case {seed}"
        );
        let expected = predicted(&explanation, &case);
        let seen = lab.send(&case, &expected, &tables);
        *tally.entry(kind(&explanation)).or_default() += 1;
        if seen != expected && !has_hidden_order(&explanation, &tables) {
            write!(wrong, "{}", report(seed, &case, &explanation, &expected, &seen)).expect("text");
        }
    }
    for (kind, count) in &tally {
        println!("{count:5} {kind}");
    }
    let count = wrong.matches("case ").count();
    assert!(wrong.is_empty(), "{count} cases differ\n{wrong}");
}

/// Whether the explanation names two policies of which the kernel does not show which one comes first. It is reported where one was
/// replaced, and the index of one was chosen by the engine, so that indexes do not show their age. Before Linux 6.12 the place in a
/// list that was replaced in decides too, which no dump shows.
fn has_hidden_order(explanation: &Explanation<'_>, tables: &Tables) -> bool {
    let is_by_place = tables.policy_order == PolicyOrder::ByPlace;
    let check = explanation.check.iter().filter_map(|it| it.lookup.as_ref());
    let mut lookups = explanation.output.iter().filter_map(|it| it.lookup.as_ref()).chain(check);
    lookups.any(|lookup| {
        let Found::Policy(found) = lookup.found else { return false };
        let is_chosen = |rival: &PolicyEntry| found.index.max(rival.index) >= 1 << 31;
        lookup.rival.is_some_and(|rival| is_by_place || is_chosen(rival))
    })
}

/// Direction and verdict, in short.
fn kind(explanation: &Explanation<'_>) -> String {
    let verdict = match &explanation.verdict {
        explain::Verdict::Clear => "clear".to_owned(),
        explain::Verdict::Protected(sas) => format!("{} SAs", sas.len()),
        explain::Verdict::Dropped { reason, .. } => format!("dropped: {reason:?}"),
        explain::Verdict::Unknown(doubt) => format!("unknown: {doubt:?}"),
    };
    format!("{} {verdict}", explanation.direction.word())
}

fn report(
    seed: u64,
    case: &Case,
    explanation: &Explanation<'_>,
    expected: &Observed,
    observed: &Observed,
) -> String {
    format!(
        "case {seed}: {} {:?} default={:?}\n  expected {expected:?}\n  seen     {observed:?}\n  {}\n{case}\n",
        case.direction.word(),
        case.flow,
        case.default,
        kind(explanation),
    )
}
