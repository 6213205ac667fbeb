//! Every number has its range, and none is cut.

mod common;

use common::{run, run_in};
use grammar::Fault;
use model::{Dialect, Operation, Spi};

const SPIS: &str = "the SPI is out of range: 0 to 4294967295";

/// What is refused, where, and in which words: those of this crate, and those of the original.
#[track_caller]
fn refused(script: &str) -> (String, String, Option<String>) {
    let error = run(script.as_bytes()).error.unwrap_or_else(|| panic!("accepted: {script}"));
    assert!(
        matches!(error.kind(), Fault::OutOfRange { .. } | Fault::Priority | Fault::PriorityOffset),
        "{script}: {error}"
    );
    (error.position().to_string(), error.to_string(), error.message().map(str::to_owned))
}

#[test]
fn spis_have_32_bits() {
    for spi in ["0x1ffffffff", "0x100000001", "99999999999999999999999"] {
        for (begin, end) in [
            ("add ::1 ::2 esp ", " -E null"),
            ("add ::1 ::2 ipcomp ", " -C deflate"),
            ("get ::1 ::2 ah ", ""),
            ("delete ::1 ::2 esp ", ""),
        ] {
            let (place, text, original) = refused(&format!("{begin}{spi}{end};"));
            assert_eq!(place, format!("1:{}", begin.len() + 1));
            // A statement without keys shows a long number, the others do not.
            assert!(text == SPIS || text == SPIS.replace("is", &format!("{spi} is")), "{text}");
            assert_eq!(original.as_deref(), Some("SPI too big."));
        }
    }
    let (_, text, _) = refused("get ::1 ::2 esp 4294967552;");
    assert_eq!(text, "the SPI 4294967552 is out of range: 0 to 4294967295");
    let largest = run(b"add ::1 ::2 esp 0xffffffff -E null;").operations;
    let [Ok(Operation::AddSa(sa))] = &largest[..] else { panic!("{largest:?}") };
    assert_eq!(sa.spi, Spi(u32::MAX));
    let error = run_in(Dialect::NetBsd, b"getspi ::1 ::2 esp 4294967296;").error.unwrap();
    assert_eq!(error.to_string(), SPIS.replace("is", "4294967296 is"));
}

#[test]
fn options_of_an_sa() {
    for (option, text) in [
        ("-u 4294967296", "-u 4294967296 is out of range: 0 to 4294967295"),
        ("-r 4097", "-r 4097 is out of range: 0 to 4096"),
        ("-mark 4294967296", "-mark 4294967296 is out of range: 0 to 4294967295"),
        ("-mark 0x1/0x100000000", "-mark is out of range: 0 to 4294967295"),
        ("-outmark 4294967296", "-outmark 4294967296 is out of range: 0 to 4294967295"),
        ("-ifid 4294967296", "-ifid 4294967296 is out of range: 0 to 4294967295"),
        ("-keepalive 4294967296", "-keepalive 4294967296 is out of range: 0 to 4294967295"),
        ("-ctx 256 1 \"x\"", "-ctx 256 is out of range: 0 to 255"),
        ("-ctx 1 1000 \"x\"", "-ctx 1000 is out of range: 0 to 255"),
        ("-lh 18446744073709551616 -ls 1", "-lh is out of range: 0 to 18446744073709551615"),
        ("-bh 99999999999999999999 -bs 1", "-bh is out of range: 0 to 18446744073709551615"),
    ] {
        let (place, refusal, _) = refused(&format!("add ::1 ::2 esp 256 {option} -E null;"));
        assert_eq!((place.as_str(), refusal.as_str()), ("1:21", text));
    }
    let most = "add ::1 ::2 esp 256 -u 4294967295 -lh 18446744073709551615 -ls 1 -E null;";
    assert!(run(most.as_bytes()).error.is_none());
}

#[test]
fn numbers_of_a_policy() {
    const LARGE: &str = "4294967296 is out of range: 0 to";
    for (rest, place, text, original) in [
        (
            "256 -P out none",
            "1:16",
            "the upper-layer protocol 256 is out of range: 0 to 255".into(),
            Some("invalid upper layer protocol"),
        ),
        ("any -mark 4294967296 -P out none", "1:20", format!("-mark {LARGE} 4294967295"), None),
        ("any -ifid 4294967296 -P out none", "1:20", format!("-ifid {LARGE} 4294967295"), None),
        (
            "any -ctx 1 256 \"x\" -P out none",
            "1:20",
            "-ctx 256 is out of range: 0 to 255".into(),
            None,
        ),
        (
            "any -P out ipsec esp/transport//unique:4294967296",
            "1:33",
            format!("unique {LARGE} 4294967295"),
            Some("Invalid ipsec level"),
        ),
        (
            "any -P out ipsec esp/tunnel/::1[65536]-::2[1]/use",
            "1:44",
            "the port 65536 is out of range: 0 to 65535".into(),
            Some("Servname not supported for ai_socktype"),
        ),
    ] {
        let found = refused(&format!("spdadd ::1 ::2 {rest};"));
        assert_eq!(found, (place.into(), text, original.map(str::to_owned)));
    }
    let (place, text, _) = refused("spdadd ::1 ::2[70000] tcp -P out none;");
    assert_eq!(
        (place.as_str(), text.as_str()),
        ("1:15", "the port 70000 is out of range: 0 to 65535")
    );
}

#[test]
fn priorities() {
    let priority = |text: &str| {
        let run = run(format!("spdadd ::1 ::2 any -P out {text} none;").as_bytes());
        match &run.operations[..] {
            [Ok(Operation::AddPolicy(policy))] => Ok(policy.priority.0),
            _ => Err(run.error.unwrap().message().unwrap().to_owned()),
        }
    };
    assert_eq!(priority("prio 2147483648"), Ok(0));
    assert_eq!(priority("prio -2147483647"), Ok(u32::MAX));
    for out in ["2147483649", "-2147483648", "99999999999", "99999999999999999999"] {
        let refusal = "Priority offset not in valid range [-2147483647, 2147483648]";
        assert_eq!(priority(&format!("prio {out}")), Err(refusal.into()));
    }
    let (place, text, _) = refused("spdadd ::1 ::2 any -P out prio 2147483649 discard;");
    assert_eq!(place, "1:27");
    assert_eq!(text, "priority offset not in valid range [-2147483647, 2147483648]");
}
