//! Requests to NET_DM and their answers.

use generic_netlink::GenericFamily;
use netlink_packet_core::{DefaultNla, NlasIterator, parse_u64};
use rustix::io::Errno;

use crate::{
    AlertConfiguration, Error,
    wire::{FAMILY, GROUP, VERSION, attribute, command},
};

/// A socket for requests, and the number of the group that alerts are sent to.
pub(crate) struct Control {
    family: GenericFamily,
    pub(crate) group: u32,
}

impl Control {
    /// Opens a socket in this thread's network namespace.
    pub(crate) fn open() -> Result<Self, Error> {
        let family = GenericFamily::open(FAMILY, VERSION)?;
        let group = family.group(GROUP)?;
        Ok(Self { family, group })
    }

    pub(crate) fn configuration(&mut self) -> Result<AlertConfiguration, Error> {
        let answer =
            self.ask(command::CONFIG_GET, command::CONFIG_NEW, "reading its configuration")?;
        Ok(AlertConfiguration::read(&answer)?)
    }

    /// Errors: EBUSY while it is started.
    pub(crate) fn configure(&mut self, configuration: AlertConfiguration) -> Result<(), Errno> {
        self.family.call(command::CONFIG, configuration.attributes()).map(drop)
    }

    /// Has it report what the kernel itself drops. Errors: EAGAIN if it does.
    pub(crate) fn start(&mut self) -> Result<(), Errno> {
        let flag = DefaultNla::new(attribute::SW_DROPS, Vec::new());
        self.family.call(command::START, vec![flag]).map(drop)
    }

    pub(crate) fn stop(&mut self) -> Result<(), Errno> {
        let flag = DefaultNla::new(attribute::SW_DROPS, Vec::new());
        self.family.call(command::STOP, vec![flag]).map(drop)
    }

    /// How many packets did not fit the queues, since the module was loaded.
    pub(crate) fn lost(&mut self) -> Result<u64, Error> {
        let answer = self.ask(command::STATS_GET, command::STATS_NEW, "reading its statistics")?;
        for nla in NlasIterator::new(&answer[..]) {
            let nla = nla?;
            if nla.kind() != attribute::STATS {
                continue;
            }
            for nla in NlasIterator::new(nla.value()) {
                let nla = nla?;
                if nla.kind() == attribute::STATS_DROPPED {
                    return Ok(parse_u64(nla.value())?);
                }
            }
        }
        Ok(0)
    }

    fn ask(&mut self, command: u8, expected: u8, doing: &'static str) -> Result<Vec<u8>, Error> {
        Ok(self.family.ask(command, Vec::new(), expected, doing)?)
    }
}
