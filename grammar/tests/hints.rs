//! What to do about the classical mistakes.

mod common;

use common::{run, run_in};
use model::Dialect;

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
    assert_eq!(help("flush spdflush;"), "a `;` is missing before `spdflush`");
}

#[test]
fn a_statement_that_ends_too_early_in_every_dialect() {
    use Dialect::{FreeBsd, Linux, NetBsd};
    for (dialect, script, expected) in [
        (
            Linux,
            "spdupdate;",
            "say spdupdate SRC DST UPPER -P DIRECTION ACTION, as in any -P out none",
        ),
        (NetBsd, "update ::1 ::2 ah;", "the SPI is missing, as in 0x1000"),
        (
            NetBsd,
            "update ::1 ::2 ah 256;",
            "the algorithm of ah is missing: -A NAME KEY, as in -A hmac-sha256 KEY",
        ),
        (NetBsd, "getspi ::1;", "say getspi SRC DST PROTOCOL SPI"),
        (FreeBsd, "add ::1 ::2 esp 256 -natt ::1[5];", "say -natt SRC[PORT] DST[PORT]"),
        (FreeBsd, "add ::1 ::2 esp 256 -E null", "a `;` is missing at the end of line 1"),
    ] {
        let error = run_in(dialect, script.as_bytes()).error.unwrap();
        assert_eq!(error.help().unwrap_or_default(), expected, "{script}");
    }
}

#[test]
fn a_missing_device() {
    for (script, is_missing) in [
        ("spdadd ::1 ::2 any -dev -P out none;", true),
        ("spdadd ::1 ::2 any -dev eth0 -offload -P out none;", true),
        ("add ::1 ::2 esp 256 -offload -E null;", true),
        ("add ::1 ::2 esp 256 -dev -E null;", false),
        ("deleteall ::1 ::2 esp -offload -mark 1;", false),
    ] {
        let hint = "the name of a network device is missing before it";
        assert_eq!(help(script) == hint, is_missing, "{script}: {}", help(script));
    }
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

/// The text, the place and the advice of what begins no token.
#[track_caller]
fn stray(script: &[u8]) -> (String, String, String) {
    let error = run(script).error.expect("a stray character");
    let help = error.help().unwrap_or_default().into_owned();
    (error.position().to_string(), error.to_string(), help)
}

#[test]
fn characters_of_other_programs_are_named() {
    let retype = |what: &str| format!("it is not the {what} of the keyboard: type it again");
    for (script, place, what, help) in [
        (
            "\u{feff}spdflush;",
            "1:1",
            "the character U+FEFF",
            "the file begins with a byte-order mark: remove it",
        ),
        (
            "flush;\r\nflush;",
            "1:7",
            "the byte 0x0d",
            "the file has DOS line ends: remove the carriage returns",
        ),
        ("spdadd ::1 ::2 any \u{2013}P out none;", "1:20", "the character U+2013", &retype("`-`")),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \u{201c}key\u{201d};",
            "1:32",
            "`\u{201c}` (U+201C)",
            &retype("`\"`"),
        ),
        ("spdadd ::1 ::2\u{a0}any -P out none;", "1:15", "the character U+00A0", &retype("blank")),
        ("flush\u{ff1b}", "1:6", "the character U+FF1B", &retype("`;`")),
        (
            "spdadd ::1 ::2 any \\\n -P out none;",
            "1:20",
            "`\\`",
            "a statement goes on until its `;`: no `\\` is needed at the end of a line",
        ),
        (
            "spdadd $LOCAL ::2 any -P out none;",
            "1:8",
            "`$`",
            "variables are not expanded: write the value",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/$A-$B/use;",
            "1:44",
            "`$`",
            "variables are not expanded: write the value",
        ),
        (
            "spdadd * ::2 any -P out none;",
            "1:8",
            "`*`",
            "there are no patterns: all addresses are 0.0.0.0/0 or ::/0",
        ),
        (
            "add ::1 ::2 esp 256 -m=tunnel -E null;",
            "1:23",
            "`=`",
            "a blank is between an option and its value",
        ),
        (
            "add m\u{fc}ller ::2 esp 256 -E null;",
            "1:6",
            "`\u{fc}` (U+00FC)",
            "outside quotes and comments a script is ASCII",
        ),
        ("flush\0;", "1:6", "the byte 0x00", "remove the NUL byte: a script is text"),
    ] {
        let what = format!("{what} is not allowed here");
        assert_eq!(stray(script.as_bytes()), (place.into(), what, help.into()), "{script}");
    }
}

