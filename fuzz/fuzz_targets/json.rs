//! Any bytes as JSON with SAs and policies: read or refused, never a panic. What was read is a statement or a comment.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match cli::json::read_entries(bytes, cli::json::ReadKeys::Required) {
        Ok(read) => {
            for entry in &read.sas {
                let _ = grammar::script_of_sa(&entry.sa);
            }
            for entry in &read.policies {
                let _ = grammar::script_of_policy(&entry.policy);
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
