//! The causes as JSON.

use ::diagnose::Conclusion;
use cli::json::{CauseJson, CountedJson, DiagnosisJson, SaNameJson};

use super::{Diagnosis, remedy, text, words};

/// The whole diagnosis.
pub fn diagnosis(diagnosis: &Diagnosis<'_>) -> DiagnosisJson {
    let (sent, received) = diagnosis.observation.transformed();
    DiagnosisJson {
        seconds: diagnosis.seconds.get().into(),
        captured: diagnosis.observation.seen.is_some(),
        sent,
        received,
        causes: diagnosis.findings.iter().map(cause).collect(),
        notes: text::notes(diagnosis),
    }
}

fn cause(finding: &Conclusion<'_>) -> CauseJson {
    let names = finding.cause.names();
    let counters = finding
        .counters
        .iter()
        .map(|(counter, packets)| CountedJson { name: counter.word(), packets: *packets });
    CauseJson {
        code: finding.cause.code(),
        message: words::cause(&finding.cause),
        observed: finding.is_observed(),
        packets: finding.packets,
        counters: counters.collect(),
        policy: names.policy.map(|entry| entry.index),
        sa: names.sa.map(SaNameJson::from),
        spi: names.spi.map(|spi| spi.0),
        remedy: remedy::of(&finding.cause),
    }
}
