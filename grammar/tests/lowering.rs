//! What a statement means: script to operations.

mod common;

use std::num::NonZeroU16;

use common::run;
use model::{
    Action, AddressPair, Direction, EncapKind, Error, Level, Mark, Mode, Operation, Policy,
    Priority, Proto, ReqId, Sa, SaGroup, SaId, SaMode, SecCtx, Spi, TemplateMode, Upper,
};

#[track_caller]
fn operations(script: &str) -> Vec<Result<Operation, Error>> {
    let run = run(script.as_bytes());
    assert_eq!(run.error, None, "{script}");
    run.operations
}

#[track_caller]
fn one(script: &str) -> Result<Operation, Error> {
    let mut operations = operations(script);
    assert_eq!(operations.len(), 1, "{script}");
    operations.remove(0)
}

/// The SA of `add 192.0.2.1 192.0.2.2 REST;`.
#[track_caller]
fn sa(rest: &str) -> Sa {
    match one(&format!("add 192.0.2.1 192.0.2.2 {rest};")) {
        Ok(Operation::AddSa(sa)) => *sa,
        other => panic!("{other:?}"),
    }
}

/// The policy of `spdadd 10.0.0.1 10.0.0.2 REST;`.
#[track_caller]
fn policy(rest: &str) -> Policy {
    match one(&format!("spdadd 10.0.0.1 10.0.0.2 {rest};")) {
        Ok(Operation::AddPolicy(policy)) => *policy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_sa_without_options() {
    let sa = sa("esp 0x1000 -E null");
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let crypt = sa.crypt.clone();
    assert_eq!(crypt.as_ref().unwrap().algorithm.name, "null");
    let bare = Sa::bare(ends, Proto::Esp, Spi(0x1000));
    assert_eq!(sa, Sa { mode: SaMode::ANY, crypt, ..bare });
}

#[test]
fn spis_are_decimal_or_hexadecimal() {
    for (text, spi) in [("010", 10), ("0x10", 16), ("0X1F", 31), ("4294967295", u32::MAX)] {
        assert_eq!(sa(&format!("esp {text} -E null")).spi, Spi(spi), "{text}");
    }
}

#[test]
fn modes_and_options() {
    assert_eq!(sa("esp 1 -m any -E null").mode, SaMode::ANY);
    assert_eq!(sa("esp 1 -m transport -E null").mode, SaMode::Of(Mode::Transport));
    assert_eq!(sa("esp 1 -m tunnel -E null").mode, SaMode::Of(Mode::Tunnel));
    assert_eq!(sa("esp 1 -m tunnel -m any -E null").mode, SaMode::ANY);
    assert_eq!(sa("esp 1 -u16 -u 17 -E null").reqid, ReqId::new(17));
    assert_eq!(sa("esp 1 -r 16 -E null").replay_window, 16);
    assert_eq!(sa("esp 1 -r 300 -E null").replay_window, 300);
    assert_eq!(sa("esp-old 1 -f zero-pad -f nocyclic-seq -E null").replay_window, 0);
    let lifetimes = sa("esp 1 -lh 4 -ls 3 -bh 2 -bs 1 -E null").lifetimes;
    assert_eq!(lifetimes.hard.numbers(), [0, 2, 4, 0]);
    assert_eq!(lifetimes.soft.numbers(), [0, 1, 3, 0]);
    let context = SecCtx { doi: 1, alg: 2, context: b"a:b".to_vec() };
    assert_eq!(sa("esp 1 -ctx 1 2 \"a:b\" -E null").sec_ctx, Some(context));
    assert_eq!(sa("esp 1 -ctx 0 2 \"a:b\" -E null").sec_ctx, None);
}

#[test]
fn keys() {
    let key = |text: &str, name: &str| {
        let sa = sa(&format!("esp 1 -E {name} {text}"));
        sa.crypt.unwrap().key.bytes().to_vec()
    };
    assert_eq!(key("0x0123456789abcdeF", "des-cbc"), [1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    // Of an odd number of digits the first is a byte.
    assert_eq!(key("0x123456789abcdef", "des-cbc"), [1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    assert_eq!(key("\"kame;#\nx\"", "des-cbc"), b"kame;#\nx");
    assert_eq!(key("\"aaaaa\"", "blowfish-cbc"), b"aaaaa");
    let script = b"add ::1 ::2 esp 1 -E des-cbc \"\x80\xff\0\xc3\xa4xyz\";";
    let Ok(Operation::AddSa(sa)) = run(script).operations.remove(0) else { panic!() };
    assert_eq!(sa.crypt.unwrap().key.bytes(), b"\x80\xff\0\xc3\xa4xyz");
}

#[test]
fn algorithms() {
    for (words, crypt, auth) in [
        ("-E aes-cbc \"1234567890123456\"", "aes-cbc", ""),
        ("-E rijndael-cbc\"1234567890123456\"", "aes-cbc", ""),
        ("-E des-deriv \"12345678\"", "des-cbc", ""),
        ("-E simple", "null", ""),
        ("-E null -A null", "null", "null"),
        ("-E null -A hmac-sha2-256 \"12345678901234567890123456789012\"", "null", "hmac-sha256"),
        ("-E null -A aes-xcbc-mac \"1234567890123456\"", "null", "aes-xcbc-mac"),
    ] {
        let sa = sa(&format!("esp 1 {words}"));
        assert_eq!(sa.crypt.unwrap().algorithm.name, crypt, "{words}");
        assert_eq!(sa.auth.map_or("", |auth| auth.algorithm.name), auth, "{words}");
    }
    assert_eq!(sa("esp-old 1 -E des-32iv \"12345678\"").proto, Proto::Esp);
    assert_eq!(sa("ipcomp 1 -C deflate -R").comp.unwrap().name, "deflate");
    assert_eq!(sa("ah-old 1 -A hmac-md5 \"1234567890123456\"").proto, Proto::Ah);
}

#[test]
fn esp_in_udp() {
    let ports = |script: &str| match one(script) {
        Ok(Operation::AddSa(sa)) => {
            let encap = sa.encap.unwrap();
            assert_eq!(encap.kind, EncapKind::EspInUdp);
            let port = |port: Option<NonZeroU16>| port.map_or(0, NonZeroU16::get);
            (port(encap.src_port), port(encap.dst_port))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(ports("add 192.0.2.1 192.0.2.2 esp-udp 1 -E null;"), (4500, 4500));
    assert_eq!(ports("add 192.0.2.1[any] 192.0.2.2[ 1024 ] esp-udp 1 -E null;"), (4500, 1024));
    assert_eq!(ports("add 192.0.2.1[l2tp] 192.0.2.2 esp-udp 10.0.0.1 1 -E null;"), (1701, 4500));
    assert_eq!(sa("esp 1 -E null").encap, None);
}

#[test]
fn names_with_several_addresses_give_every_pair_of_one_family() {
    assert_eq!(operations("add two both esp 1 -E null;").len(), 2);
    assert_eq!(operations("add both both esp 1 -E null;").len(), 2);
    assert_eq!(operations("add -6 both both esp 1 -E null;").len(), 1);
    assert_eq!(operations("get two two esp 1;").len(), 4);
    assert_eq!(operations("deleteall both 2001:db8::1 esp;").len(), 1);
}

#[test]
fn the_other_statements_of_the_sad() {
    let id =
        SaId { dst: [192, 0, 2, 2].into(), proto: Proto::Ah, spi: Spi(5), mark: Mark::default() };
    assert_eq!(one("get 192.0.2.1 192.0.2.2 ah 5;"), Ok(Operation::GetSa(id, None)));
    assert_eq!(one("delete 192.0.2.1 192.0.2.2 ah 5;"), Ok(Operation::DeleteSa(id, None)));
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    for (word, proto) in [("", None), ("esp", Some(Proto::Esp)), ("ipcomp", Some(Proto::IpComp))] {
        let delete_all = format!("deleteall 192.0.2.1 192.0.2.2 {word};");
        let group = SaGroup { ends, proto, mark: None, if_id: None };
        assert_eq!(one(&delete_all), Ok(Operation::DeleteAllSa(group)));
        assert_eq!(one(&format!("flush {word};")), Ok(Operation::FlushSad(proto)));
        assert_eq!(one(&format!("dump {word};")), Ok(Operation::DumpSad(proto)));
    }
    assert_eq!(one("spdflush;"), Ok(Operation::FlushSpd(model::PolicyType::Main)));
    assert_eq!(one("spddump;"), Ok(Operation::DumpSpd));
}

#[test]
fn what_af_key_refuses_is_no_error_of_the_script() {
    for (script, error) in [
        ("add ::1 ::1 1 -E null;", Error::NoProto),
        ("get ::1 ::1 1;", Error::NoProto),
        ("add ::1 ::1 tcp 1 -E null;", Error::TcpSignature),
        ("flush tcp;", Error::TcpSignature),
        ("deleteall ::1 ::1 tcp;", Error::TcpSignature),
        ("add ::1 ::1 ipcomp 1 -C oui;", Error::NoCompression("oui".into())),
        ("add ::1 ::1 esp 1 -A null;", Error::EspWithoutCipher),
        ("add ::1 ::1 ah 1 -A null;", Error::AhWithoutAuth),
        ("add ::1 ::1 esp 1 -lh 5 -E null;", Error::OneLifetimeOnly),
        ("spdadd ::1/129 ::1 any -P out none;", Error::PrefixTooLong { given: 129, most: 128 }),
        ("spdadd ::1 ::1 any -P out bypass;", Error::SocketActionInSpd("bypass")),
        ("spdadd ::1 ::1 any -P out entrust;", Error::SocketActionInSpd("entrust")),
        ("spdadd ::1 ::1 any -P out ipsec esp/beet/::1-::2/use;", Error::OptionalOutboundBeet),
    ] {
        assert_eq!(one(script), Err(error), "{script}");
    }
    assert_eq!(operations("flush tcp; dump;").len(), 2);
}

#[test]
fn a_limit_of_0_is_none() {
    let refused = |options: &str| {
        let script = format!("add ::1 ::1 esp 256 {options} -E null;");
        one(&script).is_err_and(|error| error == Error::OneLifetimeOnly)
    };
    for options in ["-lh 5", "-lh 5 -ls 0", "-ls 5 -lh 0", "-bh 5 -bs 0", "-ph 5 -ps 0"] {
        assert!(refused(options), "{options}");
    }
    // No original has these two: they stand for a lifetime without limits.
    for options in ["-lh 5 -us 0", "-ls 5 -uh 0", "-lh 0 -ls 0", "-us 0"] {
        assert!(!refused(options), "{options}");
    }
    let lifetimes = sa("esp 256 -lh 5 -us 0 -E null").lifetimes;
    assert_eq!((lifetimes.hard.numbers(), lifetimes.soft.numbers()), ([0, 0, 5, 0], [0; 4]));
}

#[test]
fn selectors() {
    let selector = |rest: &str| policy(&format!("{rest} -P out none")).id.selector;
    assert_eq!(selector("any").upper, Upper::Any);
    assert_eq!(selector("255").upper, Upper::Any);
    assert_eq!(selector("tcp").upper, Upper::Number(6));
    assert_eq!(selector("udp").upper, Upper::Number(17));
    assert_eq!(selector("ip4").upper, Upper::Number(4));
    assert_eq!(selector("62").upper, Upper::Number(62));
    let ports = |rest: &str| {
        let selector = selector(rest);
        (selector.src_port, selector.dst_port)
    };
    assert_eq!(ports("icmp6 135,0"), (135, 0));
    assert_eq!(ports("135 1,2"), (1, 2));
    assert_eq!(ports("icmp 8,0"), (8, 0));
    assert_eq!(ports("gre 1.2.3.4"), (0x0102, 0x0304));

    let script = "spdadd 10.1.2.3/16[domain] 10.2.3.4[any] tcp -P out none;";
    let Ok(Operation::AddPolicy(policy)) = one(script) else { panic!() };
    let selector = policy.id.selector;
    // Host bits are kept.
    assert_eq!((selector.src().addr(), selector.src().length()), ([10, 1, 2, 3].into(), 16));
    assert!(selector.dst().is_host());
    assert_eq!((selector.src_port, selector.dst_port), (53, 0));
}

#[test]
fn priorities() {
    for (text, number) in [
        ("", 0x8000_0000),
        ("prio def", 0x8000_0000),
        ("priority low", 0xC000_0000),
        ("prio high", 0x4000_0000),
        ("prio high + 5", 0x3FFF_FFFB),
        ("prio def+1", 0x7FFF_FFFF),
        ("prio def - 7", 0x8000_0007),
        ("prio 100", 0x7FFF_FF9C),
        ("prio -100", 0x8000_0064),
        ("prio 2147483648", 0),
        ("prio low - 1073741823", u32::MAX),
    ] {
        let policy = policy(&format!("any -P out {text} none"));
        assert_eq!(policy.priority, Priority(number), "{text}");
    }
    // Only spddelete is meant to go without an action.
    let policy = policy("any -P fwd");
    assert_eq!((policy.priority, policy.action), (Priority(0), Action::Discard));
    assert_eq!(policy.id.direction, Direction::Fwd);
}

#[test]
fn templates() {
    let templates = |text: &str| {
        let policy = policy(&format!("any -P in ipsec {text}"));
        policy.action.templates().to_vec()
    };
    assert_eq!(templates(""), []);
    for (text, proto, level) in [
        ("esp/transport", Proto::Esp, Level::Default),
        ("ah/transport/", Proto::Ah, Level::Default),
        ("esp/transport//default", Proto::Esp, Level::Default),
        ("ipcomp/transport//use", Proto::IpComp, Level::Use),
        ("esp/transport/10.0.0.1-10.0.0.2", Proto::Esp, Level::Default),
        ("esp/transport/10.0.0.1-10.0.0.2/", Proto::Esp, Level::Default),
        ("esp/transport/any-me/require", Proto::Esp, Level::Require),
        ("esp / transport / / require", Proto::Esp, Level::Require),
        ("esp/transport//unique", Proto::Esp, Level::Unique(None)),
        ("esp/transport//unique:7", Proto::Esp, Level::Unique(ReqId::new(7))),
        ("esp/transport//unique:0", Proto::Esp, Level::Unique(None)),
        ("esp/transport//unique:16383", Proto::Esp, Level::Unique(ReqId::new(0x3fff))),
        ("esp/transport//unique:16384", Proto::Esp, Level::Unique(None)),
    ] {
        let templates = templates(text);
        assert_eq!(templates.len(), 1, "{text}");
        assert_eq!((templates[0].proto, templates[0].level), (proto, level), "{text}");
        assert_eq!(templates[0].mode, TemplateMode::Transport, "{text}");
    }
    let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
    for text in ["10.0.0.1-10.0.0.2/require", "10.0.0.1[4500]-10.0.0.2[4500]/require"] {
        let templates = templates(&format!("esp/tunnel/{text} ah/transport//require"));
        assert_eq!(templates[0].mode, TemplateMode::Tunnel(ends));
        assert_eq!(templates[1].proto, Proto::Ah);
    }
    // Read, and dropped.
    assert_eq!(policy("any -P in none esp/tunnel//require").action, Action::None);
    assert_eq!(policy("any -P in discard esp/transport").action, Action::Discard);
}

#[test]
fn the_other_statements_of_the_spd() {
    let added = policy("any -P out none");
    let id = added.id.clone();
    assert_eq!(
        one("spdupdate 10.0.0.1 10.0.0.2 any -P out none;"),
        Ok(Operation::UpdatePolicy(Box::new(added)))
    );
    for text in ["out", "out ipsec", "out bypass", "out prio low discard"] {
        let delete = format!("spddelete 10.0.0.1 10.0.0.2 any -P {text};");
        assert_eq!(one(&delete), Ok(Operation::DeletePolicy(id.clone())), "{text}");
    }
    let context = policy("any -ctx 1 1 \"a\" -P out none").id.sec_ctx.unwrap();
    assert_eq!(context.context, b"a");
}

#[test]
fn tagged_policies_are_refused() {
    for script in ["spdadd tagged \"x\" -P out none;", "spdupdate tagged \"x\" -P out none;"] {
        let error = run(script.as_bytes()).error.unwrap();
        assert_eq!(error.to_string(), "tagged policies do not exist on Linux");
        assert!(error.help().is_some());
    }
    let error = run(b"spdadd tagged \"x\" -P out bogus;").error.unwrap();
    assert_eq!(error.message(), Some("Invalid argument"));
}

#[test]
fn warnings() {
    let warnings = |script: &str| {
        let run = run(script.as_bytes());
        assert_eq!(run.error, None);
        run.warnings.iter().filter_map(grammar::Warning::original).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("add ::1 ::1 esp 1 -E simple;"),
        ["line 1: WARNING: obsolete algorithm at [simple]"]
    );
    for word in ["get", "delete"] {
        let warnings = warnings(&format!("{word} ::1 ::1 esp 1 -m tunnel\n;"));
        assert_eq!(warnings, ["line 2: WARNING: mode is obsolete at [;]"]);
    }
    assert!(warnings("get ::1 ::1 esp 1 -m any;").is_empty());
}

#[test]
fn exit_ends_a_script() {
    for word in ["exit", "quit", "bye"] {
        let run = run(format!("flush; {word}; @@@").as_bytes());
        assert_eq!((run.statements, run.operations.len()), (2, 1));
        assert_eq!(run.error, None);
    }
}

#[test]
fn an_empty_script_does_nothing() {
    for script in ["", "\n \t", "# flush;", "# flush;\n"] {
        assert_eq!(run(script.as_bytes()).statements, 0);
    }
}

#[test]
fn services_are_those_of_the_protocol() {
    let ports = |rest: &str| {
        let run = run(format!("spdadd ::1[{rest} -P out none;").as_bytes());
        match &run.operations[..] {
            [Ok(Operation::AddPolicy(policy))] => {
                Ok((policy.id.selector.src_port, policy.id.selector.dst_port))
            }
            _ => Err(run.error.unwrap().to_string()),
        }
    };
    assert_eq!(ports("ssh] ::2[any] tcp"), Ok((22, 0)));
    assert_eq!(ports("any] ::2[ssh] 6"), Ok((0, 22)));
    assert_eq!(ports("ssh] ::2 any"), Ok((22, 0)));
    // What the original finds comes first.
    assert_eq!(ports("twin] ::2 tcp"), Ok((111, 0)));
    for (upper, names) in [("udp", "UDP"), ("tcp", "UDP or TCP"), ("132", "UDP or SCTP")] {
        let name = if upper == "udp" { "ssh" } else { "nothing" };
        let refusal = format!("`{name}` is no port and no service of {names}");
        assert_eq!(ports(&format!("{name}] ::2 {upper}")), Err(refusal));
    }
    // ESP in UDP.
    assert!(run(b"add ::1[ssh] ::2[500] esp-udp 256 -E null;").error.is_some());
}
