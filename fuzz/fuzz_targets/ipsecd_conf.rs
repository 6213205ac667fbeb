//! Any text as ipsecd.conf: read or refused with its line, never a panic.

#![no_main]

use std::path::Path;

use ipsecd::Configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Configuration::parse(text, Path::new("ipsecd.conf")) {
        assert!(error.to_string().starts_with("ipsecd.conf: line "), "{error}");
    }
});
