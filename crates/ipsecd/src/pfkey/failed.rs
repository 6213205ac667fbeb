use std::collections::VecDeque;

use model::{Acquire, Spi, SpiWish};
use tracing::debug;
use xfrm::{Change, Connection};

/// SAs asked for that are remembered: more than IKE has under way at once.
const MOST: usize = 1024;

/// Any SPI, as long as a CPI.
const ANY: (Spi, Spi) = (Spi(0x100), Spi(0xffff));

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
    /// comes from the port of `kernel`, and AF_KEY would not tell it.
    pub(super) fn give_up(&mut self, seq: u32, kernel: &mut Connection) -> Result<(), xfrm::Error> {
        let Some(place) = self.0.iter().position(|(known, _)| *known == seq) else {
            debug!(seq, "no ACQUIRE of this number");
            return Ok(());
        };
        let Some((_, wish)) = self.0.remove(place) else { return Ok(()) };
        if let Ok(larval) = kernel.get_spi_of(seq, &wish, ANY)? {
            let mut batch = kernel.batch();
            batch.push(&Change::DeleteSa(larval.sa.id()));
            let refusals = kernel.send(&mut batch)?;
            debug!(seq, ?refusals, "a larval SA was given up");
        }
        Ok(())
    }
}
