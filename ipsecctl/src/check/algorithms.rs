//! Algorithms that RFC 8221 advises against, ESP without authentication, and SHA-256 at 96 bits.

use std::collections::HashSet;

use grammar::Part;
use model::{AddressPair, Keyed, Proto, Requirement, Sa};

use super::{code::Code, context::TablesInContext, entry::PlacedFinding};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let mut found = Vec::new();
    let authenticated = by_ah(context);
    for at in &context.tables.sas {
        let sa = &at.entry.sa;
        for (part, keyed) in parts(sa) {
            if let Some((code, message)) = of_algorithm(keyed) {
                found.push(at.finding(code, part, &message));
            }
        }
        if !is_authenticated(sa) && !authenticated.contains(&sa.ends) {
            let (code, message) = match &sa.crypt {
                Some(crypt) if crypt.key.bits() > 0 => {
                    (Code::NoAuthentication, "ESP encrypts packets and does not authenticate them")
                }
                _ => (Code::NoProtection, "ESP with `null` alone changes nothing"),
            };
            found.push(at.finding(code, Part::Encryption, message));
        }
    }
    found
}

fn parts(sa: &Sa) -> impl Iterator<Item = (Part, &Keyed)> {
    let crypt = sa.crypt.iter().chain(&sa.aead).map(|keyed| (Part::Encryption, keyed));
    crypt.chain(sa.auth.iter().map(|keyed| (Part::Authentication, keyed)))
}

fn of_algorithm(Keyed { algorithm, icv_bits, .. }: &Keyed) -> Option<(Code, String)> {
    let name = algorithm.name;
    match algorithm.requirement {
        Requirement::MustNot => {
            Some((Code::AlgorithmMustNot, format!("`{name}` is obsolete (RFC 8221: MUST NOT)")))
        }
        Requirement::ShouldNot => {
            Some((Code::AlgorithmShouldNot, format!("`{name}` is obsolete (RFC 8221: SHOULD NOT)")))
        }
        // The word that has the length in it is no accident.
        _ if algorithm.is_sha256() && *icv_bits == 96 && name != "hmac-sha256-96" => {
            Some((Code::Sha256At96, format!("`{name}` is truncated to 96 bits")))
        }
        Requirement::Must | Requirement::MustMinus | Requirement::Should | Requirement::May => None,
    }
}

/// Whether no ESP SA, or one whose packets have an ICV.
fn is_authenticated(sa: &Sa) -> bool {
    let has_icv = |auth: &Keyed| auth.icv_bits > 0;
    sa.proto != Proto::Esp || sa.aead.is_some() || sa.auth.as_ref().is_some_and(has_icv)
}

/// The hosts that authenticate their ESP packets by AH.
fn by_ah(context: &TablesInContext<'_>) -> HashSet<AddressPair> {
    let sas = context.tables.sas.iter().map(|at| &at.entry.sa);
    sas.filter(|sa| sa.proto == Proto::Ah).map(|sa| sa.ends).collect()
}
