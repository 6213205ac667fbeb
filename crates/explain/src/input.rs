//! The transformations of a received packet that are undone (`xfrm_input`, net/xfrm/xfrm_input.c).

use std::net::IpAddr;

use model::{
    Direction, EncapKind, MAX_DEPTH, Mode, Proto, SaDirection, SaEntry, SaField, SaState, Spi,
};

use crate::{
    Contained, Reason, Verdict,
    replay::{ReplayFault, replay_fault},
    sa::has_reached_limit,
    verdict::Doubt,
};

/// A header of a received packet that names an SA. What is `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its SPI, or CPI.
    pub spi: Spi,
    /// Its protocol.
    pub proto: Option<Proto>,
    /// The destination of the IP header before it.
    pub dst: Option<IpAddr>,
    /// Its sequence number.
    pub sequence: Option<u32>,
    /// Its encapsulation in UDP or TCP, or that it has none.
    pub encapsulation: Option<Option<EncapKind>>,
    /// Its integrity check value beside the key of its SA.
    pub integrity: Option<Integrity>,
    /// What is inside: of AH and IPComp by their header, of ESP if it was decrypted.
    pub inside: Option<Contained>,
}

/// Whether an integrity check value is that of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It is.
    Right,
    /// It is not: the keys or the algorithms differ, or the packet was changed.
    Wrong,
    /// It would be with so many bits.
    OtherLength(u16),
    /// It would be if the SA had extended sequence numbers, or had none.
    OtherEsn,
    /// It would be with another upper half of the extended sequence number, which is not sent.
    OtherUpper {
        /// The half that the kernel infers (`xfrm_replay_seqhi`).
        inferred: u32,
        /// The half that the sender has.
        sent: u32,
    },
    /// Of AH: it would be with the source of the SA, which was changed on the way.
    OtherSource,
}

/// A header, and the SA that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decapsulated<'a> {
    /// The header.
    pub arrival: Arrival,
    /// The SA.
    pub sa: Option<&'a SaEntry>,
    /// Why its sequence number is refused.
    pub replay: Option<ReplayFault>,
    /// SAs that the header does not name: of this SPI and another protocol, destination or mark, or between the same ends.
    pub near: Vec<&'a SaEntry>,
}

impl Decapsulated<'_> {
    /// The field in which an SA is not the one that the header names.
    #[must_use]
    pub fn differing(&self, entry: &SaEntry) -> SaField {
        let sa = &entry.sa;
        if self.arrival.spi != sa.spi {
            SaField::Spi
        } else if self.arrival.proto.is_some_and(|proto| proto != sa.proto) {
            SaField::Protocol
        } else if self.arrival.dst.is_some_and(|dst| dst != sa.ends.dst()) {
            SaField::Dst
        } else {
            SaField::Mark
        }
    }
}

/// The headers of a received packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputResult<'a> {
    /// From outside in, up to the one that is refused.
    pub headers: Vec<Decapsulated<'a>>,
    /// The SAs that the packet has come through, outermost first.
    pub path: Vec<&'a SaEntry>,
    /// The mark of the packet inside: SAs may set one (`xfrm_smark_get`).
    pub mark: u32,
    /// What becomes of the packet, if it gets no further.
    pub stops: Option<Verdict<'a>>,
}

impl InputResult<'_> {
    /// The place of the header whose SA is in transport mode and lets out what nothing takes, unless a tunnel device does: an
    /// IP packet or garbage. And why it is dropped.
    #[must_use]
    pub fn untaken(&self) -> Option<(usize, Reason)> {
        let lets_out = |header: &Decapsulated<'_>, is_meant: fn(Contained) -> bool| {
            let is_transport =
                header.sa.is_some_and(|entry| entry.sa.mode.installed() == Mode::Transport);
            is_transport && header.arrival.inside.is_some_and(is_meant)
        };
        let mut passed = self.headers.iter().take(self.path.len());
        if let Some(place) = passed.position(|header| lets_out(header, Contained::is_ip)) {
            return Some((place, Reason::IpInside));
        }
        let last = self.headers.last()?;
        let is_garbage = matches!(
            self.stops,
            Some(Verdict::Dropped { reason: Reason::Decryption, counters: [] })
        );
        (is_garbage && lets_out(last, |_| true))
            .then_some((self.headers.len() - 1, Reason::Decryption))
    }
}

/// The most headers that the kernel undoes of a packet (`XFRM_MAX_DEPTH`, net/xfrm.h; `xfrm_input`).
pub(crate) const MOST_HEADERS: usize = MAX_DEPTH;

