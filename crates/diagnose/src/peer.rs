//! The tables of the two ends, which are to mirror one another: an SA is the same at both, and what is `out` here
//! is `in` there.

mod compare;
mod overlapping;

use std::net::IpAddr;

use model::{
    AddressPair, Direction, Key, Keyed, Mode, Policy, PolicyEntry, Proto, Sa, SaEntry, SaState,
    Selector, Spi, Template,
};

use crate::Named;
pub use compare::differences;

/// An SA as one end has it: what must be the same at both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndSa {
    /// Source and destination.
    pub ends: AddressPair,
    /// The protocol.
    pub proto: Proto,
    /// The SPI or CPI.
    pub spi: Spi,
    /// The mode that is installed.
    pub mode: Mode,
    /// The names of its algorithms, with the length of the integrity check value in bits.
    pub algorithms: Vec<(String, u16)>,
    /// The keys of these algorithms. An empty one is not known, or there is none.
    pub keys: Vec<Key>,
    /// Whether it has extended sequence numbers.
    pub esn: bool,
    /// Whether it is encapsulated in UDP or TCP: a NAT may change its addresses.
    pub is_encapsulated: bool,
}

/// A template as one end has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndTemplate {
    /// The protocol.
    pub proto: Proto,
    /// The mode.
    pub mode: Mode,
    /// The endpoints, in the modes that have them.
    pub ends: Option<AddressPair>,
}

/// A policy with templates as one end has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPolicy {
    /// The direction there.
    pub direction: Direction,
    /// The packets that it is for.
    pub selector: Selector,
    /// The templates, innermost first.
    pub templates: Vec<EndTemplate>,
}

/// The tables of the peer.
#[derive(Debug, Clone, Default)]
pub struct PeerTables {
    /// Its SAs.
    pub sas: Vec<EndSa>,
    /// Its policies with templates, but those of sockets.
    pub policies: Vec<EndPolicy>,
}

impl PeerTables {
    /// Those of the entries that count: SAs with keys, and policies with templates, but no policies of sockets.
    #[must_use]
    pub fn of(sas: &[SaEntry], policies: &[PolicyEntry]) -> Self {
        let policies = policies.iter().filter(|entry| !entry.socket);
        Self {
            sas: sas.iter().filter(|it| is_whole(it)).map(|it| EndSa::of(&it.sa)).collect(),
            policies: policies.filter_map(|it| EndPolicy::of(&it.policy)).collect(),
        }
    }
}

/// Whether an SA has its keys, and is not about to be removed.
fn is_whole(entry: &SaEntry) -> bool {
    !matches!(entry.state, SaState::Larval | SaState::Dead)
}

/// What an SA has to have at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndField {
    /// The mode.
    Mode,
    /// The algorithms.
    Algorithms,
    /// The keys.
    Keys,
    /// Extended sequence numbers.
    Esn,
    /// The encapsulation in UDP or TCP.
    Encapsulation,
    /// The addresses.
    Ends,
}

/// What the two ends do not have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerDifference<'a> {
    /// The peer does not have this SA; an SA that it has between the same addresses.
    SaLacksThere(&'a SaEntry, Option<Spi>),
    /// This host does not have this SA of the peer; an SA that it has between the same addresses.
    SaLacksHere(EndSa, Option<Spi>),
    /// An SA is not the same at both ends.
    SaDiffers(&'a SaEntry, Vec<EndField>),
    /// The peer has no policy for the packets of this one.
    PolicyLacksThere(&'a PolicyEntry),
    /// This host has no policy for the packets of this policy of the peer.
    PolicyLacksHere(EndPolicy),
    /// The templates of the peer for the packets of this policy are others.
    TemplatesDiffer(&'a PolicyEntry, Vec<EndTemplate>),
}

impl<'a> PeerDifference<'a> {
    /// A short word for its kind.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            PeerDifference::SaLacksThere(..) => "peer-lacks-sa",
            PeerDifference::SaLacksHere(..) => "peer-has-sa",
            PeerDifference::SaDiffers(..) => "peer-sa",
            PeerDifference::PolicyLacksThere(_) => "peer-lacks-policy",
            PeerDifference::PolicyLacksHere(_) => "peer-has-policy",
            PeerDifference::TemplatesDiffer(..) => "peer-templates",
        }
    }

    /// What it names.
    pub(crate) fn names(&self) -> Named<'a> {
        match self {
            PeerDifference::SaLacksThere(sa, _) | PeerDifference::SaDiffers(sa, _) => {
                Named { sa: Some(sa), ..Named::default() }
            }
            PeerDifference::SaLacksHere(end, _) => Named {
                addrs: vec![end.ends.src(), end.ends.dst()],
                spi: Some(end.spi),
                ..Named::default()
            },
            PeerDifference::PolicyLacksThere(policy)
            | PeerDifference::TemplatesDiffer(policy, _) => {
                Named { policy: Some(policy), ..Named::default() }
            }
            PeerDifference::PolicyLacksHere(end) => {
                let ends = end.templates.iter().filter_map(|it| it.ends);
                let mut addrs: Vec<_> = ends.flat_map(|it| [it.src(), it.dst()]).collect();
                addrs.extend([end.selector.src().addr(), end.selector.dst().addr()]);
                Named { addrs, ..Named::default() }
            }
        }
    }
}

