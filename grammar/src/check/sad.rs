use std::{collections::HashMap, net::IpAddr};

use model::{AddressPair, Mark, Proto, Sa, SaId, Spi};

use super::Mistake;

/// The SAs that a script has added, and what of the SAD it has flushed.
#[derive(Debug, Default)]
pub(super) struct Sad {
    added: HashMap<(IpAddr, Proto, Spi), Vec<Added>>,
    /// The lines that flushed everything, and each protocol.
    flushed: Option<usize>,
    flushed_protos: HashMap<Proto, usize>,
}

#[derive(Debug)]
struct Added {
    src: IpAddr,
    mark: Mark,
    line: usize,
}

impl Added {
    /// Whether the kernel takes the SA for the one that is looked up (`__xfrm_state_lookup`).
    fn answers_to(&self, mark: Mark) -> bool {
        mark.value & mark.mask & self.mark.mask == self.mark.value
    }
}

impl Sad {
    pub(super) fn add(&mut self, sa: &Sa, line: usize) -> Option<Mistake> {
        let SaId { dst, proto, spi, mark } = sa.id();
        let same = self.added.entry((dst, proto, spi)).or_default();
        if let Some(added) = same.iter().find(|added| added.answers_to(mark)) {
            return Some(Mistake::SaExists(added.line));
        }
        same.push(Added { src: sa.ends.src(), mark, line });
        None
    }

    /// An SA that is surely not there.
    pub(super) fn find(&self, id: &SaId) -> Option<Mistake> {
        let flushed = self.flushed_protos.get(&id.proto).copied().or(self.flushed)?;
        let added = self.added.get(&(id.dst, id.proto, id.spi));
        let is_there = added.is_some_and(|same| same.iter().any(|sa| sa.answers_to(id.mark)));
        (!is_there).then_some(Mistake::NoSa(flushed))
    }

    pub(super) fn delete(&mut self, id: &SaId) -> Option<Mistake> {
        let mistake = self.find(id);
        if let Some(same) = self.added.get_mut(&(id.dst, id.proto, id.spi))
            && let Some(at) = same.iter().position(|sa| sa.answers_to(id.mark))
        {
            same.remove(at);
        }
        mistake
    }

    pub(super) fn delete_all(&mut self, ends: AddressPair, proto: Option<Proto>) {
        for (&(dst, of, _), same) in &mut self.added {
            if dst == ends.dst() && proto.is_none_or(|proto| proto == of) {
                same.retain(|sa| sa.src != ends.src());
            }
        }
    }

    pub(super) fn flush(&mut self, proto: Option<Proto>, line: usize) {
        match proto {
            None => {
                self.added.clear();
                self.flushed_protos.clear();
                self.flushed = Some(line);
            }
            Some(proto) => {
                self.added.retain(|&(_, of, _), _| of != proto);
                self.flushed_protos.insert(proto, line);
            }
        }
    }

    /// An SPI is reserved, which may be any: what is not there is unknown from now on.
    pub(super) fn reserve(&mut self) {
        self.flushed = None;
        self.flushed_protos.clear();
    }
}
