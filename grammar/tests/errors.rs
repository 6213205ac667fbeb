//! The errors of the original, word for word: `line N: MESSAGE at [TOKEN]`.

mod common;

use common::run;
use grammar::{Fault, Script};
use model::Dialect;

/// What the original prints for a script that it refuses.
fn original(script: &[u8]) -> String {
    let error = run(script).error;
    let error = error.unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(script)));
    error.original().unwrap_or_else(|| format!("parse failed, line {}.", error.line()))
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (script, expected) in rows {
        assert_eq!(original(script.as_bytes()), *expected, "{script}");
    }
}

#[test]
fn tokens() {
    check(&[
        ("bogus;", "line 1: syntax error at [bogus]"),
        ("add1 a b esp 1 -E null;", "line 1: syntax error at [add1]"),
        ("flush", "line 1: syntax error at []"),
        ("flush;\n\nflush", "line 3: syntax error at []"),
        (";;", "line 1: syntax error at [;]"),
        ("flush;;", "line 1: syntax error at [;]"),
        ("flush\nspdflush;", "line 2: syntax error at [spdflush]"),
        ("flush;\r\n", "line 1: Syntax error at [\r]"),
        ("add _x", "line 1: Syntax error at [_]"),
        ("add 'x'", "line 1: Syntax error at [']"),
        ("add -x", "line 1: Syntax error at [-]"),
        ("flush \"esp;", "line 1: Syntax error at [\"]"),
        // Newlines in quotes do not count.
        ("add \"a\nb\" x;", "line 1: syntax error at [a\nb]"),
        ("get 192.0.2.1 192.0.2.2 esp 1 -ctx 1 1 \"a\nb\"\n x;", "line 2: syntax error at [x]"),
    ]);
    assert_eq!(original(b"flush\0;"), "line 1: Syntax error at [\0]");
    assert_eq!(original(b"flush \xff;"), "line 1: Syntax error at [\u{fffd}]");
}

#[test]
fn words_are_reserved_and_numbers_are_no_words() {
    check(&[
        ("deleteall tunnel 192.0.2.1 esp;", "line 1: syntax error at [tunnel]"),
        ("deleteall any 192.0.2.1 esp;", "line 1: syntax error at [any]"),
        ("deleteall 1234 192.0.2.1 esp;", "line 1: syntax error at [1234]"),
        ("deleteall 0x12 192.0.2.1 esp;", "line 1: syntax error at [0x12]"),
        ("spdadd ::1 ::1 icmp6 135 -P out none;", "line 1: syntax error at [135]"),
        ("spdadd ::1 ::1 gre 1234 -P out none;", "line 1: syntax error at [1234]"),
        ("spdadd ::1 ::1 gre 0x1234 -P out none;", "line 1: syntax error at [0x1234]"),
        ("spdadd ::1 ::1 esp -P out none;", "line 1: syntax error at [esp]"),
        ("spdadd ::1 ::1 transport -P out none;", "line 1: syntax error at [transport]"),
        ("spdadd 10.0.0.1[any]/24 ::1 any -P out none;", "line 1: syntax error at [/]"),
        ("spdadd 10.0.0.1/x ::1 any -P out none;", "line 1: syntax error at [x]"),
        ("update 10.0.0.1;", "line 1: syntax error at [update]"),
        ("getspi 10.0.0.1;", "line 1: syntax error at [getspi]"),
    ]);
}

