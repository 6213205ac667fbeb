//! The look-up of an SA for a template of an outbound packet (`xfrm_state_find`, net/xfrm/xfrm_state.c).

use std::net::IpAddr;

use model::{Demand, Offer, SaEntry, SaField, SaFlags, SaState};

use crate::{
    Flow, Tables,
    hash::{bucket, no_source},
};

/// The most SAs that are kept of those that nearly serve.
const MOST: usize = 5;

/// An SA that does not serve a template because of one field, or that nothing but its state prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearSa<'a> {
    /// The SA.
    pub entry: &'a SaEntry,
    /// The field that differs; `None`: it is larval or dead.
    pub field: Option<SaField>,
}

/// The look-up of an SA.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is found out by itself")]
pub struct SaSearch<'a> {
    /// The SA that is used.
    pub found: Option<&'a SaEntry>,
    /// Others that would serve as well, in the kernel's preference.
    pub others: Vec<&'a SaEntry>,
    /// Whether the SAs were added in the same second and the order in a hash bucket decides between them.
    pub is_tie: bool,
    /// Whether the found SA has another source than the template: both are in one hash bucket.
    pub is_of_other_source: bool,
    /// A larval SA that an ACQUIRE has made for the template.
    pub larval: Option<&'a SaEntry>,
    /// SAs that nearly serve.
    pub near: Vec<NearSa<'a>>,
    /// An SA that does not serve because of these two fields, if there is no nearer one.
    pub distant: Option<(&'a SaEntry, [SaField; 2])>,
    /// An SA with the SPI that the template demands which does not serve.
    pub spi_taken: Option<&'a SaEntry>,
    /// Whether an SA serves or not by what is not known of the packet.
    pub is_doubtful: bool,
    /// Whether an SA that serves is for packets of one processor.
    pub is_by_cpu: bool,
}

/// How far an SA is from serving.
enum Fit {
    /// It is found by source and destination.
    Direct,
    /// It is found in the bucket of SAs without a source.
    Wildcard { is_of_other_source: bool },
}

/// SAs that serve, by where they are found.
#[derive(Default)]
struct Fitting<'a> {
    direct: Vec<&'a SaEntry>,
    /// Each with whether it has another source than the template.
    wildcard: Vec<(&'a SaEntry, bool)>,
}

/// Finds the SA for a template. `demand` has the addresses of this step; `flow` is the packet before any
/// transformation, which the selectors of SAs are compared with.
pub fn find_sa<'a>(tables: &'a Tables, demand: &Demand, flow: &Flow) -> SaSearch<'a> {
    let mut search = SaSearch::default();
    let mut fitting = Fitting::default();
    for entry in &tables.sas {
        search.look_at(entry, tables, demand, flow, &mut fitting);
    }
    let Fitting { direct, wildcard } = fitting;
    // A larval SA ends the look-up as a usable one does, before SAs without a source are looked at.
    let is_wildcard = direct.is_empty() && search.larval.is_none();
    let fitting =
        if is_wildcard { wildcard.iter().map(|(entry, _)| *entry).collect() } else { direct };
    search.choose(fitting);
    let is_found = |entry: &SaEntry| search.found.is_some_and(|found| std::ptr::eq(found, entry));
    search.distant = search.distant.filter(|_| search.found.is_none() && search.near.is_empty());
    search.is_of_other_source =
        is_wildcard && wildcard.iter().any(|(entry, other)| *other && is_found(entry));
    search
}

impl<'a> SaSearch<'a> {
    /// Takes an SA for one that serves or nearly does, or passes it over.
    fn look_at(
        &mut self,
        entry: &'a SaEntry,
        tables: &Tables,
        demand: &Demand,
        flow: &Flow,
        fitting: &mut Fitting<'a>,
    ) {
        let offer = Offer::in_any_state(entry);
        // The direction of an SA is compared when it has been found; its selector with the whole packet.
        let mut differing = demand
            .mismatches(&offer)
            .filter(|field| !matches!(field, SaField::Direction | SaField::Selector));
        let (first, second, third) = (differing.next(), differing.next(), differing.next());
        let spi = demand.template.details.spi;
        if spi == Some(offer.spi)
            && offer.proto == demand.template.proto
            && demand.dst().contains(offer.dst)
            && demand.mark.value & demand.mark.mask & entry.sa.mark.mask == entry.sa.mark.value
        {
            self.spi_taken = self.spi_taken.or(Some(entry));
        }
        let fit = match (first, second) {
            (None, _) => Some(fit(tables, demand, entry)),
            (Some(SaField::Src), None) => collision(tables, demand, entry),
            _ => None,
        };
        let selector = selector_fits(entry, flow);
        match (fit, entry.state) {
            (Some(_), SaState::Larval) => self.larval = self.larval.or(Some(entry)),
            (Some(_), SaState::Mature | SaState::Dying)
                if entry.sa.cpu.zip(flow.cpu).is_some_and(|(own, sender)| own != sender) =>
            {
                self.is_by_cpu = true;
            }
            (Some(fit), SaState::Mature | SaState::Dying) if selector != Some(false) => {
                self.is_by_cpu |= entry.sa.cpu.is_some();
                self.is_doubtful |=
                    selector.is_none() || entry.sa.cpu.is_some() && flow.cpu.is_none();
                match fit {
                    Fit::Direct => fitting.direct.push(entry),
                    Fit::Wildcard { is_of_other_source } => {
                        fitting.wildcard.push((entry, is_of_other_source));
                    }
                }
            }
            (Some(_), SaState::Mature | SaState::Dying) => {
                self.near_by(entry, Some(SaField::Selector));
            }
            (Some(_), SaState::Dead) => self.near_by(entry, None),
            (None, SaState::Mature | SaState::Dying)
                if second.is_none() && selector == Some(true) =>
            {
                self.near_by(entry, first);
            }
            (None, SaState::Mature | SaState::Dying) if third.is_none() => {
                self.distant =
                    self.distant.or(first.zip(second).map(|(one, other)| (entry, [one, other])));
            }
            (None, _) => {}
        }
    }

