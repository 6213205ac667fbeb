//! SAs of the two directions between two hosts that do not mirror each other.

use std::collections::{HashMap, HashSet};

use grammar::Part;
use model::{AddressPair, Keyed, Proto, Sa};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, SaAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let sas = &context.tables.sas;
    let mut by_ends: HashMap<(Proto, AddressPair), Vec<usize>> = HashMap::new();
    for (at, SaAt { entry, .. }) in sas.iter().enumerate() {
        by_ends.entry((entry.sa.proto, entry.sa.ends)).or_default().push(at);
    }
    let (mut found, mut compared) = (Vec::new(), HashSet::new());
    for (at, one) in sas.iter().enumerate() {
        let sa = &one.entry.sa;
        let back = mirrored(sa.ends).and_then(|ends| by_ends.get(&(sa.proto, ends)));
        let Some(back) = back else {
            // The SAs that a policy lacks are reported with the policy.
            if context.tables.policies.is_empty() && !sa.ends.dst().is_multicast() {
                let message = "no SA leads back from the destination to the source";
                found.push(one.finding(Code::UnpairedSa, Part::Command, message));
            }
            continue;
        };
        let compare = |other: &usize| {
            let mut differences = differences(sa, &sas[*other].entry.sa);
            // An SA of another mode than its policy's is reported as that.
            differences.retain(|(word, _)| *word != "mode" || context.tables.policies.is_empty());
            (differences, *other)
        };
        let Some((differences, nearest)) = back.iter().map(compare).min_by_key(|it| it.0.len())
        else {
            continue;
        };
        if differences.is_empty() || !compared.insert((at.min(nearest), at.max(nearest))) {
            continue;
        }
        // The later one of the two is the place.
        let (one, other) = (&sas[at.max(nearest)], &sas[at.min(nearest)]);
        let other_name = other.name_for(&one.origin);
        let message = format!(
            "the SA of the other direction ({other_name}) has another {}",
            differences.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" and ")
        );
        found.push(one.finding(Code::PairDiffers, differences[0].1, &message));
    }
    found
}

fn mirrored(ends: AddressPair) -> Option<AddressPair> {
    AddressPair::new(ends.dst(), ends.src()).ok()
}

/// What two SAs of a pair should have alike and have not, with the part of a statement that has it.
fn differences(one: &Sa, other: &Sa) -> Vec<(&'static str, Part)> {
    let cipher = |sa: &Sa| kind(sa.crypt.as_ref().or(sa.aead.as_ref()));
    let pairs = [
        ("encryption", Part::Encryption, cipher(one) != cipher(other)),
        (
            "authentication",
            Part::Authentication,
            kind(one.auth.as_ref()) != kind(other.auth.as_ref()),
        ),
        ("compression", Part::Encryption, one.comp != other.comp),
        ("mode", Part::Command, one.mode.installed() != other.mode.installed()),
        ("sequence number size (-esn)", Part::Command, one.esn != other.esn),
        (
            "encapsulation",
            Part::Command,
            one.encap.map(|it| it.kind) != other.encap.map(|it| it.kind),
        ),
    ];
    let differing = pairs.into_iter().filter(|(_, _, differs)| *differs);
    differing.map(|(word, part, _)| (word, part)).collect()
}

fn kind(keyed: Option<&Keyed>) -> Option<(&'static str, u16, usize)> {
    keyed.map(|keyed| (keyed.algorithm.kernel, keyed.icv_bits, keyed.key.bits()))
}
