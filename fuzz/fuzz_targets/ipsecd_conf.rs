//! Any bytes as ipsecd.conf: each line is read, or named in an error; never a panic.

#![no_main]

use std::path::Path;

use ipsecd::Configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for error in Configuration::parse(text, Path::new("ipsecd.conf")).errors {
        let error = error.to_string();
        assert!(error.starts_with("ipsecd.conf: line "), "{error}");
    }
});
