use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Clients that are served at the same time.
const MAX_CLIENTS: usize = 128;

/// Clients of one user that are served at the same time.
const MAX_CLIENTS_OF_A_USER: usize = 16;

/// The number of clients of each user that are served now.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<u32, usize>>);

/// The slot of one client, until it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    uid: u32,
}

impl Slot {
    /// Takes a slot for a client of this user; `None` if all are taken.
    pub(super) fn take(slots: &Arc<Slots>, uid: u32) -> Option<Self> {
        let mut users = slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = users.values().sum::<usize>() >= MAX_CLIENTS;
        let of_user = users.get(&uid).copied().unwrap_or_default();
        if is_full || of_user >= MAX_CLIENTS_OF_A_USER {
            return None;
        }
        users.insert(uid, of_user + 1);
        Some(Self { slots: Arc::clone(slots), uid })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut users = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = users.get_mut(&self.uid) {
            *of_user -= 1;
            if *of_user == 0 {
                users.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_number_of_slots() {
        let slots = Arc::default();
        let take = |uid| Slot::take(&slots, uid);
        let mut taken: Vec<_> = (0..MAX_CLIENTS_OF_A_USER).map(|_| take(7).unwrap()).collect();
        assert!(take(7).is_none() && take(8).is_some());
        taken.pop();
        assert!(take(7).is_some());
        let users = 100..100 + u32::try_from(MAX_CLIENTS).unwrap();
        taken.extend(users.map_while(take));
        assert_eq!(taken.len(), MAX_CLIENTS);
    }
}
