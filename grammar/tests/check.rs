//! What `--check` finds in statements that can be read.

mod common;

use std::io::Read;

use common::{FakeNames, run};
use grammar::{CheckedScript, Checker, Finding, Script};
use model::Dialect;

/// The findings of a script: failures with `!`, warnings with `?`, each with its place.
fn findings_with(forward_copies: bool, script: &str) -> Vec<String> {
    let text = |Finding { kind, place }: Finding| {
        format!("{} {} {kind}", place.position, if kind.is_failure() { '!' } else { '?' })
    };
    let checker = Checker::new(forward_copies);
    checked(checker, Dialect::Linux, script).into_iter().map(text).collect()
}

/// What is found in a script whose statements all mean something.
fn checked(checker: Checker, dialect: Dialect, script: &str) -> Vec<Finding> {
    let mut script =
        CheckedScript::new(Script::new(script.as_bytes(), dialect), checker, &FakeNames);
    let mut found = Vec::new();
    while let Some(statement) = script.next_statement().expect("bytes can be read") {
        assert!(statement.lowered.is_some(), "{:?}", statement.findings);
        found.extend(statement.findings);
    }
    found
}

fn findings(script: &str) -> Vec<String> {
    findings_with(true, script)
}

#[track_caller]
fn one(script: &str, expected: &str) {
    assert_eq!(findings(script), [expected], "{script}");
}

#[test]
fn a_good_script_has_none() {
    for script in [
        "flush; spdflush;",
        "add ::1 ::2 esp 256 -E null; add ::1 ::2 esp 257 -E null; add ::1 ::2 ah 256 -A hmac-md5 \"sixteen byte key\";",
        "add ::1 ::2 esp 256 -mark 1 -E null; add ::1 ::2 esp 256 -mark 2 -E null;",
        "add ::1 ::2 esp 256 -E null; delete ::1 ::2 esp 256; add ::1 ::2 esp 256 -E null;",
        "add ::1 ::2 esp 256 -E null; deleteall ::1 ::2 esp; add ::1 ::2 esp 256 -E null;",
        "flush; add ::1 ::2 esp 256 -ifid 7 -E null; get ::1 ::2 esp 256 -ifid 7;",
        "add ::1 ::2 esp 256 -ifid 7 -E null; deleteall ::1 ::2 -ifid 7; add ::1 ::2 esp 256 -E null;",
        "add ::1 ::2 esp 256 -E null; dump; flush esp; add ::1 ::2 esp 256 -E null;",
        "delete ::1 ::2 esp 256; spddelete ::1 ::2 any -P out;",
        "spdadd ::1 ::2 any -P in none; spdadd ::1 ::2 any -P out none; spdadd ::1 ::2 tcp -P in none;",
        "spdadd ::1 ::2 any -P in none; spddelete ::1 ::2 any -P in; spdadd ::1 ::2 any -P in none;",
        "spdadd ::1 ::2 any -P in none; spdupdate ::1 ::2 any -P in discard;",
        "spdadd ::1 ::2 any -mark 1 -P in none; spdadd ::1 ::2 any -ifid 1 -P in none;",
        "spdadd ::1[80] ::2 tcp -P in none; spdadd ::1 ::2 icmp6 135,0 -P in none;",
        "add ::1 ::2 ipcomp 0xffff -C deflate;",
    ] {
        assert_eq!(findings(script), [""; 0], "{script}");
        assert_eq!(run(script.as_bytes()).error, None, "{script}");
    }
}

#[test]
fn keepalives_are_for_esp_in_udp_alone() {
    let natt = "add 192.0.2.1 192.0.2.2 esp 256 -dir out -natt 192.0.2.1[4500] 192.0.2.2[4500] -keepalive 20 -E null;";
    assert_eq!(findings(natt), [""; 0]);
    let encapsulated = |kind| {
        findings(&format!(
            "add 192.0.2.1 192.0.2.2 esp 256 -dir out -encap {kind} 4500 4500 -keepalive 20 -E null;"
        ))
    };
    assert_eq!(encapsulated("espinudp"), [""; 0]);
    for other in ["espinudp-nonike", "espintcp"] {
        let found = encapsulated(other);
        let message = "keepalives are sent for an SA with -natt or -encap espinudp";
        assert!(found.len() == 1 && found[0].ends_with(message), "{other}: {found:?}");
    }
}

