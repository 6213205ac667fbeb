//! What becomes of packets: a drop, an explanation and a diagnosis, each with all that it can have.

use std::num::NonZeroU32;

use cli::{
    Keys, PolicyJson, SaJson,
    json::{
        CauseJson, CountedJson, DiagnosisJson, DistantSaJson, DropJson, ExplainedPolicyJson,
        ExplainedTemplateJson, ExplanationJson, NearPolicyJson, NearSaJson, PacketJson,
        ReceivedHeaderJson, RouteJson, SaNameJson, WireJson,
    },
};
use model::{Level, Proto, Template, TemplateMode};

use super::entries::{fingerprints, full_policy, full_sa};

/// A drop with all that drops can have, which no single one has.
pub fn dropped() -> DropJson {
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

fn explained_policy() -> ExplainedPolicyJson {
    let sa = || SaNameJson::from(&full_sa());
    let template = || ExplainedTemplateJson {
        template: (&Template::new(Proto::Esp, TemplateMode::Transport, Level::Require)).into(),
        optional: false,
        sa: Some(sa()),
        near: vec![NearSaJson { sa: sa(), field: "reqid" }],
        distant: Some(DistantSaJson { sa: sa(), fields: ["src", "reqid"] }),
        larval: Some(sa()),
    };
    ExplainedPolicyJson {
        exempt: true,
        policy: Some(PolicyJson::new(&full_policy())),
        requested: vec![(&Template::new(Proto::Ah, TemplateMode::Transport, Level::Use)).into()],
        def_policy: true,
        later: vec![17],
        rival: Some(25),
        near: vec![NearPolicyJson { index: 25, field: "mark" }],
        templates: vec![template()],
        not_installed: vec![template()],
    }
}

pub fn explanation() -> ExplanationJson {
    let sa = || SaNameJson::from(&full_sa());
    let packet = || PacketJson {
        src: "10.0.0.1".into(),
        dst: "10.0.0.2".into(),
        protocol: Some(17),
        src_port: Some(1000),
        dst_port: Some(53),
        mark: 1,
        if_id: NonZeroU32::new(7),
        device: Some("eth0".into()),
    };
    ExplanationJson {
        direction: "out",
        verdict: "dropped",
        reason: Some("no SA"),
        counters: vec!["XfrmOutNoStates"],
        message: "The packet is dropped.".into(),
        unknown_fields: vec!["protocol"],
        packet: Some(packet()),
        for_another_host: true,
        fragment: Some("later"),
        fragment_inside: Some("first"),
        other_packet: Some(packet()),
        outer: Some(packet()),
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
            integrity: Some("right"),
            decryption: Some("right"),
            next_header: Some(4),
            sa: Some(sa()),
            near: vec![sa()],
        }],
        check: Some(explained_policy()),
        output: Some(explained_policy()),
        wire: Some(WireJson {
            headers: vec!["IP 192.0.2.1 > 192.0.2.2".into()],
            device: Some("eth1".into()),
            gateway: Some("192.0.2.254".into()),
            least_overhead: Some(54),
            most_overhead: Some(69),
            length: Some(152),
            mtu: Some(1438),
        }),
        not_followed: vec!["an XDP program is at eth0".into()],
        remedy: Some("add the SA".into()),
    }
}

pub fn diagnosis() -> DiagnosisJson {
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
