use std::collections::VecDeque;

use engine::Engine;
use model::{Acquire, SpiWish};
use tracing::debug;

/// SAs asked for that are remembered: more than IKE has under way at once.
const MOST: usize = 1024;

/// The SAs that the kernel has asked for, so that the key management can say by number that it has
/// failed to make one.
///
/// AF_KEY marks the larval SA as broken. Netlink cannot, and it cannot even name a larval SA without
/// SPI; but it can give it an SPI, and then delete it. The kernel finds it by its number, or, if
/// AF_KEY was there to give it another one (`km_query`), by all that was wished for.
#[derive(Default)]
pub(super) struct Acquires(VecDeque<(u32, SpiWish)>);

impl Acquires {
    /// Notes an ACQUIRE of the kernel.
    pub(super) fn note(&mut self, acquire: &Acquire) {
        let Some(wish) = acquire.spi_wish() else { return };
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((acquire.seq, wish));
    }

    /// Deletes the larval SA of an ACQUIRE that has failed; another number is passed over. Its event
    /// has the engine's port, and AF_KEY would not report it.
    pub(super) fn give_up(&mut self, seq: u32, engine: &mut Engine) -> Result<(), engine::Error> {
        let Some(place) = self.0.iter().position(|(known, _)| *known == seq) else {
            debug!(seq, "no ACQUIRE of this number");
            return Ok(());
        };
        let Some((_, wish)) = self.0.remove(place) else { return Ok(()) };
        engine.delete_larval_sa(seq, &wish)
    }
}
