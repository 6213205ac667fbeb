//! The causes as text: for each a line, what shows it, and what mends it.

use ::diagnose::Conclusion;
use cli::wrap;

use super::{Diagnosis, remedy, words};

/// So many causes are printed; the others are counted.
const MOST: usize = 20;

/// The width of the labels.
const INDENT: usize = 4;

/// The causes, likeliest first, or that nothing was found.
pub fn diagnosis(diagnosis: &Diagnosis<'_>, width: Option<usize>) -> String {
    let mut text = String::new();
    for finding in diagnosis.findings.iter().take(MOST) {
        text += &wrap(&sentence(&words::cause(&finding.cause)), 0, width);
        text += &wrap(&format!("evidence: {}", evidence(finding, diagnosis)), INDENT, width);
        text += &wrap(&format!("to mend: {}", remedy::of(&finding.cause)), INDENT, width);
    }
    match diagnosis.findings.len() {
        0 => text += &wrap(&nothing(diagnosis), 0, width),
        all if all > MOST => {
            let rest = format!("And {} more causes; --json prints all.", all - MOST);
            text += &wrap(&rest, 0, width);
        }
        _ => {}
    }
    for note in notes(diagnosis) {
        text += &wrap(&format!("note: {note}"), 0, width);
    }
    text
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// What shows a cause.
pub fn evidence(finding: &Conclusion<'_>, diagnosis: &Diagnosis<'_>) -> String {
    if !finding.is_observed() {
        return "the tables, whether packets are sent or not".to_owned();
    }
    let counters = finding.counters.iter();
    let counters = counters.map(|(counter, packets)| format!("{} +{packets}", counter.word()));
    let packets = match finding.packets {
        1 => "1 packet".to_owned(),
        packets => format!("{packets} packets"),
    };
    let parts = counters.chain([format!("{packets} in {} s", diagnosis.seconds)]);
    parts.collect::<Vec<_>>().join(", ")
}

fn nothing(diagnosis: &Diagnosis<'_>) -> String {
    let (sent, received) = diagnosis.observation.transformed();
    format!(
        "Nothing found in {} s: SAs have sent {sent} and received {received} packets.",
        diagnosis.seconds
    )
}

/// What is no cause, and may matter.
pub fn notes(diagnosis: &Diagnosis<'_>) -> Vec<String> {
    let not_captured = diagnosis.not_captured.as_ref().map(|error| {
        let error = sys::without_number(error.to_string());
        format!("packets were not captured, so that SPIs of the peer are not known: {error}")
    });
    let silence = diagnosis.silences.first().map(|silence| {
        let sa = crate::explain::words::sa(silence.sa);
        let dst = silence.sa.sa.ends.dst();
        format!(
            "{sa} has sent {} packets and nothing came back from {dst}: run ipsecctl diagnose there, or here with --peer ssh:{dst}",
            silence.packets
        )
    });
    not_captured.into_iter().chain(silence).collect()
}
