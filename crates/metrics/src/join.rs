//! Which SAs serve which policies. One side is kept, without keys, in an index by addresses; the other is
//! read as it is printed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use engine::{Engine, Error};
use model::{Demand, Offer, Policy, Prefix, SaEntry};

/// Protocol and mode, by their numbers in the kernel.
type Kind = (u8, u8);

/// The SAs, each with a number of the caller's.
#[derive(Default)]
pub struct Offers(BTreeMap<(Kind, IpAddr, IpAddr), Vec<(Offer, usize)>>);

impl Offers {
    /// Reads the SAD.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn read(engine: &mut Engine) -> Result<Self, Error> {
        let mut offers = Self::default();
        for (number, entry) in engine.sas()?.enumerate() {
            offers.add(number, &entry?);
        }
        Ok(offers)
    }

    /// Adds an SA with this number.
    pub fn add(&mut self, number: usize, entry: &SaEntry) {
        if let Some(sa) = Offer::of(entry) {
            let kind = (sa.proto.number(), sa.mode().xfrm());
            // Most pairs of addresses have one SA; a Vec makes room for four.
            let sas = self.0.entry((kind, sa.src, sa.dst));
            sas.or_insert_with(|| Vec::with_capacity(1)).push((sa, number));
        }
    }

    /// Those that serve a template.
    pub fn serving(&self, demand: &Demand) -> impl Iterator<Item = &Offer> {
        self.numbered(demand).map(|(sa, _)| sa)
    }

    /// Those that serve a template, with their numbers.
    pub fn numbered(&self, demand: &Demand) -> impl Iterator<Item = &(Offer, usize)> {
        let kind = kind(demand);
        let ((first_src, last_src), (first_dst, last_dst)) =
            (demand.src().range(), demand.dst().range());
        let sas = self.0.range((kind, first_src, first_dst)..=(kind, last_src, last_dst));
        sas.flat_map(|(_, sas)| sas).filter(|(sa, _)| demand.is_served_by(sa))
    }
}

/// The templates of the policies, with the indexes of these.
#[derive(Default)]
pub struct Demands {
    by_prefixes: HashMap<(Kind, Prefix, Prefix), Vec<(u32, Demand)>>,
    lengths: BTreeSet<(u8, u8)>,
}

impl Demands {
    /// Reads the SPD.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn read(engine: &mut Engine) -> Result<Self, Error> {
        let mut demands = Self::default();
        for policy in engine.policies()? {
            let (requested, _) = policy?;
            demands.add(requested.index, &requested.policy);
        }
        Ok(demands)
    }

    fn add(&mut self, index: u32, policy: &Policy) {
        for demand in Demand::of(&policy.id, policy.action.templates()) {
            let (src, dst) = (first(demand.src()), first(demand.dst()));
            self.lengths.insert((src.length(), dst.length()));
            let key = (kind(&demand), src, dst);
            self.by_prefixes.entry(key).or_default().push((index, demand));
        }
    }

    /// The indexes of the policies that an SA serves, in order.
    #[must_use]
    pub fn served_by(&self, entry: &SaEntry) -> BTreeSet<u32> {
        let Some(sa) = Offer::of(entry) else { return BTreeSet::new() };
        let kind = (sa.proto.number(), sa.mode().xfrm());
        let prefix = |addr, length: u8| Prefix::new(addr, Some(length.into())).ok().map(first);
        let of_lengths = |&(src, dst): &(u8, u8)| {
            let key = (kind, prefix(sa.src, src)?, prefix(sa.dst, dst)?);
            self.by_prefixes.get(&key)
        };
        let demands = self.lengths.iter().filter_map(of_lengths).flatten();
        demands.filter(|(_, demand)| demand.is_served_by(&sa)).map(|(index, _)| *index).collect()
    }
}

fn kind(demand: &Demand) -> Kind {
    (demand.template.proto.number(), demand.template.mode.mode().xfrm())
}

/// The prefix without its host bits.
fn first(prefix: Prefix) -> Prefix {
    let (low, _) = prefix.range();
    Prefix::new(low, Some(prefix.length().into())).unwrap_or(prefix)
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Level, Mode, PolicyId, Proto, Sa, SaState,
        Selector, Spi, Template, TemplateMode,
    };

    use super::*;

    fn addr(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn ends(src: u8, dst: u8) -> AddressPair {
        AddressPair::new(addr(src), addr(dst)).unwrap()
    }

    fn sa(spi: u32, mode: Mode, ends: AddressPair) -> SaEntry {
        let sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(spi)) };
        SaEntry::new(sa, SaState::Mature, Current::default())
    }

    fn policy(prefix: (u8, u32), direction: Direction, mode: TemplateMode) -> Policy {
        let prefix = Prefix::new(addr(prefix.0), Some(prefix.1)).unwrap();
        let template = Template::new(Proto::Esp, mode, Level::Require);
        let id = PolicyId::new(Selector::within(prefix), direction);
        Policy::new(id, Action::Ipsec(vec![template]))
    }

    #[test]
    fn both_sides_find_the_same() {
        let sas = [
            sa(1, Mode::Tunnel, ends(1, 2)),
            sa(2, Mode::Tunnel, ends(2, 1)),
            sa(3, Mode::Transport, ends(1, 2)),
            sa(4, Mode::Transport, ends(1, 200)),
            sa(5, Mode::Tunnel, ends(1, 2)),
        ];
        let tunnel = |src, dst| TemplateMode::Tunnel(ends(src, dst));
        let policies = [
            policy((0, 24), Direction::Out, tunnel(1, 2)),
            policy((0, 24), Direction::In, tunnel(2, 1)),
            policy((9, 25), Direction::Out, TemplateMode::Transport),
            policy((0, 0), Direction::In, TemplateMode::Transport),
            policy((0, 24), Direction::Out, TemplateMode::Tunnel(AddressPair::UNSPECIFIED)),
        ];
        let expected: [&[u32]; 5] = [&[1, 5], &[2], &[3], &[3, 4], &[1, 2, 5]];

        let mut offers = Offers::default();
        for (number, sa) in sas.iter().enumerate() {
            offers.add(number, sa);
        }
        for (policy, expected) in policies.iter().zip(expected) {
            let demand = Demand::of(&policy.id, policy.action.templates()).next().unwrap();
            let mut spis = offers.serving(&demand).map(|sa| sa.spi.0).collect::<Vec<_>>();
            spis.sort_unstable();
            assert_eq!(spis, expected);
        }

        let mut demands = Demands::default();
        for (index, policy) in (0..).zip(&policies) {
            demands.add(index, policy);
        }
        for sa in &sas {
            let indexes = (0..5).zip(expected).filter(|(_, spis)| spis.contains(&sa.sa.spi.0));
            let indexes = indexes.map(|(index, _)| index).collect::<BTreeSet<u32>>();
            assert_eq!(demands.served_by(sa), indexes, "{:?}", sa.sa.spi);
        }
    }
}
