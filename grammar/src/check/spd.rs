use std::collections::{HashMap, hash_map::Entry};

use model::{Direction, PolicyId, PolicyType};

use super::Mistake;

/// The policies that a script has added, and the line that flushed the SPD.
#[derive(Debug)]
pub(super) struct Spd {
    forward_copies: bool,
    added: HashMap<PolicyId, Added>,
    flushed: Option<usize>,
    /// Whether a statement has shown what is there.
    is_seen: bool,
}

#[derive(Debug)]
struct Added {
    line: usize,
    is_copy: bool,
}

impl Spd {
    pub(super) fn new(forward_copies: bool) -> Self {
        Self { forward_copies, added: HashMap::new(), flushed: None, is_seen: false }
    }

    /// The policy and its forward copy.
    fn names(&self, id: &PolicyId) -> impl Iterator<Item = (PolicyId, bool)> + use<> {
        let has_copy = self.forward_copies && id.direction == Direction::In;
        let copy = has_copy.then(|| PolicyId { direction: Direction::Fwd, ..id.clone() });
        std::iter::once((id.clone(), false)).chain(copy.map(|copy| (copy, true)))
    }

    pub(super) fn add(&mut self, id: &PolicyId, line: usize) -> Option<Mistake> {
        let mut mistake = None;
        for (name, is_copy) in self.names(id) {
            match self.added.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(Added { line, is_copy });
                }
                Entry::Occupied(other) => {
                    let other = other.get();
                    let kind = match (is_copy, other.is_copy) {
                        (true, false) => Mistake::ForwardExists,
                        (false, true) => Mistake::ForwardCopyExists,
                        _ => Mistake::PolicyExists,
                    };
                    mistake = mistake.or(Some(kind(other.line)));
                }
            }
        }
        mistake
    }

    pub(super) fn update(&mut self, id: &PolicyId, line: usize) {
        for (name, is_copy) in self.names(id) {
            self.added.insert(name, Added { line, is_copy });
        }
    }

    pub(super) fn delete(&mut self, id: &PolicyId) -> Option<Mistake> {
        let is_missing = id.policy_type == PolicyType::Main && !self.added.contains_key(id);
        let mistake = self.flushed.filter(|_| is_missing).map(Mistake::NoPolicy);
        for (name, _) in self.names(id) {
            self.added.remove(&name);
        }
        mistake
    }

    /// A statement shows what is there.
    pub(super) fn see(&mut self) {
        self.is_seen = true;
    }

    /// The line of the first policy that a flush would delete, unless it was shown.
    pub(super) fn first_unseen(&self, kind: PolicyType) -> Option<usize> {
        let added = self.added.iter().filter(|(id, _)| id.policy_type == kind);
        added.map(|(_, added)| added.line).min().filter(|_| !self.is_seen)
    }

    pub(super) fn flush(&mut self, kind: PolicyType, line: usize) {
        self.added.retain(|id, _| id.policy_type != kind);
        if kind == PolicyType::Main {
            self.flushed = Some(line);
        }
    }

    /// Sets whether statements have forward copies; returns what it was.
    pub(super) fn set_forward_copies(&mut self, forward_copies: bool) -> bool {
        std::mem::replace(&mut self.forward_copies, forward_copies)
    }
}
