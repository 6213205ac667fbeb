//! Any bytes as JSON with the tables of a peer: read or refused, and compared, never a panic. An end has the SAs that it has.

#![no_main]

use cli::json::{ReadKeys, read_entries};
use diagnose::{Cause, Observation, PeerDifference, PeerTables, diagnose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = read_entries(bytes, ReadKeys::Optional) else { return };
    let peer = PeerTables::of(&read.sas, &read.policies);
    let mut observation = Observation::default();
    observation.host.local = read.sas.iter().map(|entry| entry.sa.ends.src()).collect();
    (observation.after.tables.sas, observation.after.tables.policies) = (read.sas, read.policies);
    for finding in diagnose(&observation, None, Some(&peer)) {
        let is_of_sa = matches!(
            finding.cause,
            Cause::Peer(
                PeerDifference::SaDiffers(..)
                    | PeerDifference::SaLacksHere(..)
                    | PeerDifference::SaLacksThere(..)
            )
        );
        assert!(!is_of_sa, "{finding:?}");
    }
});
