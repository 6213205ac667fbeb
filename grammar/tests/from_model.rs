//! The model as script text, which reads as the same model.

mod common;

use common::run;
use grammar::{Written, script_of_policy, script_of_sa};
use model::{
    ALGORITHMS, Action, AddressPair, Algorithm, AlgorithmKind, AlgorithmMasks, Attribute,
    Direction, Encap, EncapKind, IpTfs, Key, Keyed, Level, Lifetime, Lifetimes, Mark, Mode,
    Offload, Operation, Policy, PolicyFlags, PolicyId, PolicyType, PortMasks, Prefix, Priority,
    Proto, ReplayState, ReqId, Sa, SaDirection, SaFlags, SecCtx, Selector, Share, Spi, Template,
    TemplateDetails, TemplateMode, Upper, ZeroLimits,
};
use proptest::{option, prelude::*, sample::select};
use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

fn pair() -> impl Strategy<Value = AddressPair> {
    let v4 = any::<[[u8; 4]; 2]>().prop_map(|pair| pair.map(IpAddr::from));
    let v6 = any::<[[u8; 16]; 2]>().prop_map(|pair| pair.map(IpAddr::from));
    prop_oneof![v4, v6].prop_map(|[src, dst]| AddressPair::new(src, dst).expect("one family"))
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        Just(Mark::default()),
        any::<(u32, u32)>().prop_map(|(value, mask)| Mark { value, mask }),
    ]
}

fn sec_ctx() -> impl Strategy<Value = Option<SecCtx>> {
    option::of((1..=u8::MAX, any::<u8>(), "[^\"\0]{0,12}").prop_map(|(doi, alg, context)| SecCtx {
        doi,
        alg,
        context: context.into_bytes(),
    }))
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    any::<[u64; 4]>().prop_map(Lifetime::from_numbers)
}

fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    let both = (lifetime(), lifetime()).prop_map(|(hard, soft)| Lifetimes { hard, soft });
    let hard = lifetime().prop_map(|hard| Lifetimes { hard, ..Lifetimes::default() });
    let soft = lifetime().prop_map(|soft| Lifetimes { soft, ..Lifetimes::default() });
    prop_oneof![Just(Lifetimes::default()), both, hard, soft]
}

/// An algorithm of the table, or one by the kernel's name, with any ICV and any key.
fn keyed(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    prop_oneof![3 => of_row(kind), 1 => of_kernel(kind)]
}

fn of_kernel(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    let rows: Vec<&str> =
        ALGORITHMS.iter().filter(|row| row.kind == kind).map(|row| row.kernel).collect();
    let names = prop_oneof![select(rows), Just("hmac(sm3)"), Just("rfc4106(gcm(sm4))")];
    let key = prop::collection::vec(any::<u8>(), 0..64);
    (names, any::<u16>(), key).prop_map(move |(name, icv_bits, key)| {
        let icv_bits = if kind == AlgorithmKind::Crypt { 0 } else { icv_bits };
        Keyed::of_kernel(kind, name, icv_bits, Key::new(key))
    })
}

fn of_row(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    let rows: Vec<&Algorithm> = ALGORITHMS.iter().filter(|row| row.kind == kind).collect();
    (select(rows), prop::collection::vec(any::<u8>(), 64), any::<bool>()).prop_map(
        |(algorithm, bytes, longest)| {
            let bits = algorithm.key_bits;
            let bits = if longest { bits.max } else { bits.min };
            Keyed::new(algorithm, Key::new(bytes[..usize::from(bits) / 8].to_vec()))
        },
    )
}

/// The algorithms of an SA that the kernel would take.
fn with_algorithms(sa: Sa) -> BoxedStrategy<Sa> {
    let auth = || keyed(AlgorithmKind::Auth);
    let (a, b, c, d) = (sa.clone(), sa.clone(), sa.clone(), sa);
    prop_oneof![
        (keyed(AlgorithmKind::Crypt), option::of(auth())).prop_map(move |(crypt, auth)| Sa {
            proto: Proto::Esp,
            crypt: Some(crypt),
            auth,
            ..a.clone()
        }),
        keyed(AlgorithmKind::Aead).prop_map(move |aead| Sa {
            proto: Proto::Esp,
            aead: Some(aead),
            ..b.clone()
        }),
        auth()
            .prop_filter("AH authenticates", |auth| auth.key.bits() > 0)
            .prop_map(move |auth| Sa { proto: Proto::Ah, auth: Some(auth), ..c.clone() }),
        select(vec!["deflate", "lzs"]).prop_map(move |name| Sa {
            proto: Proto::IpComp,
            comp: Algorithm::by_name(AlgorithmKind::Comp, name),
            ..d.clone()
        }),
    ]
    .boxed()
}

fn direction() -> impl Strategy<Value = SaDirection> {
    select(vec![SaDirection::In, SaDirection::Out])
}