    /// The best of those that serve, in the order of their bucket, which is newest first until the table has grown
    /// (`xfrm_state_look_at`): not dying, then the newest by seconds. One of the sender's processor comes before the
    /// first one of all processors, but not before one that is looked at later and is better.
    fn choose(&mut self, mut fitting: Vec<&'a SaEntry>) {
        let rank = |entry: &SaEntry| {
            (entry.state == SaState::Dying, std::cmp::Reverse(entry.current.add_time))
        };
        self.found = fitting.iter().copied().reduce(|best, entry| {
            let is_of_cpu = best.sa.cpu.is_none() && entry.sa.cpu.is_some();
            if is_of_cpu || rank(entry) < rank(best) { entry } else { best }
        });
        let Some(found) = self.found else { return };
        fitting.retain(|entry| !std::ptr::eq(*entry, found));
        fitting.sort_by_key(|entry| rank(entry));
        self.is_tie = fitting.first().is_some_and(|other| {
            rank(other) == rank(found) && other.sa.cpu.is_some() == found.sa.cpu.is_some()
        });
        self.others = fitting;
    }

    fn near_by(&mut self, entry: &'a SaEntry, field: Option<SaField>) {
        if self.near.len() < MOST {
            self.near.push(NearSa { entry, field });
        }
    }
}

/// Where an SA that differs in nothing is found.
fn fit(tables: &Tables, demand: &Demand, entry: &SaEntry) -> Fit {
    let src = entry.sa.ends.src();
    if !src.is_unspecified() || demand.src().addr().is_unspecified() {
        return Fit::Direct;
    }
    let of = |src| bucket_of(tables, entry, src);
    if of(src) == of(demand.src().addr()) {
        Fit::Direct
    } else {
        Fit::Wildcard { is_of_other_source: false }
    }
}

/// Whether an SA of another source is in the bucket of SAs without one.
fn collision(tables: &Tables, demand: &Demand, entry: &SaEntry) -> Option<Fit> {
    let src = entry.sa.ends.src();
    let of = |src| bucket_of(tables, entry, src);
    let is_of_version = src.is_ipv4() == demand.src().addr().is_ipv4();
    (is_of_version && of(src) == of(no_source(src)))
        .then_some(Fit::Wildcard { is_of_other_source: true })
}

fn bucket_of(tables: &Tables, entry: &SaEntry, src: IpAddr) -> u32 {
    bucket(entry.sa.ends.dst(), src, entry.sa.reqid, tables.sad.table.buckets)
}

/// Whether a packet is in the selector of an SA; `None`: that depends on what is not known of it.
pub fn selector_fits(entry: &SaEntry, flow: &Flow) -> Option<bool> {
    let sa = &entry.sa;
    match sa.selector {
        Some(selector) => {
            let compared = flow.compare(&selector);
            if compared.may_match() && selector.version() == flow.version() {
                compared.unknown.is_empty().then_some(true)
            } else {
                Some(false)
            }
        }
        None => Some(
            sa.flags.contains(SaFlags::ANY_FAMILY)
                || sa.ends.dst().is_ipv4() == flow.dst().is_ipv4(),
        ),
    }
}

/// Whether a hard limit of packets or bytes is reached: the next packet ends the SA. Those of time are a
/// timer's.
#[must_use]
pub fn has_reached_limit(entry: &SaEntry) -> bool {
    let hard = entry.sa.lifetimes.hard;
    hard.packets.is_some_and(|limit| entry.current.packets >= limit.get())
        || hard.bytes.is_some_and(|limit| entry.current.bytes >= limit.get())
}

#[cfg(test)]
mod tests;
