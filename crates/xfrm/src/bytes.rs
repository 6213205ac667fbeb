//! The model as the bytes of messages, and back, without a kernel: for tests of what no test kernel takes.

use model::{PolicyEntry, SaEntry};
use netlink_packet_core::Emitable;

use crate::{Change, Devices, Error, KernelRefusal, wire};

/// The message of a change, without its netlink header.
///
/// Errors: as the kernel would refuse a device that is not there.
pub fn of(change: &Change<'_>, devices: &Devices) -> Result<Vec<u8>, KernelRefusal> {
    let message = change.message(devices)?;
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    Ok(bytes)
}

/// Reads an SA of a dump.
///
/// Errors: [`Error::Malformed`].
pub fn read_sa(object: &[u8], devices: &Devices) -> Result<SaEntry, Error> {
    wire::sa::read(object, 0, devices)
}

/// Reads a policy of a dump; nothing for a catch-all.
///
/// Errors: [`Error::Malformed`].
pub fn read_policy(object: &[u8], devices: &Devices) -> Result<Option<PolicyEntry>, Error> {
    wire::policy::read(object, devices)
}
