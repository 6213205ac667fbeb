//! An SA and a policy with all that they can have.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use cli::json::Fingerprints;
use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, AlgorithmMasks, Attribute, Current, Direction,
    Encap, EncapKind, Installation, IpTfs, Key, Keyed, Level, Lifetime, Lifetimes, Mark, Mode,
    Offload, Policy, PolicyEntry, PolicyFlags, PolicyId, PolicyType, PortMasks, Prefix, Proto,
    ReplayState, ReqId, Sa, SaDirection, SaEntry, SaFlags, SaMode, SaState, SaStats, SecCtx,
    Selector, Share, Spi, Template, TemplateDetails, TemplateMode, Upper, ZeroLimits,
};

pub fn ends() -> AddressPair {
    AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap()
}

fn keyed(kind: AlgorithmKind, name: &str, byte: u8, length: usize) -> Keyed {
    Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(vec![byte; length]))
}

fn lifetimes() -> Lifetimes {
    let hard = Lifetime::from_numbers([1, 2, 3, 4]);
    Lifetimes { hard, soft: Lifetime::from_numbers([0, 1, 0, 0]) }
}

fn context() -> SecCtx {
    SecCtx { doi: 1, alg: 1, context: b"a:b:c\0".to_vec() }
}

/// With a secret that is none.
pub fn fingerprints() -> Fingerprints {
    Fingerprints::new(&[1; 32])
}

/// A selector with all that it can have beside a type and code.
pub fn selector() -> Selector {
    let mut selector = Selector::within(Prefix::host([10, 0, 0, 1].into()));
    (selector.upper, selector.src_port, selector.dst_port) = (Upper::Number(6), 1024, 80);
    selector.port_masks = Some(PortMasks { src: 0xfc00, dst: 0xffff });
    (selector.device, selector.user) = (Some("eth0".parse().unwrap()), 1000);
    selector
}

pub fn full_sa() -> SaEntry {
    let sa = Sa {
        mode: SaMode::Any { installed: Mode::Tunnel },
        reqid: ReqId::new(7),
        replay_window: 64,
        flags: SaFlags::from_xfrm(0b11, 4),
        auth: Some(keyed(AlgorithmKind::Auth, "hmac-sha256", 1, 32)),
        crypt: Some(keyed(AlgorithmKind::Crypt, "aes-cbc", 0xab, 16)),
        aead: Some(keyed(AlgorithmKind::Aead, "aes-gcm-16", 2, 20)),
        comp: Algorithm::by_name(AlgorithmKind::Comp, "deflate"),
        lifetimes: lifetimes(),
        encap: Some(Encap {
            kind: EncapKind::EspInUdp,
            src_port: NonZeroU16::new(4500),
            dst_port: NonZeroU16::new(4501),
            original: Some([198, 51, 100, 1].into()),
        }),
        selector: Some(selector()),
        tfc_padding: NonZeroU32::new(1400),
        mapping_interval: NonZeroU32::new(10),
        care_of: Some([198, 51, 100, 2].into()),
        cpu: Some(3),
        iptfs: IpTfs {
            drop_time: Some(1),
            reorder_window: Some(2),
            init_delay: Some(3),
            max_queue: Some(4),
            packet_size: Some(5),
            dont_fragment: true,
        },
        replay_words: Some(4),
        replay_state: ReplayState { received: 9, sent: 7, bitmap: vec![0x1ff] },
        unknown: vec![Attribute { number: 60, value: Key::new(vec![1, 2]) }],
        sec_ctx: Some(context()),
        inexpressible: vec![Sa::LIMIT_OF_ZERO],
        esn: true,
        mark: Mark { value: 1, mask: 0xff },
        output_mark: Mark { value: 2, mask: 0xf0 },
        if_id: NonZeroU32::new(9),
        direction: Some(SaDirection::Out),
        nat_keepalive: NonZeroU32::new(20),
        offload: Some(Offload {
            device: "eth0".parse().unwrap(),
            direction: SaDirection::Out,
            packet: true,
        }),
        ..Sa::bare(ends(), Proto::Esp, Spi(0x1000))
    };
    let current = Current { packets: 2, bytes: 168, add_time: 100, use_time: NonZeroU64::new(101) };
    SaEntry {
        stats: SaStats { replay_window: 1, replay: 2, integrity_failed: 3 },
        last_used: NonZeroU64::new(102),
        ..SaEntry::new(sa, SaState::Dying, current)
    }
}

pub fn policy(upper: Upper, ports: (u16, u16), templates: Vec<Template>) -> PolicyEntry {
    let prefix = Prefix::new([10, 0, 0, 0].into(), Some(8)).unwrap();
    let mut selector = Selector::new(prefix, Prefix::host([192, 0, 2, 2].into())).unwrap();
    (selector.upper, selector.src_port, selector.dst_port) = (upper, ports.0, ports.1);
    let policy = Policy::new(PolicyId::new(selector, Direction::Out), Action::Ipsec(templates));
    let installation = Installation::plain(&policy);
    PolicyEntry { policy, installation, index: 9, socket: false, current: Current::default() }
}

pub fn full_policy() -> PolicyEntry {
    let template = |mode, level| Template::new(Proto::Esp, mode, level);
    let tunnel = template(TemplateMode::Tunnel(ends()), Level::Unique(ReqId::new(3)));
    let transport = template(TemplateMode::Transport, Level::Use);
    let mut entry = policy(Upper::Number(6), (0, 80), vec![tunnel, transport]);
    entry.policy.lifetimes = lifetimes();
    entry.policy.zero_limits = ZeroLimits::new([true, false, true, false]);
    entry.policy.id.mark = Mark { value: 1, mask: 0xff };
    entry.policy.id.if_id = NonZeroU32::new(9);
    entry.policy.id.policy_type = PolicyType::Sub;
    entry.policy.flags = PolicyFlags::from_bits(0x85);
    entry.policy.offload = Some("eth0".parse().unwrap());
    let selector = &mut entry.policy.id.selector;
    (selector.device, selector.user) = (Some("eth0".parse().unwrap()), 1000);
    selector.port_masks = Some(PortMasks { src: 0, dst: 0xfff0 });
    let mut detailed = template(TemplateMode::Transport, Level::Use);
    detailed.details = TemplateDetails {
        reqid: ReqId::new(7),
        spi: Some(Spi(0x1000)),
        algorithms: AlgorithmMasks { crypt: 1, auth: 2, comp: 3 },
        share: Some(Share(0)),
    };
    entry.policy.unused_templates = vec![detailed];
    entry.policy.id.sec_ctx = Some(context());
    entry.socket = true;
    entry.current = Current { add_time: 100, use_time: NonZeroU64::new(101), ..Current::default() };
    entry
}