fn sa() -> impl Strategy<Value = Sa> {
    let names = (pair(), any::<[u32; 4]>(), mark(), mark(), sec_ctx());
    let flags = prop::collection::vec(select(SaFlags::ALL.to_vec()), 0..4);
    let mode = select(Mode::ALL);
    let kinds = select(EncapKind::ALL);
    let encap = option::of((any::<(u16, u16)>(), kinds, option::of(pair())));
    let offload = option::of(("[a-z][a-z0-9_.@-]{0,14}", direction(), any::<bool>()));
    let options = (0..=4096u32, any::<bool>(), mode, flags, lifetimes(), encap, offload);
    (names, options, option::of(direction()), kernel_options()).prop_flat_map(|drawn| {
        let (names, options, direction, kernel_options) = drawn;
        let (ends, [spi, reqid, if_id, nat_keepalive], mark, output_mark, sec_ctx) = names;
        let (replay_window, esn, mode, flags, lifetimes, encap, offload) = options;
        let sa = Sa {
            mode: mode.into(),
            reqid: ReqId::new(reqid),
            replay_window,
            flags: flags.into_iter().fold(SaFlags::default(), |all, flag| all | flag),
            lifetimes,
            encap: encap.map(|((src_port, dst_port), kind, original)| Encap {
                kind,
                src_port: NonZeroU16::new(src_port),
                dst_port: NonZeroU16::new(dst_port),
                original: original.map(AddressPair::src),
            }),
            sec_ctx,
            esn,
            mark,
            output_mark,
            if_id: NonZeroU32::new(if_id),
            direction,
            nat_keepalive: NonZeroU32::new(nat_keepalive),
            offload: offload.map(|(device, direction, packet)| Offload {
                device: device.parse().expect("it fits"),
                direction,
                packet,
            }),
            ends,
            spi: Spi(spi),
            ..kernel_options
        };
        with_algorithms(with_fitting_state(sa))
    })
}

/// An SA with what no original setkey has options for.
fn kernel_options() -> impl Strategy<Value = Sa> {
    let selector =
        (selector(), option::of("[a-z][a-z0-9_.@-]{0,14}"), any::<[u16; 2]>(), any::<u32>());
    let selector = selector.prop_map(|(mut selector, device, [src, dst], user)| {
        selector.device = device.map(|device| device.parse().expect("it fits"));
        let masks = PortMasks { src, dst };
        selector.port_masks = Some(masks).filter(|masks| *masks != selector.port_masks());
        selector.user = user;
        selector
    });
    let iptfs = any::<(Option<u32>, Option<u16>, [Option<u32>; 3], bool)>().prop_map(
        |(drop_time, reorder_window, [init_delay, max_queue, packet_size], dont_fragment)| IpTfs {
            drop_time,
            reorder_window,
            init_delay,
            max_queue,
            packet_size,
            dont_fragment,
        },
    );
    let unknown = (42..1000_u16, prop::collection::vec(any::<u8>(), 0..9))
        .prop_map(|(number, value)| Attribute { number, value: Key::new(value) });
    let numbers = any::<([u32; 2], Option<u32>, [u64; 2], Vec<u32>)>();
    let words = option::of(0..=128_u32);
    (option::of(selector), iptfs, option::of(unknown), numbers, option::of(pair()), words).prop_map(
        |(selector, iptfs, unknown, numbers, care_of, replay_words)| {
            let ([tfc_padding, mapping], cpu, [received, sent], bitmap) = numbers;
            let care_of = care_of.map(AddressPair::src);
            let tfc_padding = NonZeroU32::new(tfc_padding);
            let mapping_interval = NonZeroU32::new(mapping);
            let replay_state = ReplayState { received, sent, bitmap };
            let unknown = unknown.into_iter().collect();
            let bare = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(0));
            Sa {
                selector,
                iptfs,
                unknown,
                tfc_padding,
                mapping_interval,
                cpu,
                care_of,
                replay_state,
                replay_words,
                ..bare
            }
        },
    )
}

/// The SA with a replay state that its window can have.
fn with_fitting_state(sa: Sa) -> Sa {
    let implied = sa.implied_replay_words();
    let replay_words = sa.replay_words.filter(|_| sa.replay_words != implied);
    let ReplayState { mut received, mut sent, mut bitmap } = sa.replay_state.clone();
    bitmap.truncate(replay_words.or(implied).unwrap_or(1).try_into().expect("128 at most"));
    if bitmap.iter().all(|&word| word == 0) {
        bitmap.clear();
    }
    if !sa.esn {
        let low = |number: u64| number & u64::from(u32::MAX);
        (received, sent) = (low(received), low(sent));
    }
    Sa { replay_words, replay_state: ReplayState { received, sent, bitmap }, ..sa }
}