/// Follows the headers of a received packet with this mark, outermost first. `vti_key`: see [`crate::Surroundings`].
#[must_use]
pub fn decapsulate<'a>(
    sas: &'a [SaEntry],
    arrivals: &[Arrival],
    mark: u32,
    vti_key: Option<u32>,
) -> InputResult<'a> {
    let mut input = InputResult { headers: Vec::new(), path: Vec::new(), mark, stops: None };
    // The kernel reads the mark once for all headers up to a tunnel, or takes the key of the device in its place.
    let mut named_by = vti_key.unwrap_or(mark);
    for arrival in arrivals {
        if input.path.len() == MOST_HEADERS {
            input.stops = Some(dropped(Reason::TooManyHeaders));
            break;
        }
        let of_spi = sas.iter().filter(|entry| entry.sa.spi == arrival.spi);
        let (named, near): (Vec<_>, Vec<_>) = of_spi.partition(|it| names(arrival, named_by, it));
        let sa = named.first().copied();
        let replay =
            sa.zip(arrival.sequence).and_then(|(entry, number)| replay_fault(&entry.sa, number));
        input.headers.push(Decapsulated { arrival: *arrival, sa, replay, near });
        input.stops = match sa {
            None => Some(dropped(Reason::UnknownSpi)),
            Some(_) if are_several(&named) => Some(Verdict::Unknown(Doubt::SeveralSas(named))),
            Some(entry) => fault_of(entry, arrival, replay)
                .or(is_nested_ah(input.path.last(), entry).then_some(Reason::NestedAh))
                .map(dropped)
                .or_else(|| arrival.inside?.stops(&entry.sa)),
        };
        if input.stops.is_some() {
            break;
        }
        if let Some(entry) = sa {
            input.mark = entry.sa.output_mark.set(input.mark);
            if entry.sa.mode.installed() != Mode::Transport {
                named_by = input.mark;
            }
            input.path.push(entry);
        }
    }
    input
}

/// Whether AH follows another protocol in transport mode ([`Reason::NestedAh`]).
fn is_nested_ah(before: Option<&&SaEntry>, entry: &SaEntry) -> bool {
    entry.sa.proto == Proto::Ah
        && before.is_some_and(|before| {
            before.sa.proto != Proto::Ah && before.sa.mode.installed() == Mode::Transport
        })
}

fn dropped<'a>(reason: Reason) -> Verdict<'a> {
    Verdict::dropped(reason, Direction::In)
}

/// Whether a header names an SA (`__xfrm_state_lookup`).
fn names(arrival: &Arrival, mark: u32, entry: &SaEntry) -> bool {
    let sa = &entry.sa;
    arrival.proto.is_none_or(|proto| proto == sa.proto)
        && arrival.dst.is_none_or(|dst| dst == sa.ends.dst())
        && mark & sa.mark.mask == sa.mark.value
}

/// Whether SAs differ in what a header has and was not given. Of SAs that differ in their marks alone, the
/// newest that matches is taken.
fn are_several(sas: &[&SaEntry]) -> bool {
    let name = |entry: &SaEntry| (entry.sa.proto, entry.sa.ends.dst());
    sas.windows(2).any(|pair| name(pair[0]) != name(pair[1]))
}

/// Why an SA does not take the packet, in the kernel's order.
fn fault_of(entry: &SaEntry, arrival: &Arrival, replay: Option<ReplayFault>) -> Option<Reason> {
    let sa = &entry.sa;
    let is_encapsulated_otherwise =
        arrival.encapsulation.is_some_and(|kind| kind != sa.encap.map(|own| own.kind));
    if sa.direction == Some(SaDirection::Out) {
        return Some(Reason::SaDirection);
    }
    match entry.state {
        SaState::Larval => Some(Reason::Larval),
        SaState::Dead => Some(Reason::Dead),
        SaState::Mature | SaState::Dying if is_encapsulated_otherwise => {
            Some(Reason::Encapsulation)
        }
        SaState::Mature | SaState::Dying if replay.is_some() => Some(Reason::Replay),
        SaState::Mature | SaState::Dying if has_reached_limit(entry) => Some(Reason::Expired),
        SaState::Mature | SaState::Dying => {
            let is_right = arrival.integrity.is_none_or(|it| it == Integrity::Right);
            (!is_right).then_some(Reason::Integrity)
        }
    }
}

#[cfg(test)]
mod tests;
