use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use super::permissions::Who;

/// Clients of one user that are served at the same time.
const MAX_CLIENTS_OF_A_USER: usize = 16;

/// Clients that are served at the same time by the permission of one line of `ipsecd.conf`. Root needs
/// none: its slots are its own.
const MAX_CLIENTS_OF_A_LINE: usize = 32;

/// Clients that are served at the same time by all lines. Each has three descriptors, of those for the
/// daemon's own work, and a process.
const MAX_CLIENTS_OF_ALL_LINES: usize = 64;

/// The clients that are served now.
#[derive(Default)]
pub(super) struct Slots(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    users: HashMap<u32, usize>,
    lines: HashMap<Who, usize>,
}

/// The slot of one client, until it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    uid: u32,
    /// `None` for root.
    line: Option<Who>,
}

impl Slot {
    /// Takes a slot for a client of this user, by one of the lines that are for it; `None` if there is
    /// none or all are taken.
    pub(super) fn take(slots: &Arc<Slots>, uid: u32, lines: Vec<Who>) -> Option<Self> {
        let mut taken = slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() || count(&taken.users, &uid) >= MAX_CLIENTS_OF_A_USER {
            return None;
        }
        let mut lines = lines.into_iter();
        let line = match uid {
            0 => None,
            _ if taken.lines.values().sum::<usize>() >= MAX_CLIENTS_OF_ALL_LINES => return None,
            _ => Some(lines.find(|line| count(&taken.lines, line) < MAX_CLIENTS_OF_A_LINE)?),
        };
        *taken.users.entry(uid).or_default() += 1;
        if let Some(line) = &line {
            *taken.lines.entry(line.clone()).or_default() += 1;
        }
        Some(Self { slots: Arc::clone(slots), uid, line })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        release(&mut taken.users, &self.uid);
        if let Some(line) = &self.line {
            release(&mut taken.lines, line);
        }
    }
}

fn count<Key: Eq + Hash>(taken: &HashMap<Key, usize>, key: &Key) -> usize {
    taken.get(key).copied().unwrap_or_default()
}

fn release<Key: Eq + Hash>(taken: &mut HashMap<Key, usize>, key: &Key) {
    if let Some(clients) = taken.get_mut(key) {
        *clients -= 1;
        if *clients == 0 {
            taken.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_line_have_their_slots() {
        let slots = Arc::default();
        let take = |uid, line: &[Who]| Slot::take(&slots, uid, line.to_vec());
        let group = [Who::Group(9)];
        let mut taken: Vec<_> =
            (0..MAX_CLIENTS_OF_A_USER).map(|_| take(7, &group).unwrap()).collect();
        assert!(take(7, &group).is_none() && take(8, &group).is_some());
        taken.pop();
        assert!(take(7, &group).is_some());
        taken.extend((100..).map_while(|uid| take(uid, &group)));
        assert_eq!(taken.len(), MAX_CLIENTS_OF_A_LINE);
        // Other lines have theirs, and root has its own.
        assert!(take(8, &[Who::Group(9), Who::User(8)]).is_some());
        assert!(take(0, &group).is_some());
        assert!(take(9, &[]).is_none());
        // All lines together have less than the daemon has descriptors for.
        for line in 100.. {
            match take(line, &[Who::User(line)]) {
                Some(slot) => taken.push(slot),
                None => break,
            }
        }
        assert_eq!(taken.len(), MAX_CLIENTS_OF_ALL_LINES);
        assert!(take(0, &group).is_some());
        drop(taken);
        assert!(slots.0.lock().unwrap().lines.is_empty());
    }
}