#[test]
fn bytes_that_are_no_text_are_named_unless_they_may_be_of_a_key() {
    let (_, what, help) = stray(b"add m\xfcller ::2 esp 256 -E null;");
    assert_eq!(what, "the byte 0xfc is not allowed here");
    assert_eq!(help, "outside quotes and comments a script is ASCII");
    let (_, what, help) = stray(b"add ::1 ::2 esp 256 -E aes-cbc \x93key\x94;");
    assert_eq!(what, "the byte 0x93 is not allowed here");
    assert_eq!(help, "it is not the `\"` of the keyboard: type it again");
    // What may be part of a key is not named.
    let (_, what, help) = stray(b"add ::1 ::2 esp 256 -E aes-cbc 'key';");
    assert_eq!(what, "this character is not allowed here");
    assert_eq!(help, "a key is \"in double quotes\", or 0x with hexadecimal digits");
}

#[test]
fn a_script_of_another_encoding_is_read_no_further() {
    for mark in ["", "\u{feff}"] {
        for (name, order) in [("LE", u16::to_le_bytes as fn(_) -> _), ("BE", u16::to_be_bytes)] {
            let wide = format!("{mark}flush;").encode_utf16().flat_map(order).collect::<Vec<_>>();
            let error = run(&wide).error.unwrap();
            // A byte-order mark shows the order to iconv(1) too.
            let name = if mark.is_empty() { name } else { "" };
            assert_eq!(error.to_string(), format!("the file is UTF-16{name}, not UTF-8"));
            let help = format!("convert the file, as with iconv -f UTF-16{name} -t UTF-8");
            assert_eq!(error.help().unwrap(), help);
            assert!(error.ends_script());
        }
    }
}

#[test]
fn comments_of_other_languages() {
    let add = "spdadd ::1 ::2 any -P out none";
    for script in [
        "// all\nflush;",
        "/* all */ flush;",
        "-- all\nflush;",
        "flush // all\n;",
        &format!("{add} // all\n;"),
        &format!("{add} /* all */;"),
    ] {
        assert_eq!(help(script), "comments begin with #, and end with the line", "{script}");
    }
}

#[test]
fn a_tunnel_has_two_ends() {
    let script = "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.254/require;";
    let error = run(script.as_bytes()).error.unwrap();
    assert_eq!(error.help().unwrap(), "a tunnel has two ends: say esp/tunnel/SRC-DST/require");
    assert_eq!(error.expected().unwrap(), "- and the other end; or a port in brackets");
}

#[test]
fn protocols_by_other_names() {
    let upper = |name: &str| help(&format!("spdadd ::1 ::2 {name} -P out none;"));
    for (name, right) in
        [("sit", "ipv6"), ("icmpv6", "icmp6"), ("all", "any"), ("carp", "112"), ("mh", "135")]
    {
        assert_eq!(upper(name), format!("did you mean `{right}`?"));
        assert!(run(format!("spdadd ::1 ::2 {right} -P out none;").as_bytes()).error.is_none());
    }
    assert_eq!(upper("ah"), "its name is a word of the language: say 51");
    assert_eq!(upper("ipcomp"), "its name is a word of the language: say 108");
}

#[test]
fn a_quote_that_the_next_one_closes() {
    let add = "add ::1 ::2 esp 256 -E aes-cbc \"sixteen";
    for rest in [";\nadd ::1 ::2 esp 257 -E aes-cbc \"other\";", " -A hmac-sha1 \"other\";"] {
        let error = run(format!("flush;\n{add}{rest}").as_bytes()).error.unwrap();
        assert_eq!(error.to_string(), "unclosed quote: the next one closes it");
        assert_eq!(error.position().to_string(), "2:32");
        assert!(error.original().unwrap().contains("syntax error at [other"));
    }
}

