//! Keys that a script has in the wrong place or the wrong spelling: no message contains a part of them. What
//! reaches the kernel is in `tests/scenarios/planted_keys.rs`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

mod spellings;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use spellings::{PLACES, SPELLINGS, assert_absent};

/// Runs setkey on a script at its standard input: both outputs.
fn setkey(options: &[&str], script: &str) -> [String; 2] {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("setkey"));
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A script is read as far as its first mistake.
    let _ = process.stdin.take().unwrap().write_all(script.as_bytes());
    let output = process.wait_with_output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn no_message_contains_a_part_of_a_key() {
    assert!(SPELLINGS.len() >= 40);
    for (number, key) in SPELLINGS.iter().enumerate() {
        for (place, text) in PLACES.iter().enumerate() {
            let script = text.replace("KEY", key);
            let [out, errors] = setkey(&["-n", "-c", "--redact", "-v"], &script);
            assert_absent(key, &script, &out);
            assert_absent(key, &script, &errors);
            // The others end with the same messages.
            if number % PLACES.len() == place {
                let [out, errors] = setkey(&["-n", "-f", "-", "--redact", "-vH"], &script);
                assert_absent(key, &script, &out);
                assert_absent(key, &script, &errors);
                let [_, errors] = setkey(&["-n", "-f", "-", "--color=always"], &script);
                assert_absent(key, &script, &errors);
                let [out, errors] = setkey(&["--check", "-f", "-"], &script);
                assert_absent(key, &script, &out);
                assert_absent(key, &script, &errors);
            }
        }
    }
}

/// Each dialect has its own messages, and NetBSD has on standard error what the others have on standard output.
#[test]
fn no_dialect_has_a_part_of_a_key_on_standard_error() {
    for (number, key) in SPELLINGS.iter().enumerate() {
        for (place, text) in PLACES.iter().enumerate() {
            let dialect = ["linux", "netbsd", "freebsd"][(number + place) % 3];
            let script = text.replace("KEY", key);
            let with =
                |options: &[&str]| setkey(&[&["--dialect", dialect], options].concat(), &script);
            let [_, errors] = with(&["-n", "-f", "-"]);
            assert_absent(key, &script, &errors);
            if number % PLACES.len() == place {
                let [_, errors] = with(&["-n", "--all-or-nothing", "-f", "-"]);
                assert_absent(key, &script, &errors);
                let [out, errors] = with(&["--check", "--json", "-f", "-"]);
                assert_absent(key, &script, &out);
                assert_absent(key, &script, &errors);
            }
        }
    }
}

#[test]
fn the_originals_line_has_the_token_without_redact() {
    let script = "add 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc \"sixten\";";
    let line = |token| format!("line 1: Invalid key length at [{token}]\nparse failed, line 1.\n");
    assert_eq!(setkey(&["-n", "-f", "-"], script)[0], line("sixten"));
    assert_eq!(setkey(&["-n", "-f", "-", "--redact"], script)[0], line("******"));
}
