//! Entries with all that they can have: a member of JSON that none of them sets is not tested.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use cli::{
    Keys, PolicyJson, SaJson, VariableJson,
    json::{
        AnyVariableJson, AppliedJson, AttentionJson, CauseJson, ChangeJson, ClientJson,
        ConditionJson, CountedJson, CounterJson, DefaultPolicyJson, DescriptorJson, DiagnosisJson,
        Document, DropJson, EventJson, ExplainedPolicyJson, ExplainedTemplateJson, ExplanationJson,
        FindingJson, Fingerprints, HashThresholdJson, KernelJson, LimitJson, MemberJson, MovedJson,
        NearPolicyJson, NearSaJson, NetnsJson, NotRestoredJson, OriginJson, PacketJson,
        PoliciesByDirectionJson, ProcVariableJson, RateJson, RatesJson, ReceivedHeaderJson,
        RouteJson, SaNameJson, SasByStateJson, SocketPolicyJson, SocketsJson, StayingJson,
        SummaryJson, TransferJson, UnselectedJson, WireJson,
    },
};
use grammar::Script;
use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, AlgorithmMasks, Attribute, Current, Dialect,
    Direction, Encap, EncapKind, Installation, IpTfs, Key, Keyed, Level, Lifetime, Lifetimes, Mark,
    Mode, Offload, Policy, PolicyEntry, PolicyFlags, PolicyId, PolicyType, PortMasks, Prefix,
    Proto, ReplayState, ReqId, Sa, SaDirection, SaEntry, SaFlags, SaMode, SaState, SaStats, SecCtx,
    Selector, Share, Spi, Template, TemplateDetails, TemplateMode, Upper, ZeroLimits,
    variable::VARIABLES,
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
fn selector() -> Selector {
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

fn findings() -> Vec<FindingJson> {
    ["flush x;", "flush;\nadd \"x;"]
        .map(|script| {
            let mut script = Script::new(script.as_bytes(), Dialect::Linux);
            let error = std::iter::from_fn(|| script.next_statement()).find_map(Result::err);
            let finding = FindingJson::of_finding("x.conf", &error.unwrap().into());
            let (why, statement) = (Some("It fails.".into()), Some("flush;".into()));
            FindingJson { why, statement, ..finding }
        })
        .into()
}

fn changes() -> Vec<ChangeJson> {
    let (sa, policy) = (full_sa(), full_policy());
    let other = Sa { esn: !sa.sa.esn, ..sa.sa.clone() };
    vec![
        ChangeJson::of_sa("replace", Some(&sa), Some(&other), &fingerprints()),
        ChangeJson::of_policy("delete", Some(&policy), None),
    ]
}

fn applied() -> AppliedJson {
    let loss = NotRestoredJson { entry: "an SA".into(), reason: "it has no keys yet".into() };
    AppliedJson {
        in_force: "part",
        reason: Some("refusal"),
        message: Some("spdadd ...: Invalid argument".into()),
        added: Some(1),
        changed: Some(2),
        deleted: Some(3),
        not_restored: vec![loss],
    }
}

fn moved_sa() -> Box<SaJson> {
    Box::new(SaJson::new(&full_sa(), Keys::Hidden, &fingerprints()))
}

fn sockets() -> SocketsJson {
    let lost = vec!["mark".into()];
    let policy = SocketPolicyJson { policy: "out bypass".into(), lost, sockets: 2 };
    let descriptor = DescriptorJson {
        pid: 4711,
        program: "iked".into(),
        fd: 7,
        protocol: "udp".into(),
        local: Some("192.0.2.1:500".into()),
        peer: Some("192.0.2.2:500".into()),
        policies: vec![policy],
    };
    SocketsJson { descriptors: vec![descriptor], without_socket: 1, of_other_programs: 2 }
}

fn transfer(gap: Option<u32>) -> TransferJson {
    let left = NotRestoredJson { entry: "an SA".into(), reason: "it has no keys yet".into() };
    let notes = vec!["the default policy discards".into()];
    TransferJson { sas: 1, policies: 2, gap, omitted: vec![left], notes }
}

fn kernel() -> KernelJson {
    let threshold = Some(HashThresholdJson { local: 24, remote: 16 });
    KernelJson {
        sas: 7,
        sa_buckets: 8,
        max_sa_buckets: 1 << 20,
        policies_in: 1,
        policies_out: 2,
        policies_fwd: 3,
        socket_policies_in: 4,
        socket_policies_out: 5,
        policy_buckets: 8,
        max_policy_buckets: 1 << 20,
        hash_threshold_v4: threshold.clone(),
        hash_threshold_v6: threshold,
    }
}

/// An event with all that events can have, which no single one has.
fn event() -> EventJson {
    let text = |text: &str| Some(text.to_owned());
    EventJson {
        time: "2026-01-02T03:04:05.000006+00:00".into(),
        event: "updated",
        netns: Some(NetnsJson { number: 3, name: text("blue") }),
        sa: Some(Box::new(SaJson::new(&full_sa(), Keys::Hidden, &fingerprints()))),
        policy: Some(Box::new(PolicyJson::new(&full_policy()))),
        changed: vec![MemberJson { member: "reqid".into(), before: text("1"), after: text("2") }],
        hard: Some(false),
        database: Some("sad"),
        protocol: Some("esp"),
        src: text("192.0.2.1"),
        dst: text("192.0.2.2"),
        spi: Some(0x1000),
        reqid: Some(7),
        selector: Some((&selector()).into()),
        old: text("192.0.2.1:4500"),
        new: text("192.0.2.1:4501"),
        packets: Some(3),
        entries: Some(9),
        was_lost: Some(true),
        message: Some(0x28),
        by: Some(OriginJson { port: 42, pid: Some(42), program: text("setkey") }),
    }
}

/// A drop with all that drops can have, which no single one has.
fn dropped() -> DropJson {
    DropJson {
        time: "2026-01-02T03:04:05.000006+00:00".into(),
        kind: "packet",
        packets: 1,
        reason: Some("XFRM_POLICY".into()),
        symbol: Some("icmp_rcv+0x21d/0x400".into()),
        device: Some("eth0".into()),
        length: Some(84),
        direction: Some("in"),
        packet: explanation().packet,
        spis: vec![0x1001],
        counters: vec!["XfrmInTmplMismatch".into()],
        policies: vec![PolicyJson::new(&full_policy())],
        sas: vec![SaJson::new(&full_sa(), Keys::Hidden, &fingerprints())],
        near: vec![SaNameJson::from(&full_sa())],
        message: "The packet is dropped.".into(),
        remedy: Some("add the SA".into()),
    }
}

fn summary() -> SummaryJson {
    let policies = |r#in, out, fwd| Some(PoliciesByDirectionJson { r#in, out, fwd });
    SummaryJson {
        sas: Some(SasByStateJson { larval: 1, mature: 2, dying: 3, dead: 0 }),
        policies: policies(4, 5, 6),
        policies_without_sa: policies(0, 1, 0),
        policies_of_sockets: Some(2),
        dropped: Some(7),
        is_ipsecd_running: true,
        attention: vec![AttentionJson {
            what: "1 policy has a template that no SA serves".into(),
            command: "ipsecctl show policies".into(),
        }],
    }
}

fn explanation() -> ExplanationJson {
    let sa = || SaNameJson::from(&full_sa());
    let policy = ExplainedPolicyJson {
        exempt: true,
        policy: Some(PolicyJson::new(&full_policy())),
        requested: vec![(&Template::new(Proto::Ah, TemplateMode::Transport, Level::Use)).into()],
        def_policy: true,
        later: vec![17],
        rival: Some(25),
        near: vec![NearPolicyJson { index: 25, field: "mark" }],
        templates: vec![ExplainedTemplateJson {
            template: (&Template::new(Proto::Esp, TemplateMode::Transport, Level::Require)).into(),
            optional: false,
            sa: Some(sa()),
            near: vec![NearSaJson { sa: sa(), field: "reqid" }],
            larval: Some(sa()),
        }],
    };
    ExplanationJson {
        direction: "out",
        verdict: "dropped",
        reason: Some("no SA"),
        counters: vec!["XfrmOutNoStates"],
        message: "The packet is dropped.".into(),
        unknown_fields: vec!["protocol"],
        packet: Some(PacketJson {
            src: "10.0.0.1".into(),
            dst: "10.0.0.2".into(),
            protocol: Some(17),
            src_port: Some(1000),
            dst_port: Some(53),
            mark: 1,
            if_id: NonZeroU32::new(7),
            device: Some("eth0".into()),
        }),
        route: Some(RouteJson {
            arrives_by: Some("eth1".into()),
            device: Some("eth0".into()),
            gateway: Some("192.0.2.254".into()),
            mtu: Some(1500),
            refused: Some("Network is unreachable".into()),
        }),
        received: vec![ReceivedHeaderJson {
            spi: 0x1001,
            sequence: Some(9),
            sa: Some(sa()),
            near: vec![sa()],
        }],
        check: Some(policy.clone()),
        output: Some(policy),
        wire: Some(WireJson {
            headers: vec!["IP 192.0.2.1 > 192.0.2.2".into()],
            least_overhead: Some(54),
            most_overhead: Some(69),
            length: Some(152),
            mtu: Some(1438),
        }),
        remedy: Some("add the SA".into()),
    }
}

fn diagnosis() -> DiagnosisJson {
    DiagnosisJson {
        seconds: 3,
        captured: true,
        sent: 7,
        received: 0,
        causes: vec![CauseJson {
            code: "unknown-spi",
            message: "192.0.2.1 sends esp 0x1001 to 192.0.2.2, an SPI that is not here".into(),
            observed: true,
            packets: 7,
            counters: vec![CountedJson { name: "XfrmInNoStates", packets: 7 }],
            policy: Some(9),
            sa: Some(SaNameJson::from(&full_sa())),
            spi: Some(0x1001),
            remedy: "add 192.0.2.1 192.0.2.2 esp 0x1001 KEYS;".into(),
        }],
        notes: vec!["packets were not captured".into()],
    }
}

fn rates() -> RatesJson {
    let rate = |spi, index, sas| RateJson {
        name: "esp 0x1000 192.0.2.1 > 192.0.2.2".into(),
        spi,
        index,
        bytes_per_second: 1000,
        packets_per_second: 10,
        dropped: 3,
        limit: Some(LimitJson { of: "bytes", percent: 75 }),
        sas,
    };
    RatesJson {
        time: "2026-01-02T03:04:05+00:00".into(),
        milliseconds: 1000,
        bytes_per_second: 1000,
        sas: vec![rate(Some(0x1000), None, None)],
        policies: vec![rate(None, Some(9), Some(1))],
    }
}

/// All that documents can have.
pub fn full_document() -> Document {
    let mut with_template = PolicyJson::new(&full_policy());
    with_template.templates[0].installed = Some("required");
    with_template.templates[0].sas = Some(vec![0x1000]);
    let with_type = PolicyJson::new(&policy(Upper::ICMPV6, (135, 0), vec![]));
    let variables = VARIABLES.iter().map(|variable| VariableJson::new(variable, Some(1)));
    let file = ProcVariableJson { name: "net.ipv4.ip_forward".into(), value: "1".into() };
    Document {
        fingerprint_scope: Some(fingerprints().scope()),
        summary: Some(summary()),
        event: Some(Box::new(event())),
        drop: Some(Box::new(dropped())),
        policies: Some(vec![with_template, with_type]),
        sas: Some(vec![SaJson {
            policies: Some(vec![9]),
            ..SaJson::new(&full_sa(), Keys::Shown, &fingerprints())
        }]),
        default_policies: Some(vec![DefaultPolicyJson {
            version: 4,
            direction: "in",
            default_policy: "discard",
            kernel_default: Some("none"),
            in_force: true,
        }]),
        variables: Some(
            variables.map(AnyVariableJson::Ours).chain([AnyVariableJson::Proc(file)]).collect(),
        ),
        kernel: Some(kernel()),
        clients: Some(vec![ClientJson {
            pid: 42,
            program: "racoon".into(),
            uid: 0,
            registered: vec!["esp".into()],
            promiscuous: false,
            queued_bytes: 160,
            lost_messages: 3,
        }]),
        counters: Some(vec![
            CounterJson::new("XfrmInNoStates", 7, Some(3)),
            CounterJson::new("XfrmNewError", 1, None),
        ]),
        conditions: Some(vec![ConditionJson {
            status: "fault",
            subject: "algorithm",
            what: "this kernel has no lzs".into(),
            remedy: Some("use deflate".into()),
            place: Some("a.conf:3".into()),
        }]),
        rates: Some(rates()),
        explanation: Some(explanation()),
        diagnosis: Some(diagnosis()),
        key_fingerprints: Some(vec!["55fa23f1fe815888".into()]),
        findings: Some(findings()),
        changes: Some(changes()),
        staying: Some(StayingJson { sas: 1, policies: 2 }),
        conflicts: Some(changes()),
        unselected: Some(UnselectedJson { sas: 3, policies: 4 }),
        applied: Some(applied()),
        moved: Some(MovedJson { before: moved_sa(), after: moved_sa() }),
        saved: Some(transfer(None)),
        restored: Some(transfer(Some(9))),
        sockets: Some(sockets()),
        exported: Some(transfer(None)),
        imported: Some(transfer(None)),
        ..Document::default()
    }
}
