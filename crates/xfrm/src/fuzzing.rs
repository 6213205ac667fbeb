//! The door of the fuzz target: it exists with `--cfg fuzzing` alone.

use std::cell::LazyCell;

use model::{Event, PolicyEntry, SaEntry};

use crate::{
    Error, SaImage,
    device::Devices,
    reply::{Reply, peek},
    wire,
};

thread_local! {
    static DEVICES: LazyCell<Devices> =
        LazyCell::new(|| Devices::of_any_socket().expect("a netlink socket"));
}

/// What the messages of a datagram are, each in all the ways in which the kernel may mean it.
#[derive(Debug, Default)]
pub struct Datagram {
    /// Notifications.
    pub events: Vec<Event>,
    /// Entries of the SAD.
    pub sas: Vec<SaEntry>,
    /// Entries of the SPD.
    pub policies: Vec<PolicyEntry>,
}

/// Reads a datagram of the kernel up to the first message that cannot be read.
#[must_use]
pub fn datagram(bytes: &[u8]) -> Datagram {
    let mut read = Datagram::default();
    DEVICES.with(|devices| {
        let mut rest = bytes;
        while let Ok((_, length)) = peek(rest) {
            if read.message(&rest[..length], devices).is_err() {
                break;
            }
            rest = &rest[length..];
        }
    });
    read
}

impl Datagram {
    fn message(&mut self, message: &[u8], devices: &Devices) -> Result<(), Error> {
        self.events.extend(wire::event::read(message, || 0, devices));
        if let Reply::Object(object) = Reply::read(message)? {
            self.sas.extend(wire::sa::read(object, 0, devices));
            self.sas.extend(wire::sa::read_deleted(object, 0, devices));
            self.policies.extend(wire::policy::read(object, devices).into_iter().flatten());
            self.policies.extend(wire::policy::read_deleted(object, devices).into_iter().flatten());
            drop(wire::socket_policy::read(object, devices));
            drop(SaImage::read(object, 0, devices).map(|image| format!("{image:?}")));
            wire::catch_all::was_deleted(object);
            drop((wire::info::default(object), wire::info::sad(object), wire::info::spd(object)));
        }
        Ok(())
    }
}
