//! The explanation as text: the verdict, the way step by step, and what would mend it.

mod received;
mod sent;

use cli::wrap;
use explain::{Doubt, Explanation, Found, Lookup, Oddity, Reason, Verdict};
use model::{Direction, PolicyEntry, SaEntry, Visible};

use super::{ExplainBasis, not_followed, remedy, routing::Routing, words};
use received::{KnownHeaders, checked, in_udp, outer, received};
use sent::left;

/// The width of the column of labels.
const LABELS: usize = 10;

/// Lines with a label each.
struct Lines {
    text: String,
    width: Option<usize>,
}

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        let lines = wrap(text, LABELS, self.width);
        let lines = lines.get(LABELS..).unwrap_or_default();
        let label = format!("{label:<LABELS$}");
        self.text.extend([&label, lines]);
    }

    /// A line without a label, under the one before.
    fn under(&mut self, text: &str) {
        self.text += &wrap(text, LABELS, self.width);
    }
}

/// The whole explanation.
pub fn explanation(
    explanation: &Explanation<'_>,
    subject: &ExplainBasis<'_>,
    width: Option<usize>,
) -> String {
    let mut lines = Lines { text: wrap(&verdict(explanation), 0, width), width };
    lines.text.push('\n');
    if let Some(flow) = &explanation.flow {
        lines.add("packet", &words::flow(flow));
    }
    captured(explanation, subject, &mut lines);
    route(subject.routing, &mut lines);
    if let Some(udp) = &explanation.udp {
        in_udp(udp, subject, &mut lines);
    }
    if let Some(outer) = &explanation.outer {
        self::outer(outer, subject, &mut lines);
    }
    if let Some(input) = &explanation.input {
        received(input, subject, &mut lines);
    }
    if let Some(check) = &explanation.check {
        checked(check, KnownHeaders::of(explanation), subject, &mut lines);
    }
    if let Some(output) = &explanation.output {
        left(output, explanation, subject, &mut lines);
    }
    for sentence in not_followed::sentences(explanation, subject.routing) {
        lines.add("but", &sentence);
    }
    if let Some(remedy) = remedy::of(explanation, Some(subject.routing)) {
        lines.add("to mend", &remedy);
    }
    lines.text
}

/// What the captured packet is beside the one that is looked up.
fn captured(explanation: &Explanation<'_>, subject: &ExplainBasis<'_>, lines: &mut Lines) {
    match &subject.other {
        Some(given) if subject.is_for_others => {
            lines.under(&format!(
                "the one that was given is another, and is not explained: {}",
                words::flow(given)
            ));
        }
        Some(other) => {
            lines.under(&format!("the one that was captured is another: {}", words::flow(other)));
        }
        None => {}
    }
    if subject.counts_no_ports {
        lines.under("a fragment: its ports count as 0 where it is forwarded");
    }
    let is_refused =
        matches!(explanation.verdict, Verdict::Dropped { reason: Reason::Reassembly, .. });
    if subject.oddity.is_some_and(Oddity::is_fragment) && explanation.is_taken() && !is_refused {
        lines.under("what was captured is a fragment: this host puts the packet together first");
    }
    if subject.inside.is_some_and(|inside| inside.oddity.is_fragment()) && !is_refused {
        lines.under("what is inside is a fragment: this host puts that packet together first");
    }
    if subject.is_for_others {
        lines.under("what was captured is for another host: none of its headers is undone here");
    }
}

/// The first line.
pub fn verdict(explanation: &Explanation<'_>) -> String {
    match &explanation.verdict {
        Verdict::Clear if explanation.path().is_empty() => "The packet passes in clear.".to_owned(),
        Verdict::Clear => {
            format!(
                "The packet passes, received by {}, and leaves in clear.",
                spis(explanation.path())
            )
        }
        Verdict::Protected(sas) => {
            let spis = spis(sas);
            match explanation.direction {
                Direction::In => format!("The packet passes, received by {spis}."),
                Direction::Out | Direction::Fwd => {
                    format!("The packet passes, protected by {spis}.")
                }
            }
        }
        Verdict::Dropped { reason, counters } => {
            let counters =
                counters.iter().map(|counter| counter.word()).collect::<Vec<_>>().join(", ");
            let counted = if counters.is_empty() { "no XFRM counter" } else { &counters };
            let refused = if explanation.is_of_outer && *reason != Reason::OuterElsewhere {
                "the packet that it arrives in is refused: "
            } else {
                ""
            };
            format!("The packet is dropped: {refused}{} ({counted}).", why(*reason, explanation))
        }
        Verdict::Unknown(doubt) => {
            format!("What becomes of the packet is not known: {}.", self::doubt(doubt))
        }
    }
}

