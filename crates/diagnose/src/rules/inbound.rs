//! Received packets that their SA does not take, or that no SA is there for.

use explain::{Arrival, InputResult, Reason, Verdict};
use model::{Counter, Direction, Mode, SaEntry, SaField};

use crate::{
    Cause, NearSpi, Seen,
    context::{Context, SaChange},
};

pub fn findings(context: &mut Context<'_>) {
    let arrived = context.arrived();
    unknown_spis(context, &arrived);
    refused(context, &arrived);
    authentic(context);
    decrypted(context, &arrived);
    replayed(context);
}

fn stops(input: &InputResult<'_>) -> Option<Reason> {
    match input.stops {
        Some(Verdict::Dropped { reason, .. }) => Some(reason),
        Some(Verdict::Clear | Verdict::Protected(_) | Verdict::Unknown(_)) | None => None,
    }
}

fn unknown_spis<'a>(context: &mut Context<'a>, arrived: &[(&'a Seen, InputResult<'a>)]) {
    if context.left(Counter::InNoStates) == 0 {
        return;
    }
    for (seen, input) in arrived {
        let Some(header) = input.headers.last() else { continue };
        if stops(input) != Some(Reason::UnknownSpi) {
            continue;
        }
        let mut others = header.near.iter().copied();
        // The mark of a packet is not in its head: an SA that has received packets was found.
        if header.near.iter().any(|entry| context.transformed(entry) > 0) {
            continue;
        }
        let gone = context.observation.expired.iter().find(|gone| {
            gone.sa.spi == header.arrival.spi && Some(gone.sa.ends.dst()) == header.arrival.dst
        });
        let cause = match gone {
            Some(gone) => Cause::Expired(gone),
            None => Cause::UnknownSpi {
                arrival: Some(header.arrival),
                ends: Some(seen.packet.ends),
                near: others
                    .next()
                    .map(|sa| NearSpi { sa, field: differing(&header.arrival, sa) })
                    .or_else(|| of_same_ends(context, seen, &header.arrival)),
            },
        };
        context.explain(cause, Counter::InNoStates, seen.count);
    }
    if context.left(Counter::InNoStates) > 0
        && !context.has(|it| matches!(it, Cause::UnknownSpi { .. } | Cause::Expired(_)))
    {
        let cause = Cause::UnknownSpi { arrival: None, ends: None, near: None };
        context.explain_all(cause, Counter::InNoStates);
    }
    context.close(Counter::InNoStates);
}

/// In what a header differs from an SA of its SPI.
fn differing(arrival: &Arrival, entry: &SaEntry) -> SaField {
    if arrival.proto.is_some_and(|proto| proto != entry.sa.proto) {
        SaField::Protocol
    } else if arrival.dst.is_some_and(|dst| dst != entry.sa.ends.dst()) {
        SaField::Dst
    } else {
        SaField::Mark
    }
}

/// An SA of another SPI for the packets of this peer, which no packet has used.
fn of_same_ends<'a>(context: &Context<'a>, seen: &Seen, arrival: &Arrival) -> Option<NearSpi<'a>> {
    let mut sas = context.tables().sas.iter().filter(|entry| {
        let ends = entry.sa.ends;
        (ends.src(), ends.dst()) == seen.packet.ends && Some(entry.sa.proto) == arrival.proto
    });
    sas.find(|entry| context.transformed(entry) == 0).map(|sa| NearSpi { sa, field: SaField::Spi })
}

/// SAs that refuse packets for what they are.
fn refused<'a>(context: &mut Context<'a>, arrived: &[(&'a Seen, InputResult<'a>)]) {
    for (seen, input) in arrived {
        let Some(reason) = stops(input) else { continue };
        let Some(sa) = input.headers.last().and_then(|header| header.sa) else { continue };
        let is_refused = match reason {
            Reason::Expired => {
                let counter = Counter::InStateExpired;
                if context.left(counter) > 0 {
                    context.explain(Cause::Expired(sa), counter, seen.count);
                }
                false
            }
            Reason::Encapsulation
            | Reason::Larval
            | Reason::Dead
            | Reason::SaDirection
            | Reason::NestedAh => true,
            _ => false,
        };
        let counters = reason.counters(Direction::In);
        let counter = counters.iter().find(|it| context.left(**it) > 0);
        if let (true, Some(&counter)) = (is_refused, counter) {
            context.explain(Cause::Refused(sa, reason), counter, seen.count);
        }
    }
    let counter = Counter::InStateMismatch;
    if context.left(counter) > 0 {
        let with_selector = |sa: &&SaEntry| sa.sa.selector.is_some() && context.is_inbound(sa);
        let mut named = arrived.iter().flat_map(|(_, input)| input.path.iter().copied());
        let sa = named.find(with_selector);
        // A packet outside of the selector was received by the SA.
        let sa = sa.or_else(|| context.receiving().into_iter().find(|it| with_selector(it)));
        if let Some(sa) = sa {
            context.explain_all(Cause::Refused(sa, Reason::SaSelector), counter);
        }
    }
}

/// The SAs of which a number has risen, the highest first.
fn risen<'a>(context: &Context<'a>, of: impl Fn(&SaChange<'a>) -> u64) -> Vec<(SaChange<'a>, u64)> {
    let changes = context.changes.values().map(|change| (*change, of(change)));
    let mut risen: Vec<_> = changes.filter(|(_, packets)| *packets > 0).collect();
    risen.sort_by_key(|(change, packets)| (std::cmp::Reverse(*packets), change.sa.sa.spi.0));
    risen
}

fn authentic(context: &mut Context<'_>) {
    for (change, packets) in risen(context, |change| change.integrity_failed) {
        context.explain(Cause::Integrity(change.sa), Counter::InStateProtoError, packets);
    }
}

/// Packets that are authentic: with keys of encryption that differ, what is inside is random.
fn decrypted<'a>(context: &mut Context<'a>, arrived: &[(&'a Seen, InputResult<'a>)]) {
    let receiving = context.receiving();
    let may_be_decrypted = |sa: &&'a SaEntry| sa.sa.crypt.is_some();
    for counter in [Counter::InStateProtoError, Counter::InHdrError] {
        if context.left(counter) == 0 {
            continue;
        }
        let mut named = arrived.iter().flat_map(|(_, input)| input.path.iter().copied());
        let sa = named.find(may_be_decrypted);
        let sa = sa.or_else(|| receiving.iter().copied().find(may_be_decrypted));
        if sa.is_some() || counter == Counter::InStateProtoError {
            context.explain_all(Cause::Decryption(sa), counter);
        }
    }
    let unknown = context.network.unknown_protocol;
    if unknown > 0 {
        let transport = |sa: &&'a SaEntry| sa.sa.mode.installed() == Mode::Transport;
        if let Some(sa) = receiving.iter().copied().find(transport).filter(may_be_decrypted) {
            context.add(crate::Conclusion::observed(Cause::Decryption(Some(sa)), unknown));
        }
    }
}

fn replayed(context: &mut Context<'_>) {
    for (change, packets) in risen(context, |change| change.replay.max(change.replay_window)) {
        let are_old = change.replay_window > change.replay;
        let cause = Cause::Replay { sa: change.sa, are_old };
        context.explain(cause, Counter::InStateSeqError, packets);
    }
}
