//! The SAs of the templates of a packet that leaves, and what is on the wire.

use explain::{
    Explanation, Headers, Mtu, OutputResult, Reason, Resolution, Resolved, SaSearch, Verdict,
};
use model::Direction;

use super::{ExplainBasis, Lines, found, words};

pub(super) fn left(
    output: &OutputResult<'_>,
    explanation: &Explanation<'_>,
    subject: &ExplainBasis<'_>,
    lines: &mut Lines,
) {
    if output.is_exempt {
        let variable = subject.routing.set_disable_xfrm();
        let variable = variable.unwrap_or_else(|| "disable_xfrm".to_owned());
        lines.add("policy", &format!("none looked up: {variable} is set"));
        return;
    }
    found(output.socket, output.lookup.as_ref(), Direction::Out, subject, lines);
    for resolved in &output.templates {
        template(resolved, lines);
    }
    if let (Verdict::Dropped { reason: Reason::NoSa, counters: [] }, None) =
        (&output.verdict, output.socket)
    {
        lines.under("net.core.xfrm_larval_drop is 0: it is queued, one of 100 of its policy at most, and leaves if the SA is added within 205 seconds; no counter is raised");
    }
    for resolved in &subject.not_installed {
        missing(resolved, lines);
    }
    if let (Verdict::Protected(sas), Some(flow)) = (&output.verdict, &explanation.flow) {
        on_the_wire(&Headers::of(flow, sas), explanation, subject, lines);
    }
}

/// What is said of a packet that passes and does not fit.
fn fragments(
    explanation: &Explanation<'_>,
    length: usize,
    subject: &ExplainBasis<'_>,
) -> &'static str {
    let is_longer = explanation.longest(subject.mtu).is_some_and(|longest| length > longest);
    if is_longer && explanation.verdict.passes() { ", in fragments" } else { "" }
}

fn template(resolved: &Resolved<'_>, lines: &mut Lines) {
    let Resolved { template, is_optional, search, resolution, .. } = resolved;
    let level = if *is_optional { "optional" } else { "required" };
    lines.add("template", &format!("{}, {level}", words::template(template)));
    let own = template.mode.endpoints();
    if own.is_some_and(|own| own.src().is_unspecified()) && !resolved.local.is_unspecified() {
        lines.under(&format!("from {}, the source by its route", resolved.local));
    }
    match resolution {
        Resolution::Uses(entry) => {
            lines.under(&format!("uses {}", words::sa(entry)));
            if let Some(limit) = words::limit(entry).or_else(|| words::last_sequence(entry)) {
                lines.under(&limit);
            }
        }
        Resolution::Skipped => lines.under("no SA: the packet passes without it"),
        Resolution::Fails(_) => match search.found.or(search.spi_taken) {
            Some(entry) => lines.under(&format!("finds {}", words::sa(entry))),
            None => lines.under("no SA"),
        },
    }
    if search.is_of_other_source {
        lines.under("its source differs: the kernel compares a hash of it alone");
    }
    if search.is_tie {
        lines.under("another SA was added in the same second; the order in a hash table decides");
    }
    if search.is_by_cpu {
        lines.under("an SA is for packets of one processor alone, which --cpu compares");
    }
    for entry in search.others.iter().take(3) {
        lines.under(&format!("rather than {}", words::sa(entry)));
    }
    if let Some(entry) = search.larval {
        lines.under(&format!(
            "{} is larval: it waits for a key management program",
            words::sa(entry)
        ));
    }
    near(search, lines);
}

/// The SAs that nearly serve a template that has none.
fn near(search: &SaSearch<'_>, lines: &mut Lines) {
    if search.found.is_none() {
        for near in &search.near {
            let differs = words::differing_sa_field(near.entry, near.field);
            lines.under(&format!("not {}: {differs}", words::sa(near.entry)));
        }
    }
    if let Some((entry, fields)) = search.distant {
        let differs = fields.map(|field| words::differing_sa_field(entry, Some(field))).join(", ");
        lines.under(&format!("not {}: {differs}", words::sa(entry)));
    }
}

/// A template that a partial policy was requested with, and that is not installed.
fn missing(resolved: &Resolved<'_>, lines: &mut Lines) {
    lines.add("template", &format!("{}, not installed", words::template(resolved.template)));
    lines.under("no SA: the packet passes without it");
    near(&resolved.search, lines);
}

fn on_the_wire(
    headers: &Headers<'_>,
    explanation: &Explanation<'_>,
    subject: &ExplainBasis<'_>,
    lines: &mut Lines,
) {
    let list = headers.headers.iter().map(words::header).collect::<Vec<_>>().join(", ");
    lines.add("wire", &list);
    if let Some(route) = subject.other_route() {
        lines.under(&format!("leaves {}", words::route(route)));
    }
    match headers.overhead() {
        Some((least, most)) if least == most => lines.add("overhead", &format!("{least} bytes")),
        Some((least, most)) => {
            lines.add("overhead", &format!("{least} to {most} bytes, by padding"));
        }
        None => lines.add("overhead", "not known for this cipher or mode"),
    }
    if headers.is_compressed() {
        lines.under("if IPComp does not compress the packet");
    }
    if let Some((length, wire)) =
        subject.length.and_then(|length| Some((length, headers.wire_length(length)?)))
    {
        lines.under(&format!(
            "{length} bytes become {wire}{}",
            fragments(explanation, length, subject)
        ));
    }
    if let Some(most) = subject.mtu.longest(headers) {
        let limit = match subject.mtu {
            Mtu { own: Some(own), .. } if own == most => ", that of its own route".to_owned(),
            Mtu { link, .. } => format!(" for a link of {link}"),
        };
        lines.add("mtu", &format!("{most} bytes{limit}"));
    }
}