fn selector() -> impl Strategy<Value = Selector> {
    let upper = prop_oneof![
        Just(Upper::Any),
        (1..=254u8).prop_map(Upper::Number),
        select(vec![1, 6, 17, 47, 58, 135]).prop_map(Upper::Number),
    ];
    let ports = prop_oneof![Just((0, 0)), any::<(u16, u16)>()];
    (pair(), any::<(u8, u8)>(), upper, ports).prop_map(|(ends, lengths, upper, ports)| {
        let most = if ends.src().is_ipv4() { 32 } else { 128 };
        let prefix = |addr, length: u8| {
            Prefix::new(addr, Some(u32::from(length) % (most + 1))).expect("it fits")
        };
        let (src, dst) = (prefix(ends.src(), lengths.0), prefix(ends.dst(), lengths.1));
        let mut selector = Selector::new(src, dst).expect("one family");
        (selector.upper, selector.src_port, selector.dst_port) = (upper, ports.0, ports.1);
        selector
    })
}

fn packets() -> impl Strategy<Value = Selector> {
    let device = option::of("[a-zA-Z0-9_.:@=+%-]{1,15}");
    let masks = option::of(any::<(u16, u16)>());
    (selector(), device, masks, any::<u32>()).prop_map(|(mut selector, device, masks, user)| {
        selector.device = device.map(|device| device.parse().expect("a name"));
        let masks = masks.map(|(src, dst)| PortMasks { src, dst });
        selector.port_masks = masks.filter(|masks| *masks != selector.port_masks());
        selector.user = user;
        selector
    })
}

fn template() -> impl Strategy<Value = Template> {
    let mode = (select(Mode::ALL), prop_oneof![Just(AddressPair::UNSPECIFIED), pair()]);
    let mode = mode.prop_map(|(mode, ends)| TemplateMode::new(mode, ends));
    let level = prop_oneof![
        select(vec![Level::Default, Level::Require, Level::Unique(None)]),
        any::<u32>().prop_map(|reqid| Level::of_reqid(ReqId::new(reqid))),
    ];
    let share = option::of(any::<u8>().prop_map(Share));
    let masks = prop_oneof![Just((u32::MAX, 0, 1)), any::<(u32, u32, u32)>()];
    let details = (any::<u32>(), option::of(1..=u32::MAX), masks, share);
    let proto = select(Proto::ALL);
    (proto, mode, level, details).prop_map(|(proto, mode, level, (reqid, spi, masks, share))| {
        let mut template = Template::new(proto, mode, level);
        template.details = TemplateDetails {
            reqid: ReqId::new(reqid).filter(|_| level == Level::Default),
            spi: spi.map(Spi),
            algorithms: AlgorithmMasks { crypt: masks.0, auth: masks.1, comp: masks.2 },
            share,
        };
        template
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let direction = select(vec![Direction::In, Direction::Out, Direction::Fwd]);
    let action = prop_oneof![
        Just(Action::Discard),
        Just(Action::None),
        prop::collection::vec(template(), 0..=6).prop_map(Action::Ipsec),
    ];
    let priority = prop_oneof![
        select(vec![0, 1, u32::MAX, 0x5FFF_FFFF, 0x6000_0000, 0x8000_0000, 0xA000_0000]),
        any::<u32>(),
    ];
    let id = (packets(), direction, sec_ctx(), mark(), any::<u32>(), select(PolicyType::ALL));
    let device = option::of("[a-zA-Z0-9_.:@=+%-]{1,15}");
    let unused = prop::collection::vec(template(), 0..=6);
    (id, priority, action, lifetimes(), any::<u8>(), device, unused).prop_map(
        |(id, priority, action, lifetimes, flags, device, mut unused_templates)| {
            let (selector, direction, sec_ctx, mark, if_id, policy_type) = id;
            let if_id = NonZeroU32::new(if_id);
            let name = PolicyId::new(selector, direction);
            let id = PolicyId { sec_ctx, mark, if_id, policy_type, ..name };
            if action != Action::Discard {
                unused_templates.clear();
            }
            // A template of a policy that drops its packets is written with its share.
            for template in &mut unused_templates {
                template.details.share = template.details.share.or(Some(Share(0)));
            }
            Policy {
                priority: Priority(priority),
                lifetimes,
                zero_limits: ZeroLimits::new([1, 2, 4, 8].map(|bit| flags & bit != 0)),
                flags: PolicyFlags::from_bits(flags),
                offload: device.map(|device| device.parse().expect("a name")),
                unused_templates,
                ..Policy::new(id, action)
            }
        },
    )
}

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
        "spdadd 0.0.0.0/0 10.0.0.1[80] 6 -P fwd prio def - 100 ipsec \
         esp/tunnel/192.0.2.1-192.0.2.2/unique:7;"
    );
}

#[test]
fn what_the_table_does_not_have_is_named_as_the_kernel_names_it() {
    let keyed = |kind, kernel: &str, icv_bits, key: &[u8]| {
        Some(Keyed::of_kernel(kind, kernel, icv_bits, Key::new(key.to_vec())))
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
    let lzjh = Some(Algorithm::of_kernel(AlgorithmKind::Comp, "lzjh"));
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
}
