use std::fmt;

use model::{PolicyEntry, Relocation, SaEntry, SaFlags};
use netlink_packet_xfrm::XfrmMessage;
use zeroize::Zeroizing;

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
    /// Reads an SA as it is at `now`, Unix seconds: `xfrm_usersa_info` and its attributes.
    ///
    /// Errors: [`Error::Malformed`].
    pub fn read(object: &[u8], now: u64, devices: &Devices) -> Result<Self, Error> {
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

    /// Whether it is the same SA but for counters, sequence numbers and times.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.image.is_same(&other.image)
    }

    /// The same SA, which leaves out so many sequence numbers of the packets that it sends: those that it may
    /// have used since it was read. One that has sent nothing is not changed.
    #[must_use]
    pub fn skipping(mut self, count: u32) -> Self {
        self.image.skip_sequence_numbers(count);
        self
    }

    /// As [`SaImage::skipping`], also if it has sent nothing.
    #[must_use]
    pub fn going_on(mut self, count: u32) -> Self {
        self.image.go_on(count);
        self
    }

    /// What [`SaImage::read`] reads, with the keys.
    #[must_use]
    pub fn object(&self) -> Zeroizing<Vec<u8>> {
        self.image.object()
    }

    /// The same SA, whose work is done by no device.
    #[must_use]
    pub fn without_offload(mut self) -> Self {
        self.entry.sa.offload = None;
        self.image.remove_offload();
        self
    }

    /// The message that moves it.
    pub(crate) fn relocation(&self, to: &Relocation) -> XfrmMessage {
        wire::relocation::message(self.image.info(), self.entry.sa.mark, to)
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

/// A policy with all its attributes, also those that the model has no words for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyImage {
    entry: PolicyEntry,
    object: Vec<u8>,
}

impl PolicyImage {
    /// Reads a policy, `xfrm_userpolicy_info` and its attributes; nothing for a catch-all.
    ///
    /// Errors: [`Error::Malformed`].
    pub fn read(object: &[u8], devices: &Devices) -> Result<Option<Self>, Error> {
        let entry = wire::policy::read(object, devices)?;
        Ok(entry.map(|entry| Self { entry, object: object.to_vec() }))
    }

    /// The policy in the model's words.
    #[must_use]
    pub fn entry(&self) -> &PolicyEntry {
        &self.entry
    }

    /// What [`PolicyImage::read`] reads.
    #[must_use]
    pub fn object(&self) -> &[u8] {
        &self.object
    }

    /// Whether it is the same policy, of the same index, but for counters and times.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        wire::policy::without_counters(&self.object)
            == wire::policy::without_counters(&other.object)
    }

    /// The same policy, whose work is done by no device.
    #[must_use]
    pub fn without_offload(mut self) -> Self {
        self.entry.policy.offload = None;
        self.object = wire::policy::without_offload(&self.object);
        self
    }

    /// The message that makes it again, or puts it in the place of another of its name.
    pub(crate) fn message(&self, number: u16) -> XfrmMessage {
        XfrmMessage::Other((number, self.object.clone()))
    }
}
