//! The explanation as JSON.

use cli::json::{
    DistantSaJson, ExplainedPolicyJson, ExplainedTemplateJson, ExplanationJson, NearPolicyJson,
    NearSaJson, PacketJson, PolicyJson, ReceivedHeaderJson, RouteJson, WireJson,
};
use explain::{
    Contained, Decapsulated, Doubt, Explanation, Flow, FlowDevice, Found, Headers, Integrity,
    Lookup, Oddity, OutputResult, PolicyCheck, Resolution, Resolved, SaOfTemplate, Verdict,
};
use model::{PolicyEntry, Proto};

use super::{ExplainBasis, not_followed, remedy, routing::Routing, text, words};

/// The whole explanation.
pub fn explanation(explanation: &Explanation<'_>, subject: &ExplainBasis<'_>) -> ExplanationJson {
    let (verdict, reason, counters) = match &explanation.verdict {
        Verdict::Clear => ("clear", None, &[][..]),
        Verdict::Protected(_) => ("protected", None, &[][..]),
        Verdict::Dropped { reason, counters } => ("dropped", Some(reason.word()), *counters),
        Verdict::Unknown(_) => ("unknown", None, &[][..]),
    };
    let unknown_fields = match &explanation.verdict {
        Verdict::Unknown(Doubt::Fields(fields)) => {
            fields.iter().map(explain::Field::word).collect()
        }
        _ => Vec::new(),
    };
    // That of the packet around it, if it gets no further.
    let outer = explanation.outer.as_ref().filter(|outer| outer.stops().is_some());
    let in_udp = explanation.udp.as_ref().filter(|udp| udp.stops().is_some());
    let around = outer.map(|outer| &outer.check).or(in_udp.map(|udp| &udp.check));
    let check = explanation.check.as_ref().or(around);
    let received = explanation.input.iter().flat_map(|input| &input.headers);
    ExplanationJson {
        direction: explanation.direction.word(),
        verdict,
        reason,
        counters: counters.iter().map(|counter| counter.word()).collect(),
        message: text::verdict(explanation),
        unknown_fields,
        packet: explanation.flow.as_ref().map(packet),
        for_another_host: subject.is_for_others,
        fragment: subject.oddity.and_then(fragment),
        fragment_inside: subject.inside.and_then(|inside| fragment(inside.oddity)),
        other_packet: subject.other.as_ref().map(packet),
        outer: outer.map(|outer| packet(&outer.flow)),
        route: route(subject.routing),
        received: received.map(header).collect(),
        check: check.map(|check| checked(check, subject)),
        output: explanation.output.as_ref().map(|output| left(output, subject)),
        wire: wire(explanation, subject),
        not_followed: not_followed::sentences(explanation, subject.routing),
        remedy: remedy::of(explanation, Some(subject.routing)),
    }
}

fn fragment(oddity: Oddity) -> Option<&'static str> {
    match oddity {
        Oddity::FirstFragment => Some("first"),
        Oddity::LaterFragment => Some("later"),
        _ => None,
    }
}

pub fn packet(flow: &Flow) -> PacketJson {
    PacketJson {
        src: flow.src().to_string(),
        dst: flow.dst().to_string(),
        protocol: flow.upper,
        src_port: flow.src_port,
        dst_port: flow.dst_port,
        mark: flow.mark,
        if_id: flow.if_id,
        device: match flow.device {
            FlowDevice::Named(device) => Some(device.to_string()),
            FlowDevice::Unknown | FlowDevice::None => None,
        },
    }
}

fn route(routing: &Routing) -> Option<RouteJson> {
    let arrives_by = routing.arrives_by.map(|device| device.name.to_string());
    Some(match routing.route? {
        Ok(route) => RouteJson {
            arrives_by,
            device: Some(route.device.name.to_string()),
            gateway: route.gateway.map(|it| it.to_string()),
            mtu: Some(route.mtu),
            refused: None,
        },
        Err(errno) => RouteJson {
            arrives_by,
            device: None,
            gateway: None,
            mtu: None,
            refused: Some(sys::errno_text(errno)),
        },
    })
}

fn header(header: &Decapsulated<'_>) -> ReceivedHeaderJson {
    let (inside, is_esp) = (header.arrival.inside, header.arrival.proto == Some(Proto::Esp));
    ReceivedHeaderJson {
        spi: header.arrival.spi.0,
        sequence: header.arrival.sequence,
        integrity: header.arrival.integrity.map(|integrity| match integrity {
            Integrity::Right => "right",
            Integrity::Wrong => "wrong",
            Integrity::OtherLength(_) => "other-length",
            Integrity::OtherEsn => "other-esn",
            Integrity::OtherUpper { .. } => "other-sequence",
            Integrity::OtherSource => "other-source",
        }),
        decryption: inside.filter(|_| is_esp).and_then(|inside| match inside {
            Contained::Packet(_) => Some("right"),
            Contained::Dummy => Some("dummy"),
            Contained::NoTrailer | Contained::Garbage(_) => Some("wrong"),
            Contained::Unsure(_) => Some("unknown"),
            Contained::WrongLength => None,
        }),
        next_header: inside.and_then(|inside| match inside {
            Contained::Packet(next) => Some(next),
            Contained::Dummy
            | Contained::NoTrailer
            | Contained::WrongLength
            | Contained::Garbage(_)
            | Contained::Unsure(_) => None,
        }),
        sa: header.sa.map(Into::into),
        near: header.near.iter().map(|&entry| entry.into()).collect(),
    }
}

