//! Mistakes with what to do about them, and the statements for which that was done.

mod common;

use common::run;

const ADDRESSES: &str =
    "no words are before the addresses: the source is the first, the destination the second";

/// A statement that is wrong, where, what to do about it, and the statement for which that was done.
type Mended = (&'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn mended(rows: &[Mended]) {
    for (script, place, expected, right) in rows {
        let error = run(script.as_bytes()).error.unwrap_or_else(|| panic!("accepted: {script}"));
        assert_eq!(error.help().unwrap_or_default(), *expected, "{script}");
        assert_eq!(error.position().to_string(), *place, "{script}");
        assert_eq!(run(right.as_bytes()).error, None, "{right}");
    }
}

#[test]
fn words_of_other_programs_in_sas() {
    const ADD: &str = "add ::1 ::2 esp 256 -E null;";
    mended(&[
        ("add src ::1 dst ::2 proto esp spi 256 mode tunnel;", "1:5", ADDRESSES, ADD),
        ("add from ::1 to ::2 esp 256 -E null;", "1:5", ADDRESSES, ADD),
        (
            "add ::1 ::2 proto esp 256 -E null;",
            "1:13",
            "no word is before the protocol: esp, ah or ipcomp",
            ADD,
        ),
        (
            "add ::1 ::2 esp spi 256 -E null;",
            "1:17",
            "no word is between the protocol and the SPI",
            ADD,
        ),
        (
            "add ::1 ::2 esp 256 mode tunnel -E null;",
            "1:21",
            "the mode of an SA is an option: -m transport or -m tunnel",
            "add ::1 ::2 esp 256 -m tunnel -E null;",
        ),
        (
            "add ::1 ::2 esp 256 reqid 5 -E null;",
            "1:21",
            "the request ID of an SA is an option: -u NUMBER",
            "add ::1 ::2 esp 256 -u 5 -E null;",
        ),
        (
            "add ::1 ::2 esp 256 -mark 5 mask 0xff -E null;",
            "1:29",
            "a mask goes behind a slash: -mark MARK/MASK",
            "add ::1 ::2 esp 256 -mark 5/0xff -E null;",
        ),
        (
            "add ::1 ::2 esp 256 lifetime time 8 hour -E null;",
            "1:21",
            "lifetimes are options: -lh SECONDS -ls SECONDS, or -bh BYTES -bs BYTES",
            "add ::1 ::2 esp 256 -lh 8 -ls 7 -E null;",
        ),
        (
            "add ::1 ::2 esp 256 -aead \"rfc4106(gcm(aes))\" 0x00 128;",
            "1:21",
            "encryption is an option behind the others: -E NAME KEY, as in -E aes-gcm-16 KEY",
            "add ::1 ::2 esp 256 -E aes-gcm-16 \"twenty bytes of key.\";",
        ),
        (
            "add ::1 ::2 esp 256 -f cyclic-seq -E null;",
            "1:24",
            "leave the flag out: -flag oseq-may-wrap lets the sequence numbers of an SA begin again",
            "add ::1 ::2 esp 256 -flag oseq-may-wrap -E null;",
        ),
    ]);
    // Names of hosts, and something else that is wrong.
    let hosts = run(b"add src dst esp 256 -E nul;").error.expect("there is no such algorithm");
    assert_eq!(hosts.help().expect("a guess"), "did you mean `null`?");
}

