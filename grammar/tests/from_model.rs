//! The model as script text, which reads as the same model.

mod common;
mod models;

use common::run;
use grammar::{Written, script_of_policy, script_of_sa};
use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, Direction, Encap, EncapKind, Key, Keyed, Level,
    Mode, Offload, Operation, Policy, PolicyId, Prefix, Priority, Proto, ReqId, Sa, SaDirection,
    SecCtx, Selector, Spi, Template, TemplateMode, Upper,
};
use models::{policy, sa};
use proptest::prelude::*;
use std::num::NonZeroU16;

/// What the text means, when nothing is lost.
fn read(written: &Written) -> Result<Operation, model::Error> {
    assert_eq!(written.lost, [""; 0], "{}", *written.text);
    let mut run = run(written.text.as_bytes());
    assert_eq!(run.error, None, "{}", *written.text);
    assert_eq!(run.operations.len(), 1, "{}", *written.text);
    run.operations.remove(0)
}

proptest! {
    #[test]
    fn an_sa_reads_back(sa in sa()) {
        let written = script_of_sa(&sa);
        prop_assert_eq!(read(&written), Ok(Operation::AddSa(Box::new(sa))), "{}", *written.text);
    }

    #[test]
    fn a_policy_reads_back(policy in policy()) {
        let written = script_of_policy(&policy);
        let read = read(&written);
        prop_assert_eq!(read, Ok(Operation::AddPolicy(Box::new(policy))), "{}", *written.text);
    }
}

fn ends() -> AddressPair {
    AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).expect("one family")
}

fn null() -> Keyed {
    let null = Algorithm::by_name(AlgorithmKind::Crypt, "null").expect("it is in the table");
    Keyed::new(null, Key::default())
}

#[test]
fn text() {
    let sha256 = Algorithm::by_name(AlgorithmKind::Auth, "hmac-sha256").unwrap();
    let auth = Keyed { icv_bits: 128, ..Keyed::new(sha256, Key::new(vec![0xab; 32])) };
    let encap = Encap {
        kind: EncapKind::EspInUdp,
        src_port: NonZeroU16::new(4500),
        dst_port: NonZeroU16::new(1024),
        original: None,
    };
    let (crypt, auth, encap) = (Some(null()), Some(auth), Some(encap));
    let sa = Sa { crypt, auth, encap, ..Sa::bare(ends(), Proto::Esp, Spi(0x1000)) };
    assert_eq!(
        *script_of_sa(&sa).text,
        format!(
            "add 192.0.2.1[4500] 192.0.2.2[1024] esp-udp 0x1000 -m transport \
             -E null -A hmac-sha256-128 0x{};",
            "ab".repeat(32)
        )
    );
    let all = Prefix::new([0; 4].into(), Some(0)).unwrap();
    let mut selector = Selector::new(all, Prefix::host([10, 0, 0, 1].into())).unwrap();
    (selector.upper, selector.dst_port) = (Upper::Number(6), 80);
    let mode = TemplateMode::Tunnel(AddressPair::new(ends().src(), ends().dst()).unwrap());
    let template = Template::new(Proto::Esp, mode, Level::Unique(ReqId::new(7)));
    let policy = Policy {
        priority: Priority(0x8000_0064),
        ..Policy::new(PolicyId::new(selector, Direction::Fwd), Action::Ipsec(vec![template]))
    };
    assert_eq!(
        *script_of_policy(&policy).text,
        "spdadd 0.0.0.0/0 10.0.0.1[80] tcp -P fwd prio def - 100 ipsec \
         esp/tunnel/192.0.2.1-192.0.2.2/unique:7;"
    );
}