#[test]
fn sas_of_one_name() {
    let exists = "! line 1 adds an SA with this destination, protocol and SPI";
    one("add ::1 ::2 esp 256 -E null;\nadd ::3 ::2 esp 256 -E null;", &format!("2:17 {exists}"));
    // A mark with a mask that lets the other through.
    let marked = "add ::1 ::2 esp 256 -E null;\nadd ::1 ::2 esp 256 -mark 1 -E null;";
    one(marked, &format!("2:17 {exists}"));
    one(
        "add ::1 ::2 esp 256 -mark 1/1 -E null;\nadd ::1 ::2 esp 256 -mark 3/3 -E null;",
        &format!("2:17 {exists}"),
    );
    let other =
        "add ::1 ::2 esp 256 -E null;\ndeleteall ::1 ::2 -ifid 7; add ::1 ::2 esp 256 -E null;";
    one(other, &format!("2:44 {exists}"));
    let none = "! there is no such SA: line 1 flushes the SAD, and no statement adds it";
    for statement in ["delete", "get"] {
        let script = format!("flush;\n{statement} ::1 ::2 esp 256;");
        let column = statement.len() + 14;
        one(&script, &format!("2:{column} {none}"));
        let script =
            format!("flush; add ::1 ::2 esp 256 -E null;\n{statement} ::1 ::2 esp 256 -ifid 7;");
        one(&script, &format!("2:{column} {none}"));
    }
}

#[test]
fn policies_of_one_name() {
    let add = |direction: &str| format!("spdadd ::1 ::2 any -P {direction} none;\n");
    let exists = "2:1 ! line 1 adds a policy with this selector and direction";
    for direction in ["in", "out", "fwd"] {
        one(&add(direction).repeat(2), exists);
    }
    one(
        &(add("in") + &add("fwd")),
        "2:1 ! line 1 adds this policy: an `in` policy has a copy for `fwd`",
    );
    one(
        &(add("fwd") + &add("in")),
        "2:1 ! line 1 adds the `fwd` policy that this `in` policy is copied to",
    );
    assert_eq!(findings_with(false, &(add("in") + &add("fwd"))), [""; 0]);
    one(
        "spdflush;\nspddelete ::1 ::2 any -P out;",
        "2:1 ! there is no such policy: line 1 flushes the SPD, and no statement adds it",
    );
}

#[test]
fn what_every_kernel_refuses() {
    for (script, expected) in [
        ("add ::1 ::2 ipcomp 0x10000 -C deflate;", "1:20 ! a CPI has 16 bits: 256 to 65535"),
        ("add ::1 ::2 ipcomp 300 -esn -C deflate;", "1:24 ! IPComp has no sequence numbers"),
        ("add ::1 ::2 ipcomp 300 -m beet -C deflate;", "1:24 ! IPComp has no beet mode"),
        (
            "add ::1 ::2 ah 300 -natt ::1[1] ::2[2] -A hmac-md5 \"sixteen byte key\";",
            "1:20 ! NAT traversal is for ESP only",
        ),
        (
            "add ::1 ::2 esp 300 -r 32 -dir out -E null;",
            "1:21 ! an outbound SA has no replay window",
        ),
        (
            "add ::1 ::2 esp 300 -dir in -flag nopmtudisc -E null;",
            "1:29 ! an SA of this direction does not take the flag",
        ),
        (
            "add ::1 ::2 esp 300 -E aes-cbc \"seventeen bytes!!\";",
            "1:32 ! aes-cbc does not take a key of 136 bits, but a key of 128, 192 or 256 bits (16, 24 or 32 bytes)",
        ),
        (
            "add ::1 ::2 esp 300 -lh 5 -E null;",
            "1:21 ! the kernel takes a hard and a soft lifetime together: give both (-lh with -ls, or -bh with -bs)",
        ),
        (
            "add ::1 ::2 300 -E null;",
            "1:13 ! no protocol given: say esp, ah or ipcomp before the SPI",
        ),
        (
            "spdadd ::1/129 ::2 any -P out none;",
            "1:12 ! prefix length 129 is over the address's 128 bits",
        ),
        (
            "spdadd ::1 ::2 any -P out bypass;",
            "1:27 ! bypass is for sockets: in the SPD use none or discard",
        ),
    ] {
        one(script, expected);
    }
}

