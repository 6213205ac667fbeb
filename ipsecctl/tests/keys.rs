//! `ipsecctl keygen` and `key-fingerprint`, which need no privilege.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod unprivileged;

use std::process::Output;

use model::ALGORITHMS;
use serde_json::Value;
use unprivileged::run;

fn stdout(output: &Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_examples_of_the_manual() {
    for line in manual::examples("ipsecctl keygen") {
        let text = stdout(&run(line, ""));
        let digits = text.trim_end();
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let expected = match line {
            line if line.ends_with("aes-gcm-16") => 72,
            line if line.ends_with("aes-cbc") => 32,
            _ => 16,
        };
        assert_eq!(digits.len(), expected, "{line}: {text}");
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

/// Every key that is made is one that setkey takes, and no finding of `check`.
#[test]
fn keys_are_those_of_scripts() {
    for row in ALGORITHMS.iter().filter(|row| row.key_bits.max > 0) {
        let key = stdout(&run(&format!("ipsecctl keygen {}", row.name), ""));
        let bytes = (key.trim_end().len() - 2) / 2;
        assert!(row.key_bits.fits(bytes * 8), "{}: {key}", row.name);
    }
    let gcm = || stdout(&run("ipsecctl keygen aes-gcm-16", "")).trim_end().to_owned();
    let script = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-gcm-16 {};\n\
         add 192.0.2.2 192.0.2.1 esp 0x1002 -E aes-gcm-16 {};\n",
        gcm(),
        gcm(),
    );
    assert_eq!(stdout(&run("ipsecctl check --deny all -", &script)), "");
}

#[test]
fn a_wrong_length_and_a_wrong_word_are_a_wrong_command_line() {
    for words in ["aes-cbc --bits 129", "null", "aes", "hmac-sha1 --bits x"] {
        assert_eq!(run(&format!("ipsecctl keygen {words}"), "").status.code(), Some(2), "{words}");
    }
}

#[test]
fn equal_keys_have_equal_fingerprints() {
    let text = stdout(&run("ipsecctl key-fingerprint", "0x616263\n\n\"abc\"\n0x616264\n"));
    let [first, second, third] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(first.len() == 16 && first == second && first != third, "{text}");
    let text = stdout(&run("ipsecctl key-fingerprint --json", "0x616263\n"));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["key_fingerprints"].as_array().unwrap().len(), 1);
    assert_eq!(document["fingerprint_scope"].as_str().unwrap().len(), 16);
}

#[test]
fn what_is_no_key_is_not_repeated() {
    let output = run("ipsecctl key-fingerprint", "0x616263\nsecret\n");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("line 2 has no key") && !text.contains("secret"), "{text}");
}