impl EndSa {
    /// An SA of the model.
    #[must_use]
    pub fn of(sa: &Sa) -> Self {
        let keyed = [&sa.crypt, &sa.auth, &sa.aead].into_iter().flatten();
        let name = |it: &Keyed| (it.algorithm.name.to_owned(), it.icv_bits);
        let compression = sa.comp.map(|algorithm| (algorithm.name.to_owned(), 0));
        Self {
            ends: sa.ends,
            proto: sa.proto,
            spi: sa.spi,
            mode: sa.mode.installed(),
            algorithms: keyed.clone().map(name).chain(compression).collect(),
            keys: keyed.map(|it| it.key.clone()).collect(),
            esn: sa.esn,
            is_encapsulated: sa.encap.is_some(),
        }
    }

    fn name(&self) -> (Proto, Spi) {
        (self.proto, self.spi)
    }

    /// Whether this may be the SA that the other end has as `other`, which has its SPI. Each receiver chooses its
    /// SPIs, so that SAs for other hosts have the same. A NAT may have changed the addresses.
    fn may_be(&self, other: &Self) -> bool {
        self.ends.dst() == other.ends.dst() || self.is_encapsulated && other.is_encapsulated
    }

    fn differences(&self, other: &Self) -> Vec<EndField> {
        let is_natted = self.is_encapsulated && other.is_encapsulated;
        let have_same_algorithms = self.algorithms == other.algorithms;
        let is_known = |key: &Key| !key.bytes().is_empty();
        let mut keys = self.keys.iter().zip(&other.keys);
        let have_same_keys = keys.all(|(a, b)| a == b || !is_known(a) || !is_known(b));
        [
            (EndField::Ends, is_natted || self.ends == other.ends),
            (EndField::Mode, self.mode == other.mode),
            (EndField::Encapsulation, self.is_encapsulated == other.is_encapsulated),
            (EndField::Algorithms, have_same_algorithms),
            (EndField::Keys, !have_same_algorithms || have_same_keys),
            (EndField::Esn, self.esn == other.esn),
        ]
        .into_iter()
        .filter(|(_, agrees)| !agrees)
        .map(|(field, _)| field)
        .collect()
    }
}

impl EndTemplate {
    /// A template of the model.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let (proto, mode) = (template.proto, template.mode.mode());
        Self { proto, mode, ends: template.mode.endpoints() }
    }
}

impl EndPolicy {
    /// A policy of the model; none: it has no templates.
    #[must_use]
    pub fn of(policy: &Policy) -> Option<Self> {
        let templates: Vec<_> = policy.action.templates().iter().map(EndTemplate::of).collect();
        let (direction, selector) = (policy.id.direction, policy.id.selector);
        (!templates.is_empty()).then_some(Self { direction, selector, templates })
    }

    fn is_for(&self, addr: IpAddr) -> bool {
        let mut ends = self.templates.iter().filter_map(|template| template.ends);
        match ends.next() {
            Some(first) => {
                std::iter::once(first).chain(ends).any(|it| [it.src(), it.dst()].contains(&addr))
            }
            None => self.selector.src().contains(addr) || self.selector.dst().contains(addr),
        }
    }
}

#[cfg(test)]
mod tests;
