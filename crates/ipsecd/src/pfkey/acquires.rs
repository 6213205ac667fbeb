use std::{collections::VecDeque, num::NonZeroU32};

use engine::Engine;
use model::{Acquire, SpiRequest};
use tracing::debug;

/// ACQUIREs that are remembered at most: more than IKE has in progress at once.
const MAX_ACQUIRES: usize = 1024;

/// The ACQUIREs of the kernel, so that a key management program can report by number that it failed.
///
/// AF_KEY marks the larval SA as broken. Netlink cannot name a larval SA without SPI; the engine deletes
/// it by the number of the ACQUIRE, or, if AF_KEY has changed the number (`km_query`), by its contents.
#[derive(Default)]
pub(super) struct Acquires(VecDeque<(NonZeroU32, SpiRequest)>);

impl Acquires {
    /// Notes an ACQUIRE of the kernel.
    pub(super) fn note(&mut self, acquire: &Acquire) {
        let Some((seq, request)) = acquire.seq.zip(acquire.spi_request()) else { return };
        if self.0.len() == MAX_ACQUIRES {
            self.0.pop_front();
        }
        self.0.push_back((seq, request));
    }

    /// Deletes the larval SA of an ACQUIRE that has failed. An unknown number is ignored, as by AF_KEY.
    ///
    /// Errors: those of [`Engine::delete_larval_sa`].
    pub(super) fn give_up(
        &mut self,
        seq: NonZeroU32,
        engine: &mut Engine,
    ) -> Result<(), engine::Error> {
        let Some(at) = self.0.iter().position(|(known, _)| *known == seq) else {
            debug!(seq, "unknown ACQUIRE");
            return Ok(());
        };
        let Some((_, request)) = self.0.remove(at) else { return Ok(()) };
        engine.delete_larval_sa(seq, &request)
    }
}
