use std::collections::{HashSet, VecDeque};

use model::{Level, ReqId, Template};
use xfrm::{Connection, SadSelection};

use crate::{
    Error,
    state::reqid_counter::{Block, ReqIdCounter},
};

/// The most numbers that are taken from the counter at once.
const LARGEST_BLOCK: u32 = 1024;

/// Chooses numbers for `unique` without one: those that the namespace's counter gives, but for the ones
/// that policies and SAs have already. The first is 0x4000, as AF_KEY's (`gen_reqid`, net/key/af_key.c).
#[derive(Default)]
pub struct ReqIds {
    /// The numbers of policies and SAs, if they were read.
    taken: Option<HashSet<ReqId>>,
    /// The numbers to give, in order.
    available: VecDeque<ReqId>,
    /// The last block of them.
    block: Option<Block>,
    /// The size of the next block.
    size: u32,
}

impl ReqIds {
    /// Notes a number that a policy or an SA has, or is about to have.
    pub fn note(&mut self, reqid: Option<ReqId>) {
        if let (Some(taken), Some(id)) = (&mut self.taken, reqid)
            && id > ReqId::MANUAL_MAX
            && taken.insert(id)
            && let Ok(place) = self.available.binary_search(&id)
        {
            self.available.remove(place);
        }
    }

    /// How many `unique` wait for a number.
    pub fn wanted_by(templates: &[Template]) -> usize {
        templates.iter().filter(|template| template.level == Level::Unique(None)).count()
    }

    /// Whether so many numbers can be given without the counter.
    pub fn has(&self, count: usize) -> bool {
        self.available.len() >= count
    }

    /// Takes numbers from the counter until there are so many. The caller has no lock.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Locked`].
    pub fn reserve(
        &mut self,
        count: usize,
        kernel: &mut Connection,
        counter: &ReqIdCounter,
    ) -> Result<(), Error> {
        let taken = match self.taken.take() {
            Some(taken) => taken,
            None => read(kernel)?,
        };
        let taken = self.taken.insert(taken);
        while self.available.len() < count {
            let missing = u32::try_from(count - self.available.len()).unwrap_or(u32::MAX);
            let block = counter.take(missing.max(self.size))?;
            self.size = (2 * self.size.max(missing)).min(LARGEST_BLOCK);
            let numbers = block.numbers.clone().filter_map(|number| u32::try_from(number).ok());
            let free = numbers.filter_map(ReqId::new).filter(|id| !taken.contains(id));
            self.available.extend(free);
            self.block = Some(block);
        }
        Ok(())
    }

    /// Gives each waiting `unique` a number of its own, of those that were reserved.
    pub fn fill(&mut self, templates: &mut [Template]) {
        let waiting = templates.iter_mut().filter(|template| template.level == Level::Unique(None));
        for (template, id) in waiting.zip(std::iter::from_fn(|| self.available.pop_front())) {
            template.level = Level::Unique(Some(id));
        }
    }

    /// Gives numbers back that were not given to a policy. The caller has no lock.
    pub fn give_back(&mut self, counter: &ReqIdCounter) {
        if let Some(block) = self.block.take() {
            let rest = self.available.iter().map(|id| u64::from(id.number()));
            if let Some(first) = rest.filter(|number| block.numbers.contains(number)).min() {
                counter.give_back(&block, first);
            }
        }
        (self.available, self.size) = (VecDeque::new(), 0);
    }

    /// Has the numbers of policies and SAs read again before more are reserved.
    pub fn forget(&mut self) {
        self.taken = None;
    }
}

/// The numbers that policies, also those of sockets, and SAs have.
fn read(kernel: &mut Connection) -> Result<HashSet<ReqId>, Error> {
    let mut taken = HashSet::new();
    let mut note = |id: Option<ReqId>| taken.extend(id.filter(|&id| id > ReqId::MANUAL_MAX));
    for entry in kernel.dump_spd()? {
        match entry {
            Ok(entry) => {
                for template in entry.policy.action.templates() {
                    note(template.reqid());
                }
            }
            Err(xfrm::Error::Malformed(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for entry in kernel.dump_sad(&SadSelection::default())? {
        match entry {
            Ok(entry) => note(entry.sa.reqid),
            Err(xfrm::Error::Malformed(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use model::{Proto, TemplateMode};

    use super::*;
    use crate::Namespace;

    fn number(reqids: &mut ReqIds, counter: &ReqIdCounter) -> Option<u32> {
        if !reqids.has(1) {
            reqids.reserve(1, &mut Connection::open().unwrap(), counter).unwrap();
        }
        let (proto, mode, level) = (Proto::Esp, TemplateMode::Transport, Level::Unique(None));
        let mut templates = [Template::new(proto, mode, level)];
        assert_eq!(ReqIds::wanted_by(&templates), 1);
        reqids.fill(&mut templates);
        templates[0].level.reqid().map(ReqId::number)
    }

    #[test]
    fn numbers_in_use_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let counter = ReqIdCounter::of(&Namespace::within(root.path()));
        let in_use = [0x4000, 0x4002, 0x4003].into_iter().filter_map(ReqId::new).collect();
        let mut reqids = ReqIds { taken: Some(in_use), ..ReqIds::default() };
        assert_eq!(number(&mut reqids, &counter), Some(0x4001));
        assert_eq!(number(&mut reqids, &counter), Some(0x4004));
        reqids.note(ReqId::new(0x4005));
        assert_eq!(number(&mut reqids, &counter), Some(0x4006));
        // What is left over is given to the next.
        reqids.give_back(&counter);
        let mut next = ReqIds { taken: Some(HashSet::new()), ..ReqIds::default() };
        assert_eq!(number(&mut next, &counter), Some(0x4007));
    }

    #[test]
    fn many_numbers_need_few_blocks() {
        let root = tempfile::tempdir().unwrap();
        let counter = ReqIdCounter::of(&Namespace::within(root.path()));
        let mut reqids = ReqIds { taken: Some(HashSet::new()), ..ReqIds::default() };
        let mut blocks = 0;
        for expected in 0x4000..0x4000 + 20_000 {
            blocks += u32::from(!reqids.has(1));
            assert_eq!(number(&mut reqids, &counter), Some(expected));
        }
        assert!(blocks < 40, "{blocks}");
    }
}
