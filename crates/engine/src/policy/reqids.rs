use std::collections::HashSet;

use model::{Level, PolicyEntry, ReqId, Template};

/// Chooses numbers for `unique` without one: from 0x4000 up, leaving out those that policies in
/// the SPD have already (`gen_reqid`, net/key/af_key.c).
pub struct ReqIds {
    taken: HashSet<ReqId>,
    next: Option<ReqId>,
}

impl Default for ReqIds {
    fn default() -> Self {
        Self { taken: HashSet::new(), next: ReqId::new(ReqId::MANUAL_MAX.number() + 1) }
    }
}

impl ReqIds {
    /// Notes the numbers that a policy of the SPD has.
    pub fn note(&mut self, entry: &PolicyEntry) {
        for template in entry.policy.action.templates() {
            self.taken.extend(template.level.reqid().filter(|&id| id > ReqId::MANUAL_MAX));
        }
    }

    /// Whether there is a `unique` that waits for its number.
    pub fn wanted_by(templates: &[Template]) -> bool {
        templates.iter().any(|template| template.level == Level::Unique(None))
    }

    /// Gives each waiting `unique` a number of its own; false when none is left.
    #[must_use]
    pub fn fill(&mut self, templates: &mut [Template]) -> bool {
        let waiting = templates.iter_mut().filter(|template| template.level == Level::Unique(None));
        for template in waiting {
            let Some(id) = self.choose() else { return false };
            template.level = Level::Unique(Some(id));
        }
        true
    }

    fn choose(&mut self) -> Option<ReqId> {
        loop {
            let id = self.next?;
            self.next = id.number().checked_add(1).and_then(ReqId::new);
            if !self.taken.contains(&id) {
                return Some(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_use_are_skipped() {
        let mut reqids = ReqIds::default();
        reqids.taken.extend([0x4000, 0x4002].into_iter().filter_map(ReqId::new));
        assert_eq!(reqids.choose(), ReqId::new(0x4001));
        assert_eq!(reqids.choose(), ReqId::new(0x4003));
    }

    #[test]
    fn the_last_number_is_the_last() {
        let mut reqids = ReqIds { taken: HashSet::new(), next: ReqId::new(u32::MAX) };
        assert_eq!(reqids.choose(), ReqId::new(u32::MAX));
        assert_eq!(reqids.choose(), None);
    }
}
