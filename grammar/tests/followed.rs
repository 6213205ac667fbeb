//! Mistakes of readers who followed what the messages said: each hint, and a statement for which it was followed.

mod common;

use common::run;

/// A statement that is wrong, what to do about it, and the statement for which that was done.
type Followed = (&'static str, &'static str, &'static str);

#[track_caller]
fn followed(rows: &[Followed]) {
    for (script, expected, right) in rows {
        let error = run(script.as_bytes()).error.unwrap_or_else(|| panic!("accepted: {script}"));
        assert_eq!(error.help().unwrap_or_default(), *expected, "{script}");
        assert_eq!(run(right.as_bytes()).error, None, "{right}");
    }
}

#[test]
fn what_was_copied_from_elsewhere() {
    const VALUE: &str = "a placeholder was not replaced: put a value in its place";
    const HTML: &str = "HTML has this for a character: write the character";
    const QUOTE: &str = "HTML has this for a character: write `\"`";
    const ADD: &str = "add 10.0.0.1 10.0.0.2 esp 0x1000 -E null;";
    const TEXT: &str = "add ::1 ::2 esp 256 -E aes-cbc \"sixteen byte key\";";
    followed(&[
        ("add {{ src }} {{ dst }} esp 0x1000 -E null;", VALUE, ADD),
        ("add @SRC@ @DST@ esp 0x1000 -E null;", VALUE, ADD),
        ("add %SRC% %DST% esp 0x1000 -E null;", VALUE, ADD),
        ("add %(src)s %(dst)s esp 0x1000 -E null;", VALUE, ADD),
        ("add ::1 ::2 esp 256 -E aes-cbc &quot;sixteen byte key&quot;;", QUOTE, TEXT),
        ("spdadd &#60;src&#62; ::2 any -P out none;", HTML, "spdadd ::1 ::2 any -P out none;"),
        ("+flush;", "diff(1) marks lines so: leave the mark out", "flush;"),
        ("-flush;", "diff(1) marks lines so: leave the mark out", "flush;"),
        ("- flush;", "a statement begins with a word, as add or spdadd", "flush;"),
        ("12 flush;", "a script has no line numbers: leave them out", "flush;"),
        (
            "$ sudo setkey -c\nflush;",
            "a script has statements alone, without a prompt and commands of the shell",
            "flush;",
        ),
        ("add,::1,::2,esp,256,-E,null;", "blanks are between words, not commas", ADD),
        ("add ::1, ::2 esp 256 -E null;", "blanks are between words, not commas", ADD),
        (
            "spdadd 10.0.0.0\\/8 ::2 any -P out none;",
            "no `\\` is before a slash: leave it out",
            ADD,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \\\"sixteen byte key\\\";",
            "no `\\` is before a quote: leave it out",
            TEXT,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \"sixteen\\\"byte key\";",
            "there are no escapes: write a key with a `\"` in it as 0x and hexadecimal digits",
            "add ::1 ::2 esp 256 -E aes-cbc 0x7369787465656e2262797465206b6579;",
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc b'sixteen byte key';",
            "a key of text is in double quotes, with nothing before them",
            TEXT,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc key=\"sixteen byte key\";",
            "no word is before a key",
            TEXT,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc:0x00112233445566778899aabbccddeeff;",
            "a blank is between the name of an algorithm and its key",
            "add ::1 ::2 esp 256 -E aes-cbc 0x00112233445566778899aabbccddeeff;",
        ),
    ]);
}

#[test]
fn words_in_the_place_of_others() {
    const NONE: &str = "spdadd ::1 ::2 any -P out none;";
    const BEHIND: &str = "the protocol goes behind both addresses";
    followed(&[
        ("spdadd ::1 ::2 any -p out none;", "did you mean `-P`?", NONE),
        ("spdadd ::1 ::2 any -P \"out none\";", "a policy has no quotes: leave them out", NONE),
        ("spdadd ::1 ::2 any -P 'out none';", "a policy has no quotes: leave them out", NONE),
        ("spdadd ip4 ::1/64 ::2/64 any -P out none;", BEHIND, NONE),
        ("spdadd tcp ::1 ::2 -P out none;", BEHIND, "spdadd ::1 ::2 tcp -P out none;"),
        (
            "spdadd ::1 -> ::2 any -P out none;",
            "nothing is between the two addresses but a blank",
            NONE,
        ),
        (
            "delete spi 256;",
            "say delete SRC DST PROTOCOL SPI, or deleteall SRC DST PROTOCOL for every SPI",
            "delete ::1 ::2 esp 256;",
        ),
        ("dump -P;", "say spddump: dump is for SAs", "spddump;"),
        ("flush -P;", "say spdflush: flush is for SAs", "spdflush;"),
        ("spdflush -P out;", "the statement is for all policies, and takes no word", "spdflush;"),
        ("flush udp;", "SAs are of esp, ah or ipcomp: ESP in UDP is esp-udp", "flush esp-udp;"),
        (
            "add ::1 ::2 esp 256 -mode tunnel -E null;",
            "did you mean `-m`?",
            "add ::1 ::2 esp 256 -m tunnel -E null;",
        ),
        (
            "spdadd ::1 ::2 any -P in,out none;",
            "a policy has one direction: write a statement for each",
            "spdadd ::1 ::2 any -P in none; spdadd ::1 ::2 any -P out none;",
        ),
        (
            "spdadd ::1 ::2 any -P out none -mark 5;",
            "no option is behind a policy: options of policies go before -P",
            "spdadd ::1 ::2 any -mark 5 -P out none;",
        ),
        (
            "spdadd ::1 ::2 icmp6 135,solicit -P out none;",
            "a type and its code are numbers: say 135,0",
            "spdadd ::1 ::2 icmp6 135,0 -P out none;",
        ),
        (
            "spdadd ::1[80] ::2 esp -P out none;",
            "say 50, and leave the port out: ESP has no ports",
            "spdadd ::1 ::2 50 -P out none;",
        ),
        (
            "add ::1 ::2 esp 4096.0 -E null;",
            "numbers are whole: say 4096",
            "add ::1 ::2 esp 4096 -E null;",
        ),
        ("add ::1 ::2 esp 1e3 -E null;", "", "add ::1 ::2 esp 1000 -E null;"),
        (
            "add ::1 ::2 0x100;",
            "the protocol is missing before the SPI: esp, ah or ipcomp",
            "add ::1 ::2 esp 0x100 -E null;",
        ),
    ]);
}

#[test]
fn parts_of_policies() {
    const LEVEL: &str = "this is no level: say default, use, require or unique";
    const TUNNEL: &str = "spdadd ::1 ::2 any -P out ipsec esp/tunnel/::1-::2/use;";
    let with = |policy: &str| format!("spdadd ::1 ::2 any -P out {policy};");
    for (policy, expected) in [
        ("ipsec esp/tunnel/::1-::2/any", LEVEL),
        ("ipsec esp/tunnel/::1-::2/esp", LEVEL),
        (
            "ipsec esp/tunnel/::1-::2//use",
            "one slash is before the level: esp/tunnel/SRC-DST/require",
        ),
        ("ipsec esp/transport///use", "two slashes are before the level: esp/transport//require"),
        ("ipsec esp/transport//unique:0x10", "the number is decimal: say 16"),
        ("prio 0x10 none", "the number is decimal: say 16"),
        ("prio + 5 none", "a number without low, def or high has no `+`: say 5"),
        ("prio 1,000 none", "numbers have no commas"),
    ] {
        let error =
            run(with(policy).as_bytes()).error.unwrap_or_else(|| panic!("accepted: {policy}"));
        assert_eq!(error.help().unwrap_or_default(), expected, "{policy}");
    }
    for policy in ["prio 16 none", "prio def + 5 none", "ipsec esp/transport//unique:16"] {
        assert_eq!(run(with(policy).as_bytes()).error, None, "{policy}");
    }
    assert_eq!(run(TUNNEL.as_bytes()).error, None);
}

#[test]
fn hints_that_name_another_statement() {
    followed(&[
        ("sadflush;", "did you mean `flush`?", "flush;"),
        ("delete policies;", "spdflush is for all policies: say that alone", "spdflush;"),
        ("deleteall spd;", "spdflush is for all policies: say that alone", "spdflush;"),
        ("delete sas;", "flush is for every SA: say that alone", "flush;"),
        ("spddelete everything;", "spdflush is for all policies: say that alone", "spdflush;"),
        ("spddelete sad;", "flush is for every SA: say that alone", "flush;"),
        ("get policies;", "spddump prints all policies: say that alone", "spddump;"),
        ("get all;", "dump prints every SA: say that alone", "dump;"),
        ("flush spd;", "say spdflush: flush is for SAs", "spdflush;"),
        ("dump policies;", "say spddump: dump is for SAs", "spddump;"),
        ("spdflush sad;", "say flush: spdflush is for policies", "flush;"),
        ("spddump sas;", "say dump: spddump is for policies", "dump;"),
        ("saddump;", "did you mean `dump`?", "dump;"),
        ("sadadd ::1 ::2 esp 256 -E null;", "did you mean `add`?", "add ::1 ::2 esp 256 -E null;"),
        (
            "spdupd ::1 ::2 any -P out none;",
            "did you mean `spdupdate`?",
            "spdupdate ::1 ::2 any -P out none;",
        ),
    ]);
}

#[test]
fn hints_that_change_an_sa() {
    const AUTH: &str = "it authenticates: say -A; in an SA of esp, -E null goes before it";
    const KEY: &str = "a key is behind the name of its algorithm: -E NAME KEY, -A NAME KEY";
    const ONE: &str = "add ::1 ::2 esp 256 -E aes-cbc \"sixteen byte key\";";
    followed(&[
        (
            "add ::1 ::2 esp 256 -E hmac-sha1 \"twenty byte long key\";",
            AUTH,
            "add ::1 ::2 esp 256 -E null -A hmac-sha1 \"twenty byte long key\";",
        ),
        (
            "add ::1 ::2 ah 256 -A aes-cbc \"sixteen byte key\";",
            "it encrypts: say -E, in an SA of esp",
            ONE,
        ),
        (
            "add ::1 ::2 esp 256 -E rfc4106(gcm(aes)) 0x00112233445566778899aabbccddeeff00112233 96;",
            "did you mean `aes-gcm-12`?",
            "add ::1 ::2 esp 256 -E aes-gcm-12 0x00112233445566778899aabbccddeeff00112233;",
        ),
        ("add ::1 ::2 esp 256 -key \"sixteen byte key\" -E aes-cbc;", KEY, ONE),
        (
            "add any any esp 256 -E null;",
            "an SA is between two addresses: write them",
            "add ::1 ::2 esp 256 -E null;",
        ),
        (
            "add ::1 ::2 ipcomp 256 -C -R;",
            "the name of the algorithm is before -R: -C deflate -R",
            "add ::1 ::2 ipcomp 256 -C deflate -R;",
        ),
        (
            "add ::1 ::2 esp 256 -tunnel -E null;",
            "did you mean `-m tunnel`?",
            "add ::1 ::2 esp 256 -m tunnel -E null;",
        ),
    ]);
}

#[test]
fn hints_that_change_a_policy() {
    const NONE: &str = "spdadd 10.0.0.0/24 10.1.0.0/24 icmp 8,0 -P out none;";
    followed(&[
        (
            "spdadd 10.0.0.0\\8 10.1.0.0/16 any -P out none;",
            "a `/` is before the prefix length: ADDRESS/LENGTH",
            "spdadd 10.0.0.0/8 10.1.0.0/16 any -P out none;",
        ),
        (
            "spdadd ::1 ::2 domain -P out none;",
            "`domain` is a port: say tcp or udp, a statement for each, and ADDRESS[domain]",
            "spdadd ::1 ::2[domain] tcp -P out none; spdadd ::1 ::2[domain] udp -P out none;",
        ),
        (
            "spdadd ::1 ::2 ssh -P out none;",
            "`ssh` is a port: say tcp, and ADDRESS[ssh]",
            "spdadd ::1 ::2[ssh] tcp -P out none;",
        ),
        (
            "spdadd ::1 ::2 ntp -P out none;",
            "`ntp` is a port: say udp, and ADDRESS[ntp]",
            "spdadd ::1 ::2[ntp] udp -P out none;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use&ah/transport//use;",
            "a blank is between two templates",
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use ah/transport//use;",
        ),
        (
            "spdadd 10.0.0.0/24 10.1.0.0/24 icmp 8, 0 -P out none;",
            "a type and its code are one word: say 8,0",
            NONE,
        ),
        ("spdadd 10.0.0.0/24 10.1.0.0/24 icmp,8,0 -P out none;", "a blank is before `8,0`", NONE),
        (
            "spddelete ::1 ::2 any -offload;",
            "spddelete does nothing with -offload: leave it out",
            "spddelete ::1 ::2 any -P out;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/::1&ndash;::2/use;",
            "HTML has this for a character: write `-`",
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/::1-::2/use;",
        ),
    ]);
}

#[test]
fn words_that_show_no_key() {
    for (script, shown) in [
        ("set KEY secret", "set *** ******"),
        ("let key secret", "let *** ******"),
        ("ad key secret", "ad key ******"),
        ("ad pass.word;", "ad *********;"),
        ("ad my:secret:password 1;", "ad ****************** *;"),
        ("ad 10.0.0.1/sEcReT;", "ad ***************;"),
        ("ad ::1[sEcReT];", "ad ***********;"),
        ("ah/sEcReT+base64aaabbbccc;", "*************************;"),
        ("esp/transport/sEcReT;", "********************;"),
        ("esp/transport//sEcReT;", "*********************;"),
    ] {
        let error = run(script.as_bytes()).error.unwrap_or_else(|| panic!("accepted: {script}"));
        assert_eq!(error.excerpt().text, shown, "{script}");
    }
}
