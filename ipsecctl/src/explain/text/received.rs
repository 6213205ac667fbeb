//! What a received packet comes through, and the check of its policy.

use explain::{
    Arrival, Decapsulated, Explanation, InUdp, InputResult, Outer, PolicyCheck, SaOfTemplate,
    Verdict,
};
use model::{Mode, Proto, SaEntry, SaField};

use super::{ExplainBasis, Lines, found, words};
use crate::explain::routing::{Around, Obstacle};

/// Which headers of AH, ESP and IPComp are known of a received packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownHeaders {
    /// It has none.
    None,
    /// None of them is undone yet.
    Around,
    /// All that it has.
    All,
    /// Those of a capture, of which the last encrypts what is inside.
    Outer,
}

impl KnownHeaders {
    pub(super) fn of(explanation: &Explanation<'_>) -> Self {
        let Some(input) = explanation.input.as_ref().filter(|input| !input.path.is_empty()) else {
            return KnownHeaders::None;
        };
        // Of a header that was given, its SPI alone is known.
        let last = input.headers.last().map(|header| header.arrival);
        let encrypts = last.is_some_and(|it| match it.proto {
            Some(Proto::Esp) => it.inside.is_none(),
            proto => proto == Some(Proto::IpComp),
        });
        if encrypts { KnownHeaders::Outer } else { KnownHeaders::All }
    }
}

pub(super) fn received(input: &InputResult<'_>, subject: &ExplainBasis<'_>, lines: &mut Lines) {
    if let Some((Around { packet, .. }, fault)) = subject.routing.stopped_around() {
        let src = packet.src.map_or("?".to_owned(), |src| src.to_string());
        let what = match fault {
            Obstacle::Refused(_) => "which is dropped before an SA is looked up for it",
            Obstacle::Forwarded => "which is forwarded",
        };
        lines.add("outer", &format!("{src} > {}, {what}", packet.dst));
    }
    for header in &input.headers {
        let Decapsulated { arrival, sa, replay, near } = header;
        let proto = arrival.proto.map_or("SPI", |proto| proto.word());
        let sequence =
            arrival.sequence.map_or(String::new(), |number| format!(", sequence {number}"));
        lines.add("header", &format!("{proto} {:#x}{sequence}", arrival.spi.0));
        match sa {
            Some(entry) => sa_of_header(entry, arrival, lines),
            None => lines.under("no SA"),
        }
        if let Some(integrity) = arrival.integrity {
            lines.under(&words::integrity(integrity, header));
        }
        if let Some(inside) = arrival.inside.filter(|_| arrival.proto == Some(Proto::Esp)) {
            lines.under(&words::inside(inside));
        }
        if let (Some(fault), Some(entry)) = (replay, sa) {
            lines.under(&words::replay(*fault, &entry.sa));
        }
        for entry in near.iter().take(3) {
            let differs = words::differing_sa_field(entry, Some(header.differing(entry)));
            lines.under(&format!("not {}: {differs}", words::sa(entry)));
        }
    }
}

/// The SA that a header names, and what of it decides on the packet.
fn sa_of_header(entry: &SaEntry, arrival: &Arrival, lines: &mut Lines) {
    lines.under(&words::sa(entry));
    let own = entry.sa.encap.map(|encap| encap.kind);
    if let Some(kind) = arrival.encapsulation.filter(|kind| *kind != own) {
        let [packets, own] = [kind, own].map(words::encapsulation);
        lines.under(&format!("encapsulation differs: of the packet {packets}, of the SA {own}"));
    }
    if entry.sa.mode.installed() == Mode::Beet {
        lines.under(&match &entry.sa.selector {
            Some(selector) => format!(
                "what comes out has the addresses of its selector, {} > {}",
                selector.src().addr(),
                selector.dst().addr()
            ),
            None => {
                "it has no selector, whose addresses what comes out would have: -sel".to_owned()
            }
        });
    }
    if let Some(limit) = words::limit(entry) {
        lines.under(&limit);
    }
}

/// The UDP packet around ESP.
pub(super) fn in_udp(udp: &InUdp<'_>, subject: &ExplainBasis<'_>, lines: &mut Lines) {
    lines.add("in UDP", &words::flow(&udp.flow));
    lines.under(match udp.has_socket {
        Some(true) => "a socket has its port; that it decapsulates (UDP_ENCAP) is assumed",
        Some(false) => "no socket has its port",
        None => "that a socket has its port and decapsulates is assumed",
    });
    if udp.check.verdict != Verdict::Clear {
        checked(&udp.check, KnownHeaders::Around, subject, lines);
    }
}

/// The protected packet that arrives for a vti device, if that is its end.
pub(super) fn outer(outer: &Outer<'_>, subject: &ExplainBasis<'_>, lines: &mut Lines) {
    if outer.check.verdict != Verdict::Clear {
        lines.add("outer", &words::flow(&outer.flow));
        lines.under("the vti device checks it as one in clear, before its SAs are undone");
        checked(&outer.check, KnownHeaders::Around, subject, lines);
    }
}

pub(super) fn checked(
    check: &PolicyCheck<'_>,
    headers: KnownHeaders,
    subject: &ExplainBasis<'_>,
    lines: &mut Lines,
) {
    if check.is_exempt {
        let variable = subject.routing.set_disable_policy();
        let variable = variable.unwrap_or_else(|| "disable_policy".to_owned());
        lines.add("policy", &format!("not checked: {variable} is set"));
        return;
    }
    if let Some(entry) = check.outside {
        let differs = words::differing_sa_field(entry, Some(SaField::Selector));
        lines.add("selector", &format!("not {}: {differs}", words::sa(entry)));
        return;
    }
    found(check.socket, check.lookup.as_ref(), check.direction, subject, lines);
    for served in &check.templates {
        template(served, headers, lines);
    }
    if let Some(entry) = check.surplus {
        lines.add("surplus", &format!("{}: no template demands it", words::sa(entry)));
    }
}

fn template(served: &SaOfTemplate<'_>, headers: KnownHeaders, lines: &mut Lines) {
    let SaOfTemplate { template, is_optional, sa, mismatches, displaced } = served;
    let level = if *is_optional { "optional" } else { "required" };
    lines.add("template", &format!("{}, {level}", words::template(template)));
    if let Some(entry) = sa {
        lines.under(&format!("served by {}", words::sa(entry)));
        return;
    }
    match displaced {
        Some(entry) => lines.under(&format!(
            "not {}: order differs: the headers of the packet are in another order than the templates, of which the first is the innermost",
            words::sa(entry)
        )),
        None if *is_optional && headers == KnownHeaders::Outer => {
            lines.under("not needed; a header of it would be encrypted: give --spi of all headers");
        }
        None if *is_optional => lines.under("not needed"),
        None if headers == KnownHeaders::None => {
            lines.under("the packet has no SA for it: it comes in clear, unless --spi is given");
        }
        None if headers == KnownHeaders::Around => {
            lines.under("the packet has no SA for it: its headers are not undone yet");
        }
        None if mismatches.is_empty() => {
            lines.under("the packet has no SA for it: the others serve other templates");
        }
        None => {}
    }
    for (entry, field) in mismatches {
        let differs = words::differing_sa_field(entry, Some(*field));
        lines.under(&format!("not {}: {differs}", words::sa(entry)));
    }
}
