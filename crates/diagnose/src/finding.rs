use std::collections::HashSet;

use model::{Counter, SaEntry};

use crate::{
    Cause, Observation, PeerTables, Subject,
    context::Context,
    peer,
    rules::{host, inbound, latent, modes, outbound, policies, routes, sources},
};

/// Why packets do not pass, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion<'a> {
    /// The cause.
    pub cause: Cause<'a>,
    /// The packets that were dropped for it; 0: the tables show it, whether packets were sent or not.
    pub packets: u64,
    /// The counters that were raised.
    pub counters: Vec<(Counter, u64)>,
}

impl<'a> Conclusion<'a> {
    /// What was observed.
    pub(crate) fn observed(cause: Cause<'a>, packets: u64) -> Self {
        Self { cause, packets: packets.max(1), counters: Vec::new() }
    }

    /// What the tables show.
    pub(crate) fn latent(cause: Cause<'a>) -> Self {
        Self { cause, packets: 0, counters: Vec::new() }
    }

    pub(crate) fn with(mut self, counter: Counter, packets: u64) -> Self {
        self.counters.push((counter, packets));
        self
    }

    /// Whether packets were dropped while it was observed.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.packets > 0
    }
}

/// An SA that sends, while nothing comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence<'a> {
    /// The SA.
    pub sa: &'a SaEntry,
    /// The packets that it has sent.
    pub packets: u64,
}

/// Why packets do not pass, most likely cause first: what was observed, by the number of packets, then how the
/// two ends differ, then what the tables lack.
#[must_use]
pub fn diagnose<'a>(
    observation: &'a Observation,
    subject: Option<Subject>,
    peer: Option<&PeerTables>,
) -> Vec<Conclusion<'a>> {
    let mut context = Context::new(observation);
    modes::findings(&mut context);
    inbound::findings(&mut context);
    policies::findings(&mut context);
    outbound::findings(&mut context);
    host::findings(&mut context);
    routes::findings(&mut context);
    sources::findings(&mut context, &silences(observation));
    let mut findings = context.finish();
    // A sort that keeps the order of what is equal.
    findings.sort_by_key(|finding| {
        // What another host may do on purpose, or may have, comes behind what this one lacks.
        let rank = match finding.cause {
            Cause::NoAnswer { .. } | Cause::Mode { there: Some(_), .. } => 1,
            Cause::Counted(_) => 2,
            _ => 0,
        };
        (rank, std::cmp::Reverse(finding.packets))
    });
    findings
        .extend(peer.map(|peer| peer::differences(observation, peer, subject)).unwrap_or_default());
    let latent = latent::findings(observation, subject);
    let is_new = |new: &Conclusion<'_>, all: &[Conclusion<'_>]| {
        all.iter().all(|old| !latent::is_same(&old.cause, &new.cause))
    };
    for finding in latent {
        if is_new(&finding, &findings) {
            findings.push(finding);
        }
    }
    findings.retain(|finding| subject.is_none_or(|subject| subject.has(&finding.cause)));
    findings
}

impl Observation {
    /// The packets that SAs have sent, and those that they have received.
    #[must_use]
    pub fn transformed(&self) -> (u64, u64) {
        let context = Context::new(self);
        context.changes.values().fold((0, 0), |(sent, received), change| {
            if context.is_inbound(change.sa) {
                (sent, received + change.packets)
            } else {
                (sent + change.packets, received)
            }
        })
    }
}

/// The SAs that have sent packets while none came back by an SA of the other end: that alone is no fault.
#[must_use]
pub fn silences(observation: &Observation) -> Vec<Silence<'_>> {
    let context = Context::new(observation);
    let changes = context.changes.values();
    let sending = changes.filter(|it| it.packets > 0 && !context.is_inbound(it.sa));
    let answering: HashSet<_> = context.receiving().iter().map(|sa| sa.sa.ends.src()).collect();
    let silent = sending.filter(|it| !answering.contains(&it.sa.sa.ends.dst()));
    let mut silent: Vec<_> = silent.map(|it| Silence { sa: it.sa, packets: it.packets }).collect();
    silent.sort_by_key(|it| (std::cmp::Reverse(it.packets), it.sa.sa.spi.0));
    silent
}

#[cfg(test)]
mod tests;