#[test]
fn what_the_table_does_not_have_is_named_as_the_kernel_names_it() {
    let keyed = |kind, kernel: &str, icv_bits, key: &[u8]| {
        Keyed::of_kernel(kind, kernel, icv_bits, Key::new(key.to_vec()))
    };
    let written = |sa: Sa| {
        let written = script_of_sa(&sa);
        assert_eq!(read(&written), Ok(Operation::AddSa(Box::new(sa))));
        let text = written.text.strip_prefix("add 192.0.2.1 192.0.2.2 ").unwrap().to_owned();
        text.strip_suffix(';').unwrap().to_owned()
    };
    let bare = |proto| Sa::bare(ends(), proto, Spi(0x1000));
    let sm3 = keyed(AlgorithmKind::Auth, "hmac(sm3)", 96, &[1, 2]);
    assert_eq!(
        written(Sa { crypt: Some(null()), auth: sm3, ..bare(Proto::Esp) }),
        "esp 0x1000 -m transport -E null -A \"kernel:hmac(sm3)/96\" 0x0102"
    );
    let short = keyed(AlgorithmKind::Auth, "hmac(sha512)", 256, &[0]);
    assert_eq!(
        written(Sa { auth: short, ..bare(Proto::Ah) }),
        "ah 0x1000 -m transport -A \"kernel:hmac(sha512)/256\" 0x00"
    );
    let null = keyed(AlgorithmKind::Auth, "digest_null", 0, &[]);
    let ah = script_of_sa(&Sa { auth: null, ..bare(Proto::Ah) });
    assert!(ah.text.ends_with("-A \"kernel:digest_null/0\" \"\";"), "{}", *ah.text);
    assert!(read(&ah).is_ok());
    let sm4 = keyed(AlgorithmKind::Crypt, "cbc(sm4)", 0, &[3]);
    assert_eq!(
        written(Sa { crypt: sm4, ..bare(Proto::Esp) }),
        "esp 0x1000 -m transport -E \"kernel:cbc(sm4)\" 0x03"
    );
    let gcm = keyed(AlgorithmKind::Aead, "rfc4106(gcm(sm4))", 128, &[]);
    assert_eq!(
        written(Sa { aead: gcm, ..bare(Proto::Esp) }),
        "esp 0x1000 -m transport -E \"kernel:rfc4106(gcm(sm4))/128\" \"\""
    );
    let lzjh = Algorithm::of_kernel(AlgorithmKind::Comp, "lzjh");
    assert_eq!(
        written(Sa { comp: lzjh, ..bare(Proto::IpComp) }),
        "ipcomp 0x1000 -m transport -C \"kernel:lzjh\""
    );
    // The kernel has no such names; what reports one is read all the same.
    for name in ["cbc(\u{13}des)", "a b", "a\"b", "a/b"] {
        let odd = keyed(AlgorithmKind::Crypt, name, 0, &[3]);
        let written = script_of_sa(&Sa { crypt: odd, ..bare(Proto::Esp) });
        assert_eq!(written.lost, [format!("the algorithm {}", name.escape_default())]);
    }
}

#[test]
fn what_the_language_cannot_say_is_named() {
    let bare = || Sa { crypt: Some(null()), ..Sa::bare(ends(), Proto::Esp, Spi(256)) };
    let offload =
        Offload { device: "a b".parse().unwrap(), direction: SaDirection::In, packet: false };
    let context = |label: &str| SecCtx { doi: 1, alg: 1, context: label.into() };
    let all = Prefix::new([0; 4].into(), Some(0)).unwrap();
    let selector = Selector::new(all, all).unwrap();
    let mut odd = selector;
    odd.device = Some("a;b".parse().unwrap());
    for (sa, lost) in [
        (Sa { replay_window: 5000, ..bare() }, "a replay window of 5000 packets"),
        (Sa { replay_words: Some(129), ..bare() }, "a replay window of 0 packets"),
        (Sa { selector: Some(odd), ..bare() }, "dev a;b"),
        (Sa { inexpressible: vec!["a limit of 0 bytes"], ..bare() }, "a limit of 0 bytes"),
        (Sa { offload: Some(offload), ..bare() }, "offload a b"),
        (Sa { sec_ctx: Some(context("a\"b")), ..bare() }, "ctx a\\\"b"),
        (Sa { sec_ctx: Some(context("a\0b")), ..bare() }, "ctx a\\0b"),
        (Sa { proto: Proto::Routing, ..bare() }, "proto route2"),
    ] {
        let written = script_of_sa(&sa);
        assert_eq!((written.lost, written.is_loadable), (vec![lost.to_owned()], false));
    }
    let mut policy = Policy::new(PolicyId::new(selector, Direction::In), Action::Ipsec(Vec::new()));
    policy.id.selector.device = Some("a b".parse().unwrap());
    assert_eq!(script_of_policy(&policy).lost, ["dev a b"]);
    let beet = Template::new(Proto::Esp, TemplateMode::Beet(ends()), Level::Use);
    let id = PolicyId::new(selector, Direction::Out);
    let lost = script_of_policy(&Policy::new(id, Action::Ipsec(vec![beet]))).lost;
    assert_eq!(lost, [model::Error::OptionalOutboundBeet.to_string()]);
}

#[test]
fn a_value_of_share_that_keeps_the_level_is_no_detail() {
    let all = Prefix::new([0; 4].into(), Some(0)).unwrap();
    let mode = TemplateMode::new(Mode::Transport, ends());
    for level in [Level::Default, Level::Use, Level::Require, Level::Unique(ReqId::new(7))] {
        let id = PolicyId::new(Selector::new(all, all).unwrap(), Direction::In);
        let template = Template::new(Proto::Esp, mode, level);
        let policy = Policy::new(id, Action::Ipsec(vec![template]));
        let written = script_of_policy(&policy);
        assert_eq!(read(&written), Ok(Operation::AddPolicy(Box::new(policy))));
    }
}