fn spis(sas: &[&SaEntry]) -> String {
    let spis = sas.iter().map(|it| format!("{} {:#x}", it.sa.proto.word(), it.sa.spi.0));
    spis.collect::<Vec<_>>().join(", ")
}

fn why(reason: Reason, explanation: &Explanation<'_>) -> &'static str {
    let is_outer = explanation.outer.as_ref().is_some_and(|outer| outer.stops().is_some());
    let is_udp = explanation.udp.as_ref().is_some_and(|udp| udp.stops().is_some());
    match reason {
        Reason::Templates if is_outer => {
            "the vti device that it is for checks the protected packet as one in clear, and the templates of its policy demand SAs"
        }
        Reason::Templates if is_udp => {
            "it is in UDP, which comes in clear, and the templates of the policy of that UDP demand SAs"
        }
        Reason::UnknownSpi if words::is_of_other_mark(explanation) => {
            "the SA of its SPI has another mark"
        }
        Reason::Templates if explanation.path().is_empty() => {
            "it comes in clear, and the templates of its policy demand SAs"
        }
        _ => reason.sentence(),
    }
}

fn doubt(doubt: &Doubt<'_>) -> String {
    match doubt {
        Doubt::Fields(fields) => {
            let fields = fields.iter().map(explain::Field::word).collect::<Vec<_>>().join(", ");
            format!("a policy or SA compares what was not given: {fields}")
        }
        Doubt::SeveralSas(sas) => {
            let sas = sas.iter().map(|entry| words::sa(entry)).collect::<Vec<_>>().join("; ");
            format!("several SAs have the SPI: {sas}")
        }
        Doubt::Decryption => "neither padding nor header shows whether it is decrypted by the key of its sender; compare key_fingerprint in `ipsecctl show sas --json` at both ends".to_owned(),
        Doubt::InnerPacket => {
            "the packet inside is encrypted; give its SRC, DST and PROTO".to_owned()
        }
        Doubt::InnerVersion => {
            "its SA lacks the flag af-unspec and has the other IP version: Linux 6.1 takes such packets, Linux 7.2 does not, and others were not looked at".to_owned()
        }
        Doubt::Fragment => {
            "it is a later fragment; give the first one, which has the headers".to_owned()
        }
        Doubt::OtherDirection(direction) => {
            let leads = if *direction == Direction::In { "to" } else { "through" };
            format!("the route leads {leads} this host; ask about `{}`", direction.word())
        }
        Doubt::NextHop => {
            "its next hop did not answer the last time, its entry in the table of neighbours is FAILED: the packet is dropped unless it answers now".to_owned()
        }
        Doubt::OuterForwarded => {
            "it arrives in a packet for another host, which is forwarded as it is: no SA is looked up for that".to_owned()
        }
        Doubt::SocketPolicy => {
            "it is in UDP, and which socket the policies of sockets belong to is not known".to_owned()
        }
        Doubt::TooLong { longest } => {
            format!("it is longer than the {longest} bytes that fit; it passes in fragments, or is dropped if it has DF or its socket forbids them; give --df")
        }
        Doubt::Interface => {
            "it leaves by an xfrm interface without a number of its own, and its route has none for it (encap xfrm); give --ifid".to_owned()
        }
        Doubt::OtherNamespace => {
            "the device that it leaves by has its other end in another network namespace, whose policies and SAs it looks up".to_owned()
        }
        Doubt::ProtocolRule(preference) => {
            format!("rule {preference} of `ip rule` compares the protocol of what the tunnel makes, which the routing table is not asked with; newer kernels route that by it")
        }
        Doubt::SubPolicies(indexes) => {
            let policies = policies_of(indexes);
            format!("{policies} of type sub may match, and sub-policies are not followed")
        }
        Doubt::IcmpError(indexes) if indexes.is_empty() => {
            "an ICMP error that comes by an SA with the flag icmp is checked by the packet that it is about, which is not followed".to_owned()
        }
        Doubt::IcmpError(indexes) => {
            let policies = policies_of(indexes);
            format!("an ICMP error may take {policies} for the packet that it is about, which is not followed")
        }
    }
}

/// `policy 9`, or `policies 9, 17`.
fn policies_of(indexes: &[u32]) -> String {
    let list = indexes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    format!("{} {list}", if indexes.len() == 1 { "policy" } else { "policies" })
}

fn route(routing: &Routing, lines: &mut Lines) {
    match routing.route {
        Some(Ok(route)) => lines.add("route", &words::route(&route)),
        Some(Err(errno)) => {
            let why = match routing.refusal {
                // The errno is of another kind.
                Some(Reason::NoForwarding | Reason::ReversePath | Reason::Martian) => {
                    "the packet may not arrive by this device".to_owned()
                }
                _ => sys::errno_text(errno),
            };
            lines.add("route", &format!("none: {why}; what follows is as if there were one"));
            if let Some(device) =
                routing.back.filter(|_| routing.refusal == Some(Reason::ReversePath))
            {
                lines.under(&format!(
                    "the route back to its source is by {}",
                    Visible(device.as_str())
                ));
            }
        }
        None => {}
    }
    if let Some(interface) = routing.interface() {
        lines.under(&words::interface(&interface));
    }
    if routing.is_source_foreign {
        lines
            .under("its source is no address of this host: a raw or a transparent socket sends it");
    }
    if let Some(vrf) = routing.bound_to {
        let name = Visible(vrf.as_str());
        lines.under(&format!(
            "its source is an address of the VRF {name}: its socket is bound to that"
        ));
    }
    if let Some(device) = routing.arrives_by {
        let name = Visible(device.name.as_str());
        let doubt =
            if routing.is_device_given() { "" } else { ": give --dev if it is another one" };
        lines.under(&format!("arrives at {name}{doubt}"));
    }
    if let Some(through) = routing.through() {
        lines.under(&words::through(&through));
    }
}

/// The policy, and those beside it.
fn found(
    socket: Option<&PolicyEntry>,
    lookup: Option<&Lookup<'_>>,
    direction: Direction,
    subject: &ExplainBasis<'_>,
    lines: &mut Lines,
) {
    if let Some(entry) = socket {
        lines.add("policy", &format!("of the socket: {}", words::policy(entry)));
        return;
    }
    let Some(lookup) = lookup else { return };
    match lookup.found {
        Found::Policy(entry) => {
            lines.add("policy", &words::policy(entry));
            if let Some(requested) = subject.requested.get(&entry.index) {
                let templates = requested.policy.action.templates().iter().map(words::template);
                let templates = templates.collect::<Vec<_>>().join(", ");
                lines.under(&format!("partial: requested is {templates}; templates that no SA serves are not installed"));
            }
        }
        Found::CatchAll => lines.add("policy", "none matches; the variable def_policy discards"),
        Found::Nothing => lines.add("policy", &format!("none matches for {}", direction.word())),
    }
    if let Some(entry) = lookup.rival {
        lines.under(&format!("or {}, of the same priority: a policy was replaced, or an index chosen, and the kernel does not show their order", words::policy(entry)));
    }
    for it in &lookup.doubtful {
        let fields =
            it.compared.unknown.iter().map(explain::Field::word).collect::<Vec<_>>().join(", ");
        lines.under(&format!("or {}, which depends on {fields}", words::policy(it.entry)));
    }
    for entry in lookup.later.iter().take(3) {
        lines
            .under(&format!("and not {}, which matches too and comes later", words::policy(entry)));
    }
    if lookup.later_count > 3 {
        lines.under(&format!("nor {} others that match", lookup.later_count - 3));
    }
    for near in &lookup.near {
        let differs = words::differing_field(near.entry, near.field);
        lines.under(&format!("not {}: {differs}", words::policy(near.entry)));
    }
}

#[cfg(test)]
mod tests;