#[test]
fn words_of_other_programs_in_policies() {
    const SPDADD: &str = "spdadd ::1 ::2 tcp -P out none;";
    mended(&[
        ("spdadd ip saddr ::1 ip daddr ::2 tcp -P out none;", "1:11", ADDRESSES, SPDADD),
        ("spdadd -s ::1 -d ::2 -p tcp -P out none;", "1:8", ADDRESSES, SPDADD),
        (
            "spdadd ::1 ::2 tcp dport 80 -P out none;",
            "1:20",
            "a port is in brackets: ADDRESS[PORT]",
            "spdadd ::1 ::2[80] tcp -P out none;",
        ),
        (
            "spdadd ::1 ::2 tcp 80 -P out none;",
            "1:20",
            "a port is in brackets behind its address: ADDRESS[PORT]",
            "spdadd ::1 ::2[80] tcp -P out none;",
        ),
        (
            "spdadd ::1/128:80 ::2 tcp -P out none;",
            "1:15",
            "a port is in brackets: ADDRESS/LENGTH[PORT]",
            "spdadd ::1/128[80] ::2 tcp -P out none;",
        ),
        (
            "spdadd ::1 ::2 tcp dir out tmpl src ::1 dst ::2;",
            "1:20",
            "the direction goes behind -P: -P in or -P out",
            SPDADD,
        ),
        (
            "spdadd ::1 ::2 tcp -priority 100 -P out none;",
            "1:20",
            "a priority goes behind the direction: -P out priority NUMBER ipsec ...",
            "spdadd ::1 ::2 tcp -P out priority 100 none;",
        ),
        (
            "spdadd ::1 ::2 tcp -m tunnel -P out none;",
            "1:20",
            "the mode of a policy is in its template: ipsec esp/tunnel/SRC-DST/require",
            "spdadd ::1 ::2 tcp -P out ipsec esp/tunnel/::1-::2/require;",
        ),
        (
            "spdadd ::1 ::2 tcp -P out ipsec tmpl src ::1 dst ::2 proto esp;",
            "1:33",
            "a template is one word: esp/tunnel/SRC-DST/require",
            "spdadd ::1 ::2 tcp -P out ipsec esp/tunnel/::1-::2/require;",
        ),
        (
            "spdadd 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255 any -P out none;",
            "1:17",
            "a range is an address and its prefix length: say 10.1.0.0/16",
            "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out none;",
        ),
        (
            "spdadd 10.1.0.0 255.255.0.0 10.2.0.0 255.255.0.0 any -P out none;",
            "1:17",
            "a range is an address and its prefix length: say 10.1.0.0/16",
            "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out none;",
        ),
    ]);
}

#[test]
fn what_is_between_the_parts_of_templates() {
    const ENDS: &str = "a `-` is between the two ends of a tunnel: SRC-DST";
    const TUNNEL: &str = "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use;";
    mended(&[
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1...192.0.2.2/use;",
            "1:53",
            ENDS,
            TUNNEL,
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1_192.0.2.2/use;",
            "1:53",
            ENDS,
            TUNNEL,
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1->192.0.2.2/use;",
            "1:54",
            "a `-` alone is between the two ends of a tunnel: SRC-DST",
            TUNNEL,
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1:4500-192.0.2.2:4500/use;",
            "1:44",
            "a port is in brackets, at both ends: SRC[PORT]-DST[PORT]",
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1[4500]-192.0.2.2[4500]/use;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/use/192.0.2.1-192.0.2.2;",
            "1:44",
            "the ends go before the level: esp/tunnel/SRC-DST/require",
            TUNNEL,
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//unique=5;",
            "1:54",
            "a colon is between `unique` and its number: unique:NUMBER",
            "spdadd ::1 ::2 any -P out ipsec esp/transport//unique:5;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//require:5;",
            "1:48",
            "only `unique` has a number: unique:NUMBER",
            "spdadd ::1 ::2 any -P out ipsec esp/transport//unique:5;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use/ah/transport//use;",
            "1:52",
            "a blank is between two templates",
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use ah/transport//use;",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1=>192.0.2.2/use;",
            "1:53",
            "a `-` alone is between the two ends of a tunnel: SRC-DST",
            TUNNEL,
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use=5;",
            "1:51",
            "only `unique` has a number: unique:NUMBER",
            "spdadd ::1 ::2 any -P out ipsec esp/transport//unique:5;",
        ),
        (
            "spdadd ::1 ::2 any -P in out none;",
            "1:26",
            "a policy has one direction: write a statement for each",
            "spdadd ::1 ::2 any -P in none; spdadd ::1 ::2 any -P out none;",
        ),
    ]);
}