#[test]
fn statements_of_the_sad() {
    check(&[
        ("add 192.0.2.1 192.0.2.2 esp x -E null;", "line 1: syntax error at [x]"),
        ("add 192.0.2.1 192.0.2.2 esp 1 -E null -u 5;", "line 1: syntax error at [-u]"),
        ("add 192.0.2.1 192.0.2.2 esp 1 -u 5;", "line 1: syntax error at [;]"),
        ("add 192.0.2.1 192.0.2.2 esp 1 -m bogus -E null;", "line 1: syntax error at [bogus]"),
        ("add 192.0.2.1 192.0.2.2 esp 1 -f bogus -E null;", "line 1: syntax error at [bogus]"),
        ("flush all;", "line 1: syntax error at [all]"),
        // The parser has read the token after the host when it looks it up.
        ("add nobody 192.0.2.2 esp 1 -E null;", "line 1: Name or service not known at [192.0.2.2]"),
        ("add 192.0.2.1\n nobody\n esp 1 -E null;", "line 3: Name or service not known at [esp]"),
        ("get nobody[5] ::1 esp 1;", "line 1: Name or service not known at []]"),
        (
            "add -n alice 192.0.2.2 esp 1 -E null;",
            "line 1: Name or service not known at [192.0.2.2]",
        ),
        ("add -6 192.0.2.1 ::1 esp 1 -E null;", "line 1: Name or service not known at [::1]"),
        ("get 192.0.2.1[http] ::1 esp 1;", "line 1: Servname not supported for ai_socktype at []]"),
        // A lone address is looked up at once.
        ("deleteall nobody ::1 esp;", "line 1: Name or service not known at [nobody]"),
        ("flush esp-udp nobody;", "line 1: Name or service not known at [nobody]"),
        ("delete two 192.0.2.2 esp 1;", "line 1: multiple address specified at [;]"),
        // No pair of one family: no message.
        ("add 192.0.2.1 ::1 esp 1\n -E null;", "parse failed, line 2."),
        ("spdadd 192.0.2.1 ::1 any -P out none\n;", "parse failed, line 2."),
    ]);
}

#[test]
fn algorithms_and_keys() {
    let add = |rest: &str| format!("add 192.0.2.1 192.0.2.2 {rest};");
    for (rest, expected) in [
        ("esp 1 -E aes-cbc \"short\"", "line 1: Invalid key length at [short]"),
        ("esp 1 -E aes-cbc\n0x1234", "line 2: Invalid key length at [0x1234]"),
        ("esp 1 -E aes-cbc \"\"", "line 1: Invalid key length at []"),
        ("esp 1 -E null -A hmac-md5 0x00", "line 1: Invalid key length at [0x00]"),
        ("ah 1 -A keyed-md5 \"1234567890123456\"", "line 1: Not supported at [1234567890123456]"),
        ("ah 1 -A keyed-sha1 0x00", "line 1: Not supported at [0x00]"),
        ("esp 1 -E null \"\"", "line 1: syntax error at []"),
        ("esp 1 -E bogus 0x00", "line 1: syntax error at [bogus]"),
        (
            "esp 1 -E aes-gcm-16 \"1234567890123456\"",
            "line 1: Invalid key length at [1234567890123456]",
        ),
        ("esp 1 -E aes-cbc", "line 1: syntax error at [;]"),
        ("esp 1 -E aes-cbc 1234", "line 1: syntax error at [1234]"),
        ("esp 1 -E aes-cbc 0x", "line 1: syntax error at [0x]"),
        // The word is dropped by the lexer on Linux.
        ("ah 1 -A tcp-md5 \"secret\"", "line 1: syntax error at [secret]"),
        ("ipcomp 1 -C bogus", "line 1: syntax error at [bogus]"),
        ("esp-old 1 -E des-deriv \"12345678\"", "line 1: algorithm mismatched at [12345678]"),
        ("esp 1 -E des-32iv \"12345678\"", "line 1: algorithm mismatched at [12345678]"),
        (
            "esp-old 1 -r 4 -E null",
            "line 1: replay prevention cannot be used with ah/esp-old at [4]",
        ),
    ] {
        assert_eq!(original(add(rest).as_bytes()), expected, "{rest}");
    }
}

#[test]
fn statements_of_the_spd() {
    check(&[
        ("spdadd ::1 ::1 any;", "line 1: syntax error at [;]"),
        ("spdadd ::1 ::1 any -P;", "line 1: syntax error at [;]"),
        ("spdadd ::1 ::1 bogus -P out none;", "line 1: invalid upper layer protocol at [bogus]"),
        ("spdadd ::1 ::1 256 -P out none;", "line 1: invalid upper layer protocol at [256]"),
        // Hosts and ports are looked up when the statement is complete.
        ("spdadd nobody ::1 any -P out none;", "line 1: Name or service not known at [ out none;]"),
        ("spdadd ::1 two any -P out none;", "line 1: multiple address specified at [ out none;]"),
        (
            "spdadd ::1[http] ::1 any -P out\nnone;",
            "line 2: Servname not supported for ai_socktype at [ out\nnone;]",
        ),
        (
            "spdadd ::1[65536] ::1 any -P out none;",
            "line 1: Servname not supported for ai_socktype at [ out none;]",
        ),
        (
            "spdadd ::1 ::1 icmp6 1, -P in none;",
            "line 1: invalid an upper layer protocol spec at [ in none;]",
        ),
        (
            "spdadd ::1 ::1 gre foo -P in none;",
            "line 1: invalid an upper layer protocol spec at [ in none;]",
        ),
        (
            "spdadd ::1 ::1 udp foo -P in none;",
            "line 1: Servname not supported for ai_socktype at [ in none;]",
        ),
        ("spddelete ::1 ::1 any -P ;", "line 1: Invalid argument at [ ]"),
    ]);
}

