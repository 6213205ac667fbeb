//! What no original has, in every dialect.

mod common;

use std::num::{NonZeroU16, NonZeroU32};

use common::{run, run_in};
use grammar::WarningKind;
use model::{
    ALGORITHMS, AddressPair, AlgorithmKind, Dialect, Encap, EncapKind, Lifetime, Mark, Mode,
    Offload, Operation, Policy, Sa, SaDirection, SaFlags, TemplateMode,
};

#[track_caller]
fn operations(dialect: Dialect, script: &str) -> Vec<Operation> {
    let run = run_in(dialect, script.as_bytes());
    assert_eq!(run.error, None, "{script}");
    run.operations.into_iter().map(|operation| operation.expect(script)).collect()
}

#[track_caller]
fn sa(rest: &str) -> Sa {
    let script = format!("add 192.0.2.1 192.0.2.2 {rest};");
    match operations(Dialect::Linux, &script).remove(0) {
        Operation::AddSa(sa) => *sa,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn policy(rest: &str) -> Policy {
    match operations(Dialect::Linux, &format!("spdadd 10.0.0.1 10.0.0.2 {rest};")).remove(0) {
        Operation::AddPolicy(policy) => *policy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_algorithm_of_the_table_has_its_word() {
    for algorithm in ALGORITHMS {
        let key = "ab".repeat(usize::from(algorithm.key_bits.min) / 8);
        let key = if key.is_empty() { key } else { format!("0x{key}") };
        for name in algorithm.aliases.iter().chain([&algorithm.name]) {
            let (rest, proto) = match algorithm.kind {
                AlgorithmKind::Auth if key.is_empty() => (format!("-E null -A {name}"), "esp"),
                AlgorithmKind::Auth => (format!("-A {name} {key}"), "ah"),
                AlgorithmKind::Comp => (format!("-C {name}"), "ipcomp"),
                _ if *name == "des-32iv" => (format!("-E {name} {key}"), "esp-old"),
                _ => (format!("-E {name} {key}"), "esp"),
            };
            let sa = sa(&format!("{proto} 256 {rest}"));
            let found = match algorithm.kind {
                AlgorithmKind::Auth => sa.auth.unwrap().algorithm,
                AlgorithmKind::Crypt => sa.crypt.unwrap().algorithm,
                AlgorithmKind::Aead => sa.aead.unwrap().algorithm,
                AlgorithmKind::Comp => sa.comp.unwrap(),
            };
            assert_eq!(found, algorithm, "{name}");
        }
    }
}

#[test]
fn every_flag_of_the_table_has_its_word() {
    for flag in SaFlags::ALL {
        let name = flag.words().next().unwrap();
        assert_eq!(sa(&format!("esp 256 -flag {name} -E null")).flags, flag);
    }
    let both = SaFlags::NO_ECN | SaFlags::NO_PMTU_DISC;
    assert_eq!(sa("esp 256 -flag noecn -flag nopmtudisc -E null").flags, both);
}

#[test]
fn options_of_an_sa() {
    let mark = |text: &str| sa(&format!("esp 256 -mark {text} -E null")).mark;
    assert_eq!(mark("0x10/0xff"), Mark { value: 16, mask: 255 });
    assert_eq!(mark("16 / 255"), Mark { value: 16, mask: 255 });
    assert_eq!(mark("5"), Mark { value: 5, mask: u32::MAX });
    let sa = sa(
        "esp 256 -m beet -r 4096 -esn -outmark 1/2 -ifid 0x20 -dir out -offload eth0_1.5 in packet \
         -keepalive 20 -uh 1 -us 2 -ph 3 -ps 4 -natt 10.0.0.1[1] 10.0.0.2[2] -E null",
    );
    assert_eq!((sa.mode, sa.replay_window, sa.esn), (Mode::Beet.into(), 4096, true));
    assert_eq!(sa.output_mark, Mark { value: 1, mask: 2 });
    assert_eq!((sa.if_id, sa.nat_keepalive), (NonZeroU32::new(32), NonZeroU32::new(20)));
    assert_eq!(sa.direction, Some(SaDirection::Out));
    let device = "eth0_1.5".parse().unwrap();
    assert_eq!(sa.offload, Some(Offload { device, direction: SaDirection::In, packet: true }));
    let hard = Lifetime::from_numbers([3, 0, 0, 1]);
    let soft = Lifetime::from_numbers([4, 0, 0, 2]);
    assert_eq!((sa.lifetimes.hard, sa.lifetimes.soft), (hard, soft));
    let encap = Encap {
        kind: EncapKind::EspInUdp,
        src_port: NonZeroU16::new(1),
        dst_port: NonZeroU16::new(2),
        original: None,
    };
    assert_eq!(sa.encap, Some(encap));
    assert_eq!(self::sa("esp 256 -keepalive 5 -nokeepalive -E null").nat_keepalive, None);
}

#[test]
fn they_are_the_same_in_every_dialect() {
    let script = "add ::1 ::2 esp 256 -m tunnel -esn -mark 1/2 -ifid 3 -offload e0 out -dir in \
                  -keepalive 5 -outmark 6 -flag icmp -uh 1 -us 2 -ph 3 -ps 4 \
                  -E aes-ccm-8 0x00112233445566778899aabbccddeeff001122;
                  spdadd ::1 ::2 any -mark 1 -ifid 2 -lh 3 -ls 4 -ph 5 -ps 6 -P in none;";
    let linux = operations(Dialect::Linux, script);
    for &dialect in Dialect::ALL {
        assert_eq!(operations(dialect, script), linux);
    }
}

#[test]
fn marks_name_sas_and_policies() {
    const SEVEN: Option<NonZeroU32> = NonZeroU32::new(7);
    let mark = Mark { value: 1, mask: 3 };
    for word in ["get", "delete"] {
        for (written, given) in
            [("", None), ("-ifid 7", Some(SEVEN)), ("-ifid 7 -ifid 0", Some(None))]
        {
            let script = format!("{word} ::1 ::2 esp 256 -mark 1/3 {written};");
            match operations(Dialect::Linux, &script).remove(0) {
                Operation::GetSa(id, if_id) | Operation::DeleteSa(id, if_id) => {
                    assert_eq!((id.mark, if_id), (mark, given));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    match operations(Dialect::Linux, "deleteall ::1 ::2 -ifid 7 -mark 1/3;").remove(0) {
        Operation::DeleteAllSa(group) => {
            assert_eq!((group.mark, group.if_id, group.proto), (Some(mark), Some(SEVEN), None));
        }
        other => panic!("{other:?}"),
    }
    let script = "spddelete ::1 ::2 any -ifid 7 -mark 1/3 -P out;";
    match operations(Dialect::Linux, script).remove(0) {
        Operation::DeletePolicy(id) => assert_eq!((id.mark, id.if_id), (mark, NonZeroU32::new(7))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_of_a_policy() {
    let policy = policy(
        "any -lh 1 -ls 2 -mark 9 -bh 3 -bs 4 -ctx 1 1 \"a\" -uh 5 -us 6 -ph 7 -ps 8 -P out ipsec \
         esp/beet/10.0.0.1-10.0.0.2/require",
    );
    let hard = Lifetime::from_numbers([7, 3, 1, 5]);
    let soft = Lifetime::from_numbers([8, 4, 2, 6]);
    assert_eq!((policy.lifetimes.hard, policy.lifetimes.soft), (hard, soft));
    assert_eq!(policy.id.mark.value, 9);
    assert!(policy.id.sec_ctx.is_some());
    let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
    assert_eq!(policy.action.templates()[0].mode, TemplateMode::Beet(ends));
}

#[test]
fn a_tag_is_a_firewall_mark() {
    for (tag, mark) in [
        ("0x10/0xff", Mark { value: 16, mask: 255 }),
        ("16/255", Mark { value: 16, mask: 255 }),
        ("7", Mark { value: 7, mask: u32::MAX }),
    ] {
        let script = format!("spdadd tagged \"{tag}\" -P out discard;");
        let all = operations(Dialect::Linux, &script);
        let families = all.iter().map(|operation| match operation {
            Operation::AddPolicy(policy) => {
                let selector = policy.id.selector;
                assert_eq!((policy.id.mark, selector.src().length()), (mark, 0));
                selector.dst().addr().is_ipv4()
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(families.collect::<Vec<_>>(), [true, false]);
    }
    for tag in ["", "x", "1/", "/1", "0x", "+1", "1 ", "-1"] {
        let run = run(format!("spdadd tagged \"{tag}\" -P out none;").as_bytes());
        assert!(run.error.is_some(), "{tag}");
    }
}

#[test]
fn numbers_are_not_cut() {
    for (rest, message) in [
        ("-r 4097", "-r 4097 is out of range: 0 to 4096"),
        ("-mark 0x100000000", "-mark is out of range: 0 to 4294967295"),
        ("-mark 1/0x100000000", "-mark is out of range: 0 to 4294967295"),
        ("-ifid 4294967296", "-ifid 4294967296 is out of range: 0 to 4294967295"),
        ("-keepalive 4294967296", "-keepalive 4294967296 is out of range: 0 to 4294967295"),
    ] {
        let run = run(format!("add ::1 ::2 esp 256 {rest} -E null;").as_bytes());
        assert_eq!(run.error.map(|error| error.to_string()).as_deref(), Some(message));
    }
}

#[test]
fn new_warnings_are_not_the_originals() {
    let warnings = |script: &str| {
        let run = run(script.as_bytes());
        assert_eq!(run.error, None, "{script}");
        assert!(run.warnings.iter().all(|warning| warning.original().is_none()));
        run.warnings.iter().map(|warning| warning.kind).collect::<Vec<_>>()
    };
    assert_eq!(warnings("add ::1 ::2 esp 255 -E null;"), [WarningKind::ReservedSpi]);
    assert_eq!(warnings("add ::1 ::2 ipcomp 2 -C deflate;"), []);
    assert_eq!(warnings("get ::1 ::2 esp 255;"), []);
    for (selector, expected) in [
        ("::1[80] ::2 any", Some(WarningKind::PortOfAny)),
        ("::1[any] ::2[80] 50", Some(WarningKind::PortOfNone)),
        ("::1[0] ::2[any] any", None),
        ("::1[80] ::2 tcp", None),
        ("::1[80] ::2 136", None),
        ("::1[80] ::2 dccp", Some(WarningKind::PortOfNone)),
        ("::1 ::2 icmp6 135,0", None),
    ] {
        let script = format!("spdadd {selector} -P out none;");
        assert_eq!(warnings(&script).first().copied(), expected, "{selector}");
    }
}

#[test]
fn an_option_that_a_statement_does_not_use_is_refused() {
    let refusal = |dialect, script: &str| {
        let error = run_in(dialect, script.as_bytes()).error?;
        Some((error.to_string(), error.original().unwrap_or_default()))
    };
    let ends = "192.0.2.1 192.0.2.2";
    for word in ["get", "delete"] {
        for (option, rest) in [
            ("-outmark", " 5"),
            ("-esn", ""),
            ("-dir", " in"),
            ("-sel", " 10.0.0.1 10.0.0.2 any"),
            ("-flag", " noecn"),
            ("-us", " 0"),
        ] {
            let script = format!("{word} {ends} esp 256 -mark 1 {option}{rest};");
            let words = format!("{word} does nothing with {option}");
            let (reason, original) = refusal(Dialect::Linux, &script).expect(&script);
            assert_eq!(reason, words);
            assert!(original.starts_with("line 1: syntax error at [-"), "{original}");
        }
        // ipsec-tools reads these, and ignores them.
        let script = format!(
            "{word} {ends} esp 256 -u 5 -r 4 -lh 5 -f zero-pad -ctx 1 1 \"a\" -mark 1 -ifid 2;"
        );
        assert_eq!(refusal(Dialect::Linux, &script), None);
        let script = format!("{word} {ends} esp 256 -esn;");
        assert_eq!(refusal(Dialect::FreeBsd, &script), None);
        assert!(refusal(Dialect::NetBsd, &script).is_some());
    }
    let script = format!("getspi {ends} esp 256 -m tunnel -u 5 -pcpu 1;");
    let words = refusal(Dialect::NetBsd, &script).unwrap().0;
    assert_eq!(words, "getspi does nothing with -pcpu");
    let name = "-mark 1 -ifid 2 -dev eth0 -portmask 1/1 -user 3 -ptype sub -nofwd";
    for (options, refused) in [
        (name, None),
        ("-lh 5", Some("-lh")),
        ("-zero bs", Some("-zero")),
        ("-flag icmp", Some("-flag")),
        ("-offload eth0", Some("-offload")),
    ] {
        let script = format!("spddelete 10.0.0.1 10.0.0.2 any {options} -P out;");
        let words = refusal(Dialect::Linux, &script).map(|(words, _)| words);
        let expected = refused.map(|option| format!("spddelete does nothing with {option}"));
        assert_eq!(words, expected, "{script}");
    }
}