#[test]
fn parts_of_an_sa_in_another_order() {
    const ADD: &str = "add ::1 ::2 esp 256 -E null;";
    mended(&[
        ("add ::1 ::2 50 256 -E null;", "1:13", "did you mean `esp`?", ADD),
        ("add ::1 ::2 50 0x100 -E null;", "1:13", "did you mean `esp`?", ADD),
        ("add ::1 ::2 256 esp -E null;", "1:13", "the protocol goes before the SPI", ADD),
        (
            "add ::1/128 ::2 esp 256 -E null;",
            "1:8",
            "an SA is between two addresses: leave the prefix length out",
            ADD,
        ),
        ("add -m tunnel ::1 ::2 esp 256 -E null;", "1:5", "options go behind the SPI", ADD),
        (
            "deleteall ::1 ::2 esp 256;",
            "1:23",
            "deleteall is for every SPI: say delete",
            "delete ::1 ::2 esp 256;",
        ),
        (
            "add ::1 ::2 esp 256;",
            "1:20",
            "the cipher of esp is missing: -E NAME KEY, as in -E aes-gcm-16 KEY",
            ADD,
        ),
    ]);
}

#[test]
fn names_and_keys_written_otherwise() {
    const KEY: &str = "add ::1 ::2 esp 256 -E aes-cbc 0x00112233445566778899aabbccddeeff;";
    mended(&[
        (
            "add ::1 ::2 esp 256 -E \"cbc(aes)\" 0x00112233445566778899aabbccddeeff;",
            "1:24",
            "did you mean `aes-cbc`?",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E \"cbc(sm4)\" 0x00112233445566778899aabbccddeeff;",
            "1:24",
            "the name of an algorithm has no quotes, unless it is that of the kernel: \"kernel:NAME\"",
            "add ::1 ::2 esp 256 -E \"kernel:cbc(sm4)\" 0x00112233445566778899aabbccddeeff;",
        ),
        (
            "add ::1 ::2 esp 256 -E 0x00112233445566778899aabbccddeeff aes-cbc;",
            "1:24",
            "the name of the algorithm goes before its key",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc 0x0011223344556677 8899aabbccddeeff;",
            "1:51",
            "a key has no blanks between its digits",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc 0sABEiM0RVZneImaq7zN3u/w==;",
            "1:32",
            "base64 is not read: write the key as 0x and hexadecimal digits",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc ABEiM0RVZneImaq7zN3u/w==;",
            "1:32",
            "base64 is not read: write the key as 0x and hexadecimal digits",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \"0x00112233445566778899aabbccddeeff\";",
            "1:32",
            "write 0x and the digits, without quotes",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \\\n0x00112233445566778899aabbccddeeff;",
            "1:32",
            "a statement goes on until its `;`: no `\\` is needed at the end of a line",
            KEY,
        ),
        (
            "add ::1 ::2 esp 256 -E aes\u{2010}cbc 0x00112233445566778899aabbccddeeff;",
            "1:27",
            "U+2010 is here: it is not the `-` of the keyboard: type it again",
            KEY,
        ),
    ]);
}

#[test]
fn values_written_otherwise() {
    const ADD: &str = "add ::1 ::2 esp 256 -E null;";
    mended(&[
        (
            "spdadd ::1[tcp/80] ::2 any -P out none;",
            "1:12",
            "brackets are for the port alone: the protocol goes behind the addresses",
            "spdadd ::1[80] ::2 tcp -P out none;",
        ),
        (
            "add ::1 ::2 esp $SPI -E null;",
            "1:17",
            "variables are not expanded: write the value",
            ADD,
        ),
        (
            "add -4 ::1 ::2 esp 256 -E null;",
            "1:8",
            "-4 takes IPv4 addresses only: leave it out, or say -6",
            ADD,
        ),
        (
            "spdadd ::1 ::2 icmp6 echo-request -P out none;",
            "1:22",
            "a type and its code are numbers: say 128,0",
            "spdadd ::1 ::2 icmp6 128,0 -P out none;",
        ),
        (
            "spddelete ::1 ::2 any;",
            "1:22",
            "the direction of the policy is missing: -P in or -P out",
            "spddelete ::1 ::2 any -P in;",
        ),
        (
            "spdadd ::1 https://::2 any -P in none;",
            "1:12",
            "this is a URL: write its host alone",
            "spdadd ::1 ::2 any -P in none;",
        ),
    ]);
}
