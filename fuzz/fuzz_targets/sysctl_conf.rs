//! Any bytes as sysctl.conf, and as a variable's value: read or refused, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::variable::VARIABLES;

fuzz_target!(|text: &[u8]| {
    sysctl_shim::fuzzing::settings(text);
    if let Ok(value) = str::from_utf8(text) {
        for variable in &VARIABLES {
            if let Err(error) = variable.parse(value) {
                let _ = error.to_string();
            }
        }
    }
});