#[test]
fn what_never_works() {
    for (script, expected) in [
        (
            "add ::1 ::2 esp 255 -E null;",
            "1:17 ! SPIs below 256 are reserved (RFC 4303, section 2.1)",
        ),
        (
            "spdadd ::1 ::2 icmp -P in none;",
            "1:16 ! no packet of these addresses has this protocol: icmp is that of IPv4",
        ),
        (
            "spdadd 192.0.2.1 192.0.2.2 58 -P in none;",
            "1:28 ! no packet of these addresses has this protocol: icmp6 is that of IPv6",
        ),
        (
            "spdadd ::1[80] ::2 50 -P in none;",
            "1:11 ! the kernel compares no ports of the protocol: no packet will match",
        ),
        (
            "spdadd ::1 ::2 icmp6 256,0 -P in none;",
            "1:22 ! a type and a code have 8 bits: no packet will match",
        ),
        (
            "spdadd ::1 ::2 any -mark 3/1 -P in none;",
            "1:20 ! the mark has bits that its mask leaves out: no packet will match",
        ),
        (
            "add ::1 ::2 esp 256 -mark 3/1 -E null;",
            "1:21 ! the mark has bits that its mask leaves out: no packet will match",
        ),
    ] {
        one(script, expected);
    }
}

#[test]
fn what_works_otherwise_than_it_seems() {
    for (policy, expected) in [
        ("out", "1:23 ? a policy without action discards packets"),
        ("out ipsec", "1:27 ? `ipsec` without templates: packets pass in clear, as with `none`"),
        (
            "out none esp/transport//use",
            "1:32 ? templates are ignored with another action than `ipsec`",
        ),
        (
            "out ipsec esp/transport//unique:16384",
            "1:33 ? `unique` takes a number of 1 to 16383: this one is replaced by a free number",
        ),
    ] {
        one(&format!("spdadd ::1 ::2 any -P {policy};"), expected);
    }
}

#[test]
fn what_is_surely_not_meant() {
    for (script, expected) in [
        (
            "add 192.0.2.1 192.0.2.1 esp 256 -E null;",
            "1:15 ? source and destination are the same address: no packet leaves the host",
        ),
        (
            "add 192.0.2.1 0.0.0.0 esp 256 -E null;",
            "1:15 ? this is one host, and no packet has its address",
        ),
        (
            "add ::1 ::2 esp 256 -m tunnel -u 5 -m transport -E null;",
            "1:36 ? -m is given twice: the last one counts",
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc \"0x00112233445566\";",
            "1:32 ? digits in quotes are a text: each of them is a byte of the key",
        ),
        (
            "add ::1 ::2 esp 256 -E aes-cbc 0x0112233445566778899aabbccddeeff;",
            "1:32 ? the key has an odd number of hexadecimal digits: the first is taken for a byte",
        ),
        (
            "spdadd 0.0.0.0 0.0.0.0 any -P in discard;",
            "1:16 ? this is one host, and no packet has its address",
        ),
        (
            "spdadd :: 2001:db8::/32 any -P in discard;",
            "1:8 ? this is one host, and no packet has its address",
        ),
        (
            "spdadd ::1 ::2 any -mark 1 -mark 2 -P in none;",
            "1:28 ? -mark is given twice: the last one counts",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.1/use;",
            "1:54 ? source and destination are the same address: no packet leaves the host",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/tunnel/192.0.2.1-0.0.0.0/use;",
            "1:54 ? this is one host, and no packet has its address",
        ),
        (
            "spdadd ::1 ::2 any -P in ipsec esp/tunnel/224.0.0.1-192.0.2.1/use;",
            "1:43 ? no packet comes from a multicast address",
        ),
        (
            "spdadd ::1 ::2 any -P out ipsec esp/transport//use esp/transport//use;",
            "1:52 ? the same template is before it: packets are transformed twice",
        ),
        ("add ::1 ::2 esp 256 -E null;\nflush;", "2:1 ? what line 1 adds is deleted again"),
        ("spdadd ::1 ::2 any -P out none;\nspdflush;", "2:1 ? what line 1 adds is deleted again"),
    ] {
        one(script, expected);
    }
    for script in [
        // The first packets of DHCP and of neighbour discovery.
        "spdadd 0.0.0.0[68] 0.0.0.0/0[67] udp -P out none; spdadd :: ff02::/16 icmp6 -P out none;",
        "add ff02::5 ff02::5 esp 256 -E null;",
        "add ::1 ::1 esp 256 -E null; add 0.0.0.0 192.0.2.1 esp 256 -E null;",
        "add ::1 ::2 esp 256 -flag noecn -flag icmp -f zero-pad -f nocyclic-seq -E null;",
        "spdadd ::1 ::2 any -P in ipsec esp/tunnel/0.0.0.0-0.0.0.0/use;",
        "spdadd ::1 ::2 any -P out ipsec esp/transport//use esp/transport//unique:5 ah/transport//use;",
        "add ::1 ::2 esp 256 -E null; get ::1 ::2 esp 256; flush;",
        "add ::1 ::2 esp 256 -E null; flush ah; spdflush;",
    ] {
        assert_eq!(findings(script), [""; 0], "{script}");
    }
}