fn checked(check: &PolicyCheck<'_>, subject: &ExplainBasis<'_>) -> ExplainedPolicyJson {
    let templates = check.templates.iter().map(|it: &SaOfTemplate<'_>| ExplainedTemplateJson {
        template: it.template.into(),
        optional: it.is_optional,
        sa: it.sa.map(Into::into),
        near: near_of(it),
        distant: None,
        larval: None,
    });
    policy(check.policy, check.lookup.as_ref(), templates.collect(), check.is_exempt, subject)
}

fn near_of(it: &SaOfTemplate<'_>) -> Vec<NearSaJson> {
    let displaced = it.displaced.map(|entry| NearSaJson { sa: entry.into(), field: "order" });
    let mismatches = it.mismatches.iter();
    let mismatches =
        mismatches.map(|&(entry, field)| NearSaJson { sa: entry.into(), field: field.word() });
    displaced.into_iter().chain(mismatches).collect()
}

fn left(output: &OutputResult<'_>, subject: &ExplainBasis<'_>) -> ExplainedPolicyJson {
    let templates = output.templates.iter().map(template).collect();
    let lookup = output.lookup.as_ref();
    ExplainedPolicyJson {
        not_installed: subject.not_installed.iter().map(template).collect(),
        ..policy(output.policy, lookup, templates, output.is_exempt, subject)
    }
}

fn template(resolved: &Resolved<'_>) -> ExplainedTemplateJson {
    let search = &resolved.search;
    let sa = match resolved.resolution {
        Resolution::Uses(entry) => Some(entry),
        Resolution::Skipped | Resolution::Fails(_) => search.found.or(search.spi_taken),
    };
    let near = search.near.iter().filter(|_| search.found.is_none()).map(|near| NearSaJson {
        sa: near.entry.into(),
        field: near.field.map_or("state", |field| field.word()),
    });
    ExplainedTemplateJson {
        template: resolved.template.into(),
        optional: resolved.is_optional,
        sa: sa.map(Into::into),
        near: near.collect(),
        distant: search.distant.map(|(entry, fields)| DistantSaJson {
            sa: entry.into(),
            fields: fields.map(model::SaField::word),
        }),
        larval: search.larval.map(Into::into),
    }
}

fn policy(
    entry: Option<&PolicyEntry>,
    lookup: Option<&Lookup<'_>>,
    templates: Vec<ExplainedTemplateJson>,
    exempt: bool,
    subject: &ExplainBasis<'_>,
) -> ExplainedPolicyJson {
    let requested = entry.and_then(|entry| subject.requested.get(&entry.index));
    let requested =
        requested.map(|requested| requested.policy.action.templates()).unwrap_or_default();
    let near = lookup.into_iter().flat_map(|lookup| &lookup.near);
    let later = lookup.into_iter().flat_map(|lookup| &lookup.later);
    ExplainedPolicyJson {
        exempt,
        policy: entry.map(PolicyJson::new),
        requested: requested.iter().map(Into::into).collect(),
        def_policy: lookup.is_some_and(|lookup| lookup.found == Found::CatchAll),
        later: later.map(|entry| entry.index).collect(),
        rival: lookup.and_then(|lookup| lookup.rival).map(|entry| entry.index),
        near: near
            .map(|it| NearPolicyJson { index: it.entry.index, field: it.field.word() })
            .collect(),
        templates,
        not_installed: Vec::new(),
    }
}

fn wire(explanation: &Explanation<'_>, subject: &ExplainBasis<'_>) -> Option<WireJson> {
    let Verdict::Protected(sas) = &explanation.output.as_ref()?.verdict else { return None };
    let headers = Headers::of(explanation.flow.as_ref()?, sas);
    let overhead = headers.overhead();
    Some(WireJson {
        headers: headers.headers.iter().map(words::header).collect(),
        device: subject.transformed.map(|route| route.device.name.to_string()),
        gateway: subject.transformed.and_then(|route| route.gateway).map(|it| it.to_string()),
        least_overhead: overhead.map(|(least, _)| least),
        most_overhead: overhead.map(|(_, most)| most),
        length: subject.length.and_then(|length| headers.wire_length(length)),
        mtu: subject.mtu.longest(&headers),
    })
}