#[test]
fn policies() {
    for (policy, expected) in [
        (" sideways none", "Invalid argument"),
        (" out bogus", "Invalid argument"),
        (" out prio def", "Invalid argument"),
        (" out prio + 5 none", "Invalid argument"),
        (" out ipsec esp/transport/", ""),
        (" out ipsec esp/transport//", "Invalid argument"),
        (" out ipsec esp/transport//bogus", "Invalid argument"),
        (" out ipsec esp/tunnel/192.0.2.1", "Invalid argument"),
        (" out ipsec esp/tunnel/192.0.2.1[5]-192.0.2.2/use", "Invalid argument"),
        (" out ipsec esp", "Too few arguments"),
        (" out ipsec esp/", "Too few arguments"),
        (" out ipsec esp/any", "Too few arguments"),
        (" out esp/transport//require", "Invalid argument"),
        (" out ipsec esp/tunnel", "Invalid address specification"),
        (" out ipsec esp/tunnel//require", "Invalid address specification"),
        (" out ipsec esp/tunnel/me-any/require", "Invalid address specification"),
        (" in ipsec esp/transport/me-any/require", "Invalid direction"),
        (" out ipsec esp/transport/any-me/require", "Invalid direction"),
        (" out ipsec esp/tunnel/192.0.2.1-::1/require", "Family mismatch"),
        (" out ipsec esp/transport/192.0.2.1-::1/require", "Family mismatch"),
        (" out none esp/tunnel/192.0.2.1-::1/require", ""),
        (" out ipsec esp/tunnel/alice-192.0.2.1/require", "Name or service not known"),
        (
            " out prio low + 1073741825 none",
            "Priority offset from base not in valid range [0, 1073741823] for negative offsets \
             and [0, 1073741824] for positive offsets",
        ),
    ] {
        let script = format!("spdadd ::1 ::1 any -P{policy};");
        let error = run(script.as_bytes()).error;
        let found = error.and_then(|error| error.original()).unwrap_or_default();
        let expected = match expected {
            "" => String::new(),
            message => format!("line 1: {message} at [{policy}]"),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_comment_splits_a_policy() {
    check(&[
        ("spdadd ::1 ::1 any -P out # c\nnone;", "line 2: syntax error at [\nnone]"),
        ("spdadd ::1 ::1 any -P out none # c\n;", "line 2: syntax error at [\n]"),
        ("spdadd ::1 ::1 any -P out none # c", "line 1: syntax error at []"),
        ("spdadd ::1 ::1 any -P out {none};", "line 1: Syntax error at [ out {]"),
        ("spdadd ::1 ::1 any -P out none \"x\";", "line 1: syntax error at [out none ]"),
        ("spdadd ::1 ::1 any -P out none", "line 1: syntax error at []"),
    ]);
    assert!(run(b"spdadd ::1 ::1 any -P# c\n out none;").error.is_none());
}

#[test]
fn the_place_is_where_the_error_is() {
    for (script, place, meant) in [
        ("flush;\n add nobody\n ::1 esp 1 -E null;", "2:6", "nobody"),
        ("add ::1 ::1 esp 1 -E aes-cbc 0x12;", "1:30", "0x**"),
        ("spdadd ::1\n  ::1 bogus -P out none;", "2:7", "bogus"),
        ("spdadd ::1 ::1[http] any -P out none;", "1:15", "[http]"),
        ("spdadd ::1 ::1 any -P out ipsec\n esp/transport//maybe;", "2:17", "maybe"),
        ("spdadd ::1 ::1 any -P out ipsec esp/tunnel/a-::1/use;", "1:44", "a"),
        ("flush; \"x", "1:8", "\""),
        ("flush; # x\n\n\tflush\tx;", "3:8", "x"),
    ] {
        let error = run(script.as_bytes()).error.unwrap();
        assert_eq!(error.position().to_string(), place, "{script}");
        let excerpt = error.excerpt();
        assert_eq!(&excerpt.text[excerpt.span.start..excerpt.span.end], meant);
    }
}

#[test]
fn an_excerpt_begins_with_the_line_and_ends_with_the_statement() {
    let error = run(b"flush;\nflush; dump\n bogus; flush;\n").error.unwrap();
    assert_eq!(error.excerpt().text, "flush; dump\n bogus;");
    assert_eq!(error.excerpt().first_line, 2);
    assert_eq!(error.position().to_string(), "3:2");
}

#[test]
fn an_excerpt_begins_with_no_part_of_a_key() {
    let add = "add 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc \"sixteen\nbyte k\\y\"";
    let error = run(format!("{add}; flush x;").as_bytes()).error.unwrap();
    assert_eq!((error.excerpt().text.as_str(), error.token()), (" flush x;", "x"));
    assert_eq!(error.position().to_string(), "2:18");
    let lost = format!("{}\nadd 0xdeadbeef ;flush x;", "x".repeat(90_000));
    let mut script = Script::new(lost.as_bytes(), Dialect::Linux);
    assert_eq!(*script.next().unwrap().unwrap_err().kind(), Fault::TooLong);
    let error = script.next().unwrap().unwrap_err();
    assert_eq!(error.excerpt().text, "flush x;");
    assert_eq!(error.position().to_string(), "2:23");
}

#[test]
fn errors_have_what_is_expected() {
    let expected = |script: &str| run(script.as_bytes()).error.unwrap().expected().unwrap();
    assert_eq!(
        expected("add ::1 ::1 esp x -E null;"),
        "an SPI: a decimal or 0x hexadecimal number"
    );
    assert_eq!(expected("spdflush x;"), "`;`");
    assert_eq!(
        expected("spdadd ::1 ::1 icmp6 135 -P out none;"),
        "-P and a policy; -ctx; TYPE,CODE of ICMP or a dotted GRE key; or an option: -mark, -ifid, \
         -dev, -portmask, -user or another of setkey(8)"
    );
    assert_eq!(
        expected("add ::1 ::1 esp 1 -E aes-cbc \"x\";"),
        "a key of 128, 192 or 256 bits (16, 24 or 32 bytes)"
    );
    assert_eq!(expected("spdadd ::1 ::1 any -P up none;"), "a direction: in, out or fwd");
}

#[test]
fn the_original_prints_more_on_standard_error() {
    let detail = |script: &str| run(script.as_bytes()).error.unwrap().detail();
    assert_eq!(
        detail("spdadd ::1 ::1 any -P out bogus;").unwrap(),
        "libipsec: syntax error while parsing \"bogus\""
    );
    assert_eq!(
        detail("spdadd ::1 ::1 any -P out ipsec esp/tunnel/a-b/use;").unwrap(),
        "libipsec: invalid IP address while parsing \"a\""
    );
    assert_eq!(detail("add ::1 ::1 esp 1 -E aes-cbc \"x\";").unwrap(), "8 128 256");
    assert_eq!(detail("flush x;"), None);
}

#[test]
fn fatal_errors_are_those_of_the_lexer() {
    let fatal = |script: &str| run(script.as_bytes()).error.unwrap().is_fatal_lexical();
    assert!(fatal("flush @;"));
    assert!(fatal("flush \"x;"));
    assert!(!fatal("flush x;"));
}

#[test]
fn an_unclosed_quote_is_named_where_it_opens() {
    let long = format!("flush;\nadd \"{}", "x;\n".repeat(50_000));
    for script in [long.as_str(), "flush;\nadd \"xyz;"] {
        let error = run(script.as_bytes()).error.unwrap();
        assert_eq!(*error.kind(), Fault::UnclosedQuote);
        assert_eq!(error.position().to_string(), "2:5");
        assert_eq!(error.original().unwrap(), "line 2: Syntax error at [\"]");
    }
}

#[test]
fn the_script_goes_on_after_the_next_semicolon() {
    let script = "flush; bogus esp; dump; add \"x;y\" z; spdflush;";
    let read: Vec<_> = Script::new(script.as_bytes(), Dialect::Linux)
        .map(|statement| statement.map_or_else(|error| error.token().to_owned(), |s| s.to_string()))
        .collect();
    assert_eq!(read, ["flush;", "bogus", "dump;", "x;y", "spdflush;"]);
}
