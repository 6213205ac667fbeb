use std::collections::HashMap;

use engine::Engine;
use model::{Event, Key, Keyed, Sa, SaEntry, SaId};

/// SAs that are remembered at most.
const MAX_SAS: usize = 1 << 16;

/// The algorithms, encapsulation and security context of SAs that will expire, without keys: AF_KEY
/// includes them in an EXPIRE, and the kernel's event does not. At the soft limit they are read from
/// the kernel. At the hard limit the SA is gone: they are those of the soft limit, or of when the SA
/// was added. They are missing for an SA without soft limit that is older than this process.
#[derive(Default)]
pub(super) struct SoftExpiry(HashMap<SaId, Sa>);

impl SoftExpiry {
    /// Completes the SA of an expiry.
    pub(super) fn complete(&mut self, entry: &mut SaEntry, hard: bool, engine: &mut Engine) {
        let id = entry.sa.id();
        let known = if hard { self.0.remove(&id) } else { self.read(id, engine) };
        if let Some(known) = known {
            entry.sa = Sa { lifetimes: entry.sa.lifetimes, ..known };
        }
    }

    fn read(&mut self, id: SaId, engine: &mut Engine) -> Option<Sa> {
        let sa = without_keys(engine.get_sa(&id).ok()?.sa);
        self.remember(&sa);
        Some(sa)
    }

    fn remember(&mut self, sa: &Sa) {
        if !sa.lifetimes.hard.is_unlimited() && self.0.len() < MAX_SAS {
            self.0.insert(sa.id(), without_keys(sa.clone()));
        }
    }

    /// Remembers an SA that will expire, and forgets one that was deleted.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::SaAdded { entry, .. } => {
                self.0.remove(&entry.sa.id());
                self.remember(&entry.sa);
            }
            // The event has the algorithms of the request; a mature SA keeps its own.
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
    fn no_keys_are_remembered() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let crypt = Some(Keyed::new(aes, Key::new(vec![1; 16])));
        let sa = without_keys(Sa { crypt, ..Sa::bare(ends, Proto::Esp, Spi(1)) });
        assert_eq!(sa.crypt.as_ref().map(|keyed| keyed.key.bits()), Some(0));

        let mut remembered = SoftExpiry(HashMap::from([(sa.id(), sa.clone())]));
        let flushed = |proto| Event::SadFlushed { proto, origin: Origin::default() };
        remembered.note(&flushed(Some(Proto::Ah)));
        assert_eq!(remembered.0.len(), 1);
        let (state, current) = (SaState::Dead, Current::default());
        let entry = |sa: &Sa| Box::new(SaEntry::new(sa.clone(), state, current));
        let origin = Origin::default();
        remembered.note(&Event::SaDeleted { entry: entry(&sa), origin });
        assert!(remembered.0.is_empty());

        remembered.note(&Event::SaAdded { entry: entry(&sa), origin });
        assert!(remembered.0.is_empty(), "it does not expire");
        let mut limited = sa.clone();
        limited.lifetimes.hard.add_seconds = std::num::NonZeroU64::new(9);
        remembered.note(&Event::SaAdded { entry: entry(&limited), origin });
        remembered.note(&Event::SaUpdated { entry: entry(&Sa { crypt: None, ..limited }), origin });
        assert!(remembered.0[&sa.id()].crypt.is_some(), "an update changes no algorithm");
    }
}
