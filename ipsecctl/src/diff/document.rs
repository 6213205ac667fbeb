//! A plan as JSON, a change at a time.

use std::io::{self, Write};

use cli::json::{AppliedJson, Document, DocumentStream, Fingerprints, StayingJson, UnselectedJson};
use engine::{Plan, Step};

/// The members of a plan's document that not every one has.
#[derive(Default)]
pub struct Optional {
    pub has_conflicts: bool,
    pub has_unselected: bool,
    pub applied: Option<AppliedJson>,
}

/// Prints a plan, in the order of [`Document`].
pub fn print(
    plan: &Plan,
    optional: Optional,
    fingerprints: &Fingerprints,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut document = DocumentStream::default();
    let fingerprint_scope = Some(fingerprints.scope());
    document.members(out, &Document { fingerprint_scope, ..Document::default() })?;
    changes(&mut document, "changes", plan.steps.iter(), fingerprints, out)?;
    let staying = Some(StayingJson { sas: plan.staying_sas, policies: plan.staying_policies });
    document.members(out, &Document { staying, ..Document::default() })?;
    if optional.has_conflicts {
        let conflicts = plan.conflicts.iter().chain(&plan.crossing);
        changes(&mut document, "conflicts", conflicts, fingerprints, out)?;
    }
    let unselected = optional.has_unselected.then_some(UnselectedJson {
        sas: plan.unselected.sas.len(),
        policies: plan.unselected.policies.len(),
    });
    let rest = Document { unselected, applied: optional.applied, ..Document::default() };
    document.members(out, &rest)?;
    document.finish(out)
}

fn changes<'a>(
    document: &mut DocumentStream,
    name: &str,
    steps: impl Iterator<Item = &'a Step>,
    fingerprints: &Fingerprints,
    out: &mut impl Write,
) -> io::Result<()> {
    document.array(out, name)?;
    for change in steps.filter_map(|step| super::change(step, fingerprints)) {
        document.element(out, &change)?;
    }
    document.end_array(out)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, Sa, Spi};

    use super::*;

    fn steps(spis: &[u32]) -> Vec<Step> {
        let sa = |&spi| Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(spi));
        spis.iter().map(|spi| Step::AddSa(Box::new(sa(spi)))).collect()
    }

    #[test]
    fn the_bytes_are_those_of_a_document() {
        let fingerprints = Fingerprints::new(&[7; 32]);
        let mut plan = Plan::default();
        (plan.steps, plan.conflicts, plan.crossing) =
            (steps(&[0x1000, 0x1001]), steps(&[0x1002]), steps(&[0x1003]));
        plan.staying_policies = 3;
        let json = |steps: &[Step]| {
            steps.iter().filter_map(|it| crate::diff::change(it, &fingerprints)).collect()
        };
        let applied = AppliedJson {
            in_force: "before",
            reason: Some("check"),
            message: None,
            added: Some(0),
            changed: None,
            deleted: None,
            not_restored: Vec::new(),
        };
        let short = Document {
            fingerprint_scope: Some(fingerprints.scope()),
            changes: Some(json(&plan.steps)),
            staying: Some(StayingJson { sas: 0, policies: 3 }),
            ..Document::default()
        };
        let whole = Document {
            conflicts: Some(json(&steps(&[0x1002, 0x1003]))),
            unselected: Some(UnselectedJson { sas: 0, policies: 0 }),
            applied: Some(applied.clone()),
            ..short.clone()
        };
        let all = Optional { has_conflicts: true, has_unselected: true, applied: Some(applied) };
        for (optional, document) in [(Optional::default(), short), (all, whole)] {
            let (mut printed, mut expected) = (Vec::new(), Vec::new());
            print(&plan, optional, &fingerprints, &mut printed).unwrap();
            document.write(&mut expected).unwrap();
            assert_eq!(String::from_utf8(printed).unwrap(), String::from_utf8(expected).unwrap());
        }
    }
}
