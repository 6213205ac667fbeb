//! Causes that an SA has, or one that is missing.

use std::net::IpAddr;

use ::diagnose::NearSpi;
use explain::{Arrival, Reason};
use model::{Mode, PolicyEntry, SaEntry, SaField, Template};

use super::policy;
use crate::explain::words;

/// What differs of an SA that nearly serves.
fn near(near: Option<(&SaEntry, Option<SaField>)>) -> String {
    near.map_or(String::new(), |(entry, field)| {
        let differs = words::differing_sa_field(entry, field);
        format!("; {} does not serve: {differs}", words::sa(entry))
    })
}

pub(super) fn integrity(sa: &SaEntry) -> String {
    format!(
        "packets fail the integrity check of {}: the keys, algorithms or ESN of the two ends differ",
        words::sa(sa)
    )
}

pub(super) fn decryption(sa: Option<&SaEntry>) -> String {
    let of = sa.map_or(String::new(), |sa| format!(" of {}", words::sa(sa)));
    format!(
        "packets{of} are decrypted to what is no packet: the keys of encryption, or the modes, of the two ends differ"
    )
}

pub(super) fn replay(sa: &SaEntry, are_old: bool) -> String {
    let what = if are_old { "older than its replay window" } else { "not new" };
    format!("replay: the sequence numbers of packets are {what} at {}", words::sa(sa))
}

pub(super) fn refused(sa: &SaEntry, reason: Reason) -> String {
    match reason {
        Reason::SaSelector => outside_selector(sa),
        reason => format!("packets are dropped at {}: {}", words::sa(sa), reason.sentence()),
    }
}

pub(super) fn mismatch(entry: &PolicyEntry, sa: &SaEntry, field: Option<SaField>) -> String {
    let differs = match field {
        Some(_) => words::differing_sa_field(sa, field),
        None => "no template demands it".to_owned(),
    };
    format!("{} does not accept {}: {differs}", policy(entry), words::sa(sa))
}

/// The modes that the peer may have, in which what is inside a packet of ESP is not what it is in the mode of the SA.
pub(super) fn mode(sa: &SaEntry, there: Option<Mode>) -> String {
    let own = sa.sa.mode.installed();
    let peer = match (there, own) {
        (Some(there), _) => return suspected_mode(sa, there),
        (None, Mode::Tunnel) => "mode transport or beet, or another key of encryption",
        (None, _) => "another mode or another key of encryption",
    };
    format!(
        "what is inside the packets of {} does not suit its mode {}: the peer has {peer}",
        words::sa(sa),
        own.word()
    )
}

/// What was noticed may have come beside the SA.
fn suspected_mode(sa: &SaEntry, there: Mode) -> String {
    let noticed = match there {
        Mode::Tunnel => "packets of IP in IP arrive",
        _ => "wrong checksums of TCP or UDP are counted",
    };
    format!(
        "{noticed} while {} receives packets in its mode {}: the peer may have mode {}",
        words::sa(sa),
        sa.sa.mode.installed().word(),
        there.word()
    )
}

fn outside_selector(sa: &SaEntry) -> String {
    format!(
        "the selector of {} leaves out packets that come by it: {}",
        words::sa(sa),
        sa.sa.selector.as_ref().map_or("none".to_owned(), words::packets)
    )
}

pub(super) fn no_sa(
    entry: &PolicyEntry,
    template: &Template,
    nearly: Option<(&SaEntry, Option<SaField>)>,
    is_requested: bool,
    have_expired: bool,
) -> String {
    let larval = if is_requested { "; key management was asked and has not added one" } else { "" };
    let expired = if have_expired { "; SAs have expired before" } else { "" };
    format!(
        "no SA for {}, template {}{}{larval}{expired}",
        policy(entry),
        words::template(template),
        near(nearly),
    )
}

pub(super) fn unknown_spi(
    arrival: Option<Arrival>,
    ends: Option<(IpAddr, IpAddr)>,
    near: Option<NearSpi<'_>>,
) -> String {
    let (Some(arrival), Some((src, dst))) = (arrival, ends) else {
        return "a peer sends an SPI that is not here".to_owned();
    };
    let proto = arrival.proto.map_or("SPI", |proto| proto.word());
    let near = near.map_or(String::new(), |NearSpi { sa, field }| match field {
        SaField::Spi => format!("; here is {}, which no packet has used", words::sa(sa)),
        _ => format!("; {}: {}", words::sa(sa), words::differing_sa_field(sa, Some(field))),
    });
    format!("{src} sends {proto} {:#x} to {dst}, an SPI that is not here{near}", arrival.spi.0)
}