#[test]
fn a_file_that_describes_a_state_has_entries_only() {
    let found = |script: &str| {
        let found = checked(Checker::of_state(true), Dialect::NetBsd, script);
        found.iter().map(|it| format!("{} {}", it.place.position, it.kind)).collect::<Vec<_>>()
    };
    let add = "add 192.0.2.1 192.0.2.2 esp 0x1000 -E null;";
    let update = "update 192.0.2.1 192.0.2.2 esp 0x1000 -E null;";
    let policy = "spdadd 192.0.2.1 192.0.2.2 any -P out none;";
    let whole = format!("flush; {add} {update} spdflush; flush ah; {policy}");
    assert_eq!(found(&whole), Vec::<String>::new());
    let late = "a flush is at the beginning of a file that describes a state: line 1 is before it";
    assert_eq!(found(&format!("{add}\nflush;")), [format!("2:1 {late}")]);
    assert_eq!(found(&format!("{policy}\nspdflush;")), [format!("2:1 {late}")]);
    for other in [
        "delete 192.0.2.1 192.0.2.2 esp 0x1000;",
        "deleteall 192.0.2.1 192.0.2.2 esp;",
        "get 192.0.2.1 192.0.2.2 esp 0x1000;",
        "getspi 192.0.2.1 192.0.2.2 esp 0x1000;",
        "dump;",
        "spddump;",
        "spddelete 192.0.2.1 192.0.2.2 any -P out;",
    ] {
        let expected = "1:1 the statement describes neither an SA nor a policy";
        assert_eq!(found(other), [expected], "{other}");
    }
}

#[test]
fn a_script_is_read_whole_as_far_as_it_can_be() {
    let script = |text: &'static [u8]| {
        let script = Script::new(text, Dialect::Linux);
        CheckedScript::new(script, Checker::new(true), &FakeNames)
    };
    let mut wrong =
        script(b"flsh; spdadd nowhere ::1 any -P in none; get ::1 ::2 esp 1; flush \";");
    let mut places = Vec::new();
    while let Some(statement) = wrong.next_statement().unwrap() {
        let place = statement.findings.first().map(|it| it.place.position.column);
        places.push((statement.lowered.is_some(), place));
    }
    assert_eq!(places, [(false, Some(1)), (false, Some(14)), (true, None), (false, Some(67))]);
    let wide = b"\xff\xfef\0l\0u\0s\0h\0;\0 \0f\0l\0u\0s\0h\0;\0";
    let mut wide = script(wide);
    assert!(wide.next_statement().unwrap().is_some());
    assert!(wide.next_statement().unwrap().is_none(), "what follows cannot be read");
    let broken = b"flush;".chain(sys::bounded::Bounded::new(&b"flush;"[..], 0));
    let script = Script::new(broken, Dialect::Linux);
    let mut broken = CheckedScript::new(script, Checker::new(true), &FakeNames);
    assert!(broken.next_statement().is_ok_and(|statement| statement.is_some()));
    assert!(broken.next_statement().is_err());
}
