//! Entries with all that they can have: a member of JSON that none of them sets is not tested.

mod entries;
mod packets;

use cli::{
    Keys, PolicyJson, SaJson, VariableJson,
    json::{
        AnyVariableJson, AppliedJson, AttentionJson, ChangeJson, ChangeKind, ClientJson,
        ConditionJson, CounterJson, DefaultPolicyJson, DescriptorJson, Document, EventJson,
        FindingJson, HashThresholdJson, KernelJson, LimitJson, MemberJson, MovedJson, NetnsJson,
        NotRestoredJson, OriginJson, PoliciesByDirectionJson, ProcVariableJson, RateJson,
        RatesJson, SasByStateJson, SocketPolicyJson, SocketsJson, StayingJson, SummaryJson,
        TransferJson, UnselectedJson,
    },
};
use grammar::Script;
use model::{Dialect, Sa, Upper, variable::VARIABLES};

use entries::selector;
pub use entries::{ends, fingerprints, full_policy, full_sa, policy};
use packets::{diagnosis, dropped, explanation};

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
        ChangeJson::of_sa(ChangeKind::Replace, Some(&sa), Some(&other), &fingerprints()),
        ChangeJson::of_policy(ChangeKind::Delete, Some(&policy), None),
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

fn policies() -> Vec<PolicyJson> {
    let mut with_template = PolicyJson::new(&full_policy());
    with_template.templates[0].installed = Some("required");
    with_template.templates[0].sas = Some(vec![0x1000]);
    let with_type = PolicyJson::new(&policy(Upper::ICMPV6, (135, 0), vec![]));
    vec![with_template, with_type]
}

fn sas() -> Vec<SaJson> {
    let sa = SaJson::new(&full_sa(), Keys::Shown, &fingerprints());
    vec![SaJson { policies: Some(vec![9]), ..sa }]
}

fn default_policy() -> DefaultPolicyJson {
    DefaultPolicyJson {
        version: 4,
        direction: "in",
        default_policy: "discard",
        kernel_default: Some("none"),
        in_force: true,
    }
}

fn variables() -> Vec<AnyVariableJson> {
    let variables = VARIABLES.iter().map(|variable| VariableJson::new(variable, Some(1)));
    let file = ProcVariableJson { name: "net.ipv4.ip_forward".into(), value: "1".into() };
    variables.map(AnyVariableJson::Ours).chain([AnyVariableJson::Proc(file)]).collect()
}

fn client() -> ClientJson {
    ClientJson {
        pid: 42,
        program: "racoon".into(),
        uid: 0,
        registered: vec!["esp".into()],
        promiscuous: false,
        queued_bytes: 160,
        lost_messages: 3,
    }
}

fn counters() -> Vec<CounterJson> {
    vec![CounterJson::new("XfrmInNoStates", 7, Some(3)), CounterJson::new("XfrmNewError", 1, None)]
}

fn condition() -> ConditionJson {
    ConditionJson {
        status: "fault",
        subject: "algorithm",
        what: "this kernel has no lzs".into(),
        remedy: Some("use deflate".into()),
        place: Some("a.conf:3".into()),
    }
}

/// All that documents can have.
pub fn full_document() -> Document {
    Document {
        fingerprint_scope: Some(fingerprints().scope()),
        summary: Some(summary()),
        event: Some(Box::new(event())),
        drop: Some(Box::new(dropped())),
        policies: Some(policies()),
        sas: Some(sas()),
        default_policies: Some(vec![default_policy()]),
        variables: Some(variables()),
        kernel: Some(kernel()),
        clients: Some(vec![client()]),
        counters: Some(counters()),
        conditions: Some(vec![condition()]),
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
