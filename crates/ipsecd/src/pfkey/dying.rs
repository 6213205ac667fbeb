use std::collections::HashMap;

use engine::Engine;
use model::{Event, Key, Keyed, Sa, SaEntry, SaId};

/// SAs with limits that are remembered.
const MOST_DYING: usize = 1 << 16;

/// What the kernel does not say of an SA that expires: its algorithms, encapsulation and context.
/// At the soft limit it can still be asked; at the hard one serves what it said then, or when the SA
/// was added. Of an SA that is older than this and has no soft limit they are not known.
#[derive(Default)]
pub(super) struct Dying(HashMap<SaId, Sa>);

impl Dying {
    /// The SA of an expiry with all that is known of it.
    pub(super) fn complete(&mut self, entry: &mut SaEntry, hard: bool, engine: &mut Engine) {
        let id = entry.sa.id();
        let known = if hard { self.0.remove(&id) } else { self.ask(id, engine) };
        if let Some(known) = known {
            entry.sa = Sa { lifetimes: entry.sa.lifetimes, ..known };
        }
    }

    fn ask(&mut self, id: SaId, engine: &mut Engine) -> Option<Sa> {
        let sa = without_keys(engine.get_sa(&id).ok()?.sa);
        self.remember(&sa);
        Some(sa)
    }

    fn remember(&mut self, sa: &Sa) {
        if !sa.lifetimes.hard.is_unlimited() && self.0.len() < MOST_DYING {
            self.0.insert(sa.id(), without_keys(sa.clone()));
        }
    }

    /// Remembers what will have an end, and forgets what is no longer there.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::SaAdded { entry, .. } => {
                self.0.remove(&entry.sa.id());
                self.remember(&entry.sa);
            }
            // The kernel tells the update, and keeps the algorithms of a mature SA.
            Event::SaUpdated { entry, .. } if !self.0.contains_key(&entry.sa.id()) => {
                self.remember(&entry.sa);
            }
            Event::SaDeleted { entry, .. } => {
                self.0.remove(&entry.sa.id());
            }
            Event::SadFlushed { proto, .. } => {
                self.0.retain(|id, _| proto.is_some_and(|proto| proto != id.proto));
            }
            _ => {}
        }
    }
}

fn without_keys(mut sa: Sa) -> Sa {
    for keyed in [&mut sa.auth, &mut sa.crypt, &mut sa.aead].into_iter().flatten() {
        *keyed = Keyed { key: Key::default(), ..keyed.clone() };
    }
    sa
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, AlgorithmKind, Current, Origin, Proto, SaState, Spi};

    use super::*;

    #[test]
    fn what_is_remembered_of_a_dying_sa_is_no_key() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let crypt = Some(Keyed::new(aes, Key::new(vec![1; 16])));
        let sa = without_keys(Sa { crypt, ..Sa::bare(ends, Proto::Esp, Spi(1)) });
        assert_eq!(sa.crypt.as_ref().map(|keyed| keyed.key.bits()), Some(0));

        let mut dying = Dying(HashMap::from([(sa.id(), sa.clone())]));
        let flushed = |proto| Event::SadFlushed { proto, origin: Origin::default() };
        dying.note(&flushed(Some(Proto::Ah)));
        assert_eq!(dying.0.len(), 1);
        let (state, current) = (SaState::Dead, Current::default());
        let entry = |sa: &Sa| Box::new(SaEntry { sa: sa.clone(), state, current });
        let origin = Origin::default();
        dying.note(&Event::SaDeleted { entry: entry(&sa), origin });
        assert!(dying.0.is_empty());

        dying.note(&Event::SaAdded { entry: entry(&sa), origin });
        assert!(dying.0.is_empty(), "it has no end");
        let mut limited = sa.clone();
        limited.lifetimes.hard.add_seconds = 9;
        dying.note(&Event::SaAdded { entry: entry(&limited), origin });
        dying.note(&Event::SaUpdated { entry: entry(&Sa { crypt: None, ..limited }), origin });
        assert!(dying.0[&sa.id()].crypt.is_some(), "an update changes no algorithm");
    }
}
