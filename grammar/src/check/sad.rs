use std::{collections::HashMap, net::IpAddr, num::NonZeroU32};

use model::{Mark, Proto, Sa, SaGroup, SaId, Spi};

use super::Mistake;

/// The SAs that a script has added, and what of the SAD it has flushed.
#[derive(Debug, Default)]
pub(super) struct Sad {
    added: HashMap<(IpAddr, Proto, Spi), Vec<Added>>,
    /// The lines that flushed everything, and each protocol.
    flushed: Option<usize>,
    flushed_protos: HashMap<Proto, usize>,
    /// Whether a statement has shown what is there.
    is_seen: bool,
}

#[derive(Debug)]
struct Added {
    sa: Sa,
    line: usize,
}

impl Added {
    /// Whether the kernel takes the SA for the one that is looked up (`__xfrm_state_lookup`).
    fn answers_to(&self, mark: Mark) -> bool {
        mark.value & mark.mask & self.sa.mark.mask == self.sa.mark.value
    }

    fn is(&self, id: &SaId, if_id: Option<Option<NonZeroU32>>) -> bool {
        self.answers_to(id.mark) && if_id.is_none_or(|if_id| self.sa.if_id == if_id)
    }
}

impl Sad {
    pub(super) fn add(&mut self, sa: &Sa, line: usize) -> Option<Mistake> {
        let SaId { dst, proto, spi, mark } = sa.id();
        let same = self.added.entry((dst, proto, spi)).or_default();
        if let Some(added) = same.iter().find(|added| added.answers_to(mark)) {
            return Some(Mistake::SaExists(added.line));
        }
        same.push(Added { sa: sa.clone(), line });
        None
    }

    /// An SA that is surely not there.
    pub(super) fn find(&self, id: &SaId, if_id: Option<Option<NonZeroU32>>) -> Option<Mistake> {
        let flushed = self.flushed_protos.get(&id.proto).copied().or(self.flushed)?;
        let added = self.added.get(&(id.dst, id.proto, id.spi));
        let is_there = added.is_some_and(|same| same.iter().any(|sa| sa.is(id, if_id)));
        (!is_there).then_some(Mistake::NoSa(flushed))
    }

    pub(super) fn delete(
        &mut self,
        id: &SaId,
        if_id: Option<Option<NonZeroU32>>,
    ) -> Option<Mistake> {
        let mistake = self.find(id, if_id);
        if let Some(same) = self.added.get_mut(&(id.dst, id.proto, id.spi))
            && let Some(at) = same.iter().position(|sa| sa.is(id, if_id))
        {
            same.remove(at);
        }
        mistake
    }

    pub(super) fn delete_all(&mut self, group: &SaGroup) {
        for same in self.added.values_mut() {
            same.retain(|added| !group.contains(&added.sa));
        }
    }

    /// A statement shows what is there.
    pub(super) fn see(&mut self) {
        self.is_seen = true;
    }

    /// The line of the first SA that a flush would delete, unless it was shown.
    pub(super) fn first_unseen(&self, proto: Option<Proto>) -> Option<usize> {
        let added = self.added.iter().filter(|((_, of, _), _)| proto.is_none_or(|it| it == *of));
        let first = added.flat_map(|(_, same)| same).map(|added| added.line).min();
        first.filter(|_| !self.is_seen)
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
