//! What to do about the classical mistakes.

mod common;

use common::run;

#[track_caller]
fn help(script: &str) -> String {
    let error = run(script.as_bytes()).error.unwrap_or_else(|| panic!("accepted: {script}"));
    error.help().unwrap_or_default().into_owned()
}

#[test]
fn a_missing_semicolon() {
    for (script, line) in [
        ("flush\nspdflush;", 1),
        ("flush;\nspdflush # all\n\n# more\nadd ::1 ::2 esp 256 -E null;", 2),
        ("add ::1 ::2 esp 256 -E aes-cbc \"x;y\"\nadd ::1 ::2 esp 257 -E null;", 1),
        ("spdadd ::1 ::2 any -P out none\nspdadd ::2 ::1 any -P in none;", 1),
        ("spdadd ::1 ::2 any\n -P out none\n\tadd ::1 ::2 esp 256 -E null \"x\";", 2),
        ("spdadd ::1 ::2 any -P out ipsec esp/transport//require\nexit;", 1),
    ] {
        assert_eq!(help(script), format!("a `;` is missing at the end of line {line}"), "{script}");
    }
    assert_eq!(help("flush spdflush;"), "");
}

#[test]
fn misspelt_words() {
    for (script, word) in [
        ("ad ::1 ::2 esp 256 -E null;", "add"),
        ("spadd ::1 ::2 any -P out none;", "spdadd"),
        ("spdad ::1 ::2 any -P out none;", "spdadd"),
        ("SPDFLUSH;", "spdflush"),
        ("add ::1 ::2 ep 256 -E null;", "esp"),
        ("add ::1 ::2 esp 256 -m tunel -E null;", "tunnel"),
        ("add ::1 ::2 esp 256 -E aes-cbs 0x00;", "aes-cbc"),
        ("add ::1 ::2 esp 256 -E AES-CBC 0x00;", "aes-cbc"),
        ("add ::1 ::2 esp 256 -E aes-gcm16 0x00;", "aes-gcm-16"),
        ("add ::1 ::2 esp 256 -E null -A hmac_sha1 0x00;", "hmac-sha1"),
        ("add ::1 ::2 esp 256 -E null -A hmac-sha-256 0x00;", "hmac-sha256"),
        ("add ::1 ::2 ipcomp 256 -C defalte;", "deflate"),
        ("add ::1 ::2 esp 256 -flag noecm -E null;", "noecn"),
        ("add ::1 ::2 esp 256 -ifd 5 -E null;", "-ifid"),
        ("add ::1 ::2 esp 256 -f zero-pat -E null;", "zero-pad"),
        ("spdadd ::1 ::2 upd -P out none;", "udp"),
        ("spdadd ::1 ::2 any -P out ipsek esp/transport//require;", "ipsec"),
        ("spdadd ::1 ::2 any -P out ipsec esp/transprot//require;", "transport"),
        ("spdadd ::1 ::2 any -P out ipsec esp/transport//requier;", "require"),
        ("spdadd ::1 ::2 any -P out discrad;", "discard"),
    ] {
        assert_eq!(help(script), format!("did you mean `{word}`?"), "{script}");
    }
    // Too far from anything.
    assert_eq!(help("bogus;"), "");
    assert_eq!(help("add ::1 ::2 esp 256 -E serpent-cbc 0x00;"), "");
}

#[test]
fn mistakes_in_policies_and_selectors() {
    let spdadd = |rest: &str| help(&format!("spdadd ::1 ::2 {rest};"));
    for rest in ["any -P out # c\nnone", "any -P out none # c\n"] {
        assert_eq!(spdadd(rest), "a comment ends a policy: put it behind the `;`");
    }
    assert_eq!(
        spdadd("any -P out ipsec esp/any//require"),
        "mode any is for SAs: a template is transport or tunnel"
    );
    assert_eq!(spdadd("any -P out ipsec esp/tunnel//require"), "say esp/tunnel/SRC-DST/require");
    assert_eq!(spdadd("icmp6 135 -P out none"), "a type goes with its code: say 135,0");
    assert_eq!(spdadd("gre 1234 -P out none"), "a GRE key is written with dots: say 0.0.4.210");
    assert_eq!(spdadd("gre 0x1234 -P out none"), "a GRE key is written with dots: say 0.0.18.52");
    assert!(help("spdadd tagged \"voip\" -P out none;").starts_with("a tag is a firewall mark"));
}

#[test]
fn key_lengths() {
    let expected = |rest: &str| {
        let error = run(format!("add ::1 ::2 esp 256 {rest};").as_bytes()).error.unwrap();
        (error.to_string(), error.expected().unwrap())
    };
    let (given, fits) = expected("-E aes-gcm-16 0x00112233445566778899aabbccddeeff");
    assert_eq!(given, "aes-gcm-16 does not take a key of 128 bits");
    assert_eq!(
        fits,
        "a key of 160, 224 or 288 bits (20, 28 or 36 bytes), 4 bytes of salt included"
    );
    let (given, fits) = expected("-E null -A hmac-md5 \"x\"");
    assert_eq!(given, "hmac-md5 does not take a key of 8 bits");
    assert_eq!(fits, "a key of 128 bits (16 bytes)");
}