#[test]
fn a_missing_last_semicolon_is_at_the_end_of_the_last_statement() {
    for (script, place, line) in [
        ("spdflush;\nspdadd ::1 ::2 any -P out none\n", "2:31", 2),
        ("flush", "1:6", 1),
        ("flush # all\n\n", "1:6", 1),
        ("add ::1 ::2 esp 256\n-E null\n# the end\n", "2:8", 2),
    ] {
        let error = run(script.as_bytes()).error.unwrap();
        assert_eq!(error.position().to_string(), place, "{script}");
        let help = format!("a `;` is missing at the end of line {line}");
        assert_eq!(error.help().unwrap(), help, "{script}");
    }
    // It would not be enough.
    let more = "the protocol and the SPI are missing, as in esp 0x1000";
    assert_eq!(help("flush;\nadd ::1 ::2\n"), more);
    assert_eq!(help("add ::1 ::2 esp 256 -E aes-cbc\nspdflush;"), "");
}

#[test]
fn files_of_other_programs() {
    for (script, program) in [
        ("conn home {\n  remote_addrs = 192.0.2.2\n}\n", "ipsec.conf(5) of an IKE daemon"),
        ("connections {\n  home {\n  }\n}\n", "swanctl.conf(5)"),
        ("remote anonymous {\n  exchange_mode main;\n}\n", "racoon.conf(5)"),
        ("path pre_shared_key \"/etc/psk\";\n", "racoon.conf(5)"),
        ("ike esp from 10.1.0.0/16 to 10.2.0.0/16\n", "OpenBSD's ipsec.conf(5)"),
        ("table inet filter {\n}\n", "nft(8)"),
        ("192.0.2.1 192.0.2.2 : PSK \"secret\"\n", "ipsec.secrets(5)"),
    ] {
        let error = run(script.as_bytes()).error.unwrap();
        let expected = format!(
            "this is a line of {program}: a script of setkey(8) has statements as add and spdadd"
        );
        assert_eq!(error.help().unwrap(), expected, "{script}");
        assert!(error.ends_script() && !error.excerpt().text.contains("secret"), "{script}");
    }
}

#[test]
fn behind_a_carriage_return_the_script_goes_on() {
    let script = b"flush;\r\n# all\r\nspdflush;\r\nspdfulsh;\r\n";
    let read: Vec<_> = grammar::Script::new(&script[..], Dialect::Linux)
        .map(|it| it.map_or_else(|error| error.to_string(), |statement| statement.to_string()))
        .collect();
    let refused = "the byte 0x0d is not allowed here";
    assert_eq!(read, ["flush;", refused, "spdflush;", "syntax error"]);
}

/// Statements in which every word is misspelt in turn.
const GOOD: &[&str] = &[
    "add ::1 ::2 esp 256 -m transport -u 5 -lh 10 -ls 9 -E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\";",
    "add ::1 ::2 esp-udp 256 -f zero-pad -flag noecn -dir in -E null;",
    "add ::1 ::2 ipcomp 256 -C deflate;",
    "deleteall ::1 ::2 esp;",
    "spdadd ::1 ::2 icmp6 -mark 1 -P fwd prio high discard;",
    "spdadd ::1 ::2 any -P out ipsec esp/transport//require ah/tunnel/::1-::2/unique;",
    "spdupdate ::1 ::2 any -P in none;",
    "spdflush;",
];

/// Without a letter, with one twice, with two in the wrong order, and in capitals.
fn misspelt(text: &str, at: usize) -> [String; 4] {
    let (before, letter, after) = (&text[..at], &text[at..=at], &text[at + 1..]);
    let (next, rest) = after.split_at(after.len().min(1));
    [
        format!("{before}{after}"),
        format!("{before}{letter}{letter}{after}"),
        format!("{before}{next}{letter}{rest}"),
        format!("{before}{}{after}", letter.to_uppercase()),
    ]
}

#[test]
fn what_is_proposed_is_accepted_there() {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
    let mut proposals = 0;
    for (good, at) in GOOD.iter().flat_map(|good| (0..good.len()).map(move |at| (good, at))) {
        if !good[at..].chars().take(2).all(|c| c.is_ascii_alphanumeric()) {
            continue;
        }
        for script in misspelt(good, at) {
            let Some(error) = run(script.as_bytes()).error else { continue };
            let help = error.help().unwrap_or_default();
            let Some(word) = help.strip_prefix("did you mean `") else { continue };
            let start = error.position().column - 1;
            let rest = &script[start..];
            let end = start + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let mended =
                format!("{}{}{}", &script[..start], &word[..word.len() - 2], &script[end..]);
            if let Some(next) = run(mended.as_bytes()).error {
                assert!(next.position().column - 1 > start, "{script}\n{mended}\n{next}");
            }
            proposals += 1;
        }
    }
    assert!(proposals > 200, "{proposals}");
}
