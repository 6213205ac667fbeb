//! Any bytes as the policy of a `spdadd`, in every dialect: read or refused, never a panic.

#![no_main]

use grammar::{Script, lower};
use libfuzzer_sys::fuzz_target;
use model::Dialect;
use sys::SystemNames;

fuzz_target!(|policy: &[u8]| {
    let script = [b"spdadd 192.0.2.1 192.0.2.2 any -P " as &[u8], policy, b";"].concat();
    for &dialect in Dialect::ALL {
        match Script::new(&script[..], dialect).next() {
            Some(Ok(statement)) => match lower(&statement, &SystemNames) {
                Ok(lowered) => drop(lowered),
                Err(error) => describe(&error),
            },
            Some(Err(error)) => describe(&error),
            None => {}
        }
    }
});

fn describe(error: &grammar::Error) {
    let _ = (error.original(), error.expected(), error.help(), error.detail(), error.to_string());
}
