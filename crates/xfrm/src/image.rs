use std::fmt;

use model::{SaEntry, SaFlags};
use netlink_packet_xfrm::XfrmMessage;

use crate::{
    Error,
    device::Devices,
    wire::{self, image::Image},
};

/// An SA with all its attributes: its counters, its sequence numbers, its replay window
/// bit by bit, and what the model has no words for. It holds keys, which are wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SaImage {
    entry: SaEntry,
    image: Image,
}

impl SaImage {
    /// Reads an SA as it is at `now`, Unix seconds.
    pub(crate) fn read(object: &[u8], now: u64, devices: &Devices) -> Result<Self, Error> {
        Ok(Self { entry: wire::sa::read(object, now, devices)?, image: Image::read(object)? })
    }

    /// The SA in the model's words.
    #[must_use]
    pub fn entry(&self) -> &SaEntry {
        &self.entry
    }

    /// Whether the kernel keeps a key to itself, as it does in lockdown: what it shows is zeros. A key
    /// that is nothing but zeros looks the same.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.image.is_redacted()
    }

    /// The same SA with other `XFRM_STATE_*` flags. The `XFRM_SA_XFLAG_*` stay as they are.
    #[must_use]
    pub fn with_state_flags(mut self, flags: SaFlags) -> Self {
        self.image.set_state_flags(flags);
        let extra = self.entry.sa.flags.extra_bits();
        self.entry.sa.flags = SaFlags::from_xfrm(flags.state_bits(), extra);
        self
    }

    /// The message that makes it again: [`wire::wipe`] it after use.
    pub(crate) fn message(&self) -> XfrmMessage {
        self.image.message()
    }
}

impl fmt::Debug for SaImage {
    /// Without the bytes, since they show the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SaImage").field(&self.entry).finish()
    }
}
