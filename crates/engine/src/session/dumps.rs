//! Dumps that are read at the pace of another program.

use model::{PolicyEntry, Proto, SaEntry};
use xfrm::{Connection, Devices, Prefixes};

use crate::Error;

/// Selects the SAs of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SadFilter {
    /// SAs of this protocol; `None`: AH, ESP and IPComp.
    pub proto: Option<Proto>,
    /// SAs between addresses of these prefixes; `None`: all.
    pub prefixes: Option<AddressFilter>,
}

/// Prefixes of the addresses of SAs, which the kernel compares (`xfrm_address_filter`, Linux 3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressFilter {
    /// The `AF_*` number of the addresses; of another number, SAs of both IP versions are compared.
    pub family: u16,
    /// The source address, network order; IPv4 in the first four bytes.
    pub src: [u8; 16],
    /// The number of leading bits of the source that are compared, at most 128.
    pub src_bits: u8,
    /// The destination address, as the source.
    pub dst: [u8; 16],
    /// The number of leading bits of the destination that are compared, at most 128.
    pub dst_bits: u8,
}

/// A dump of the SAD or SPD with a netlink socket of its own, which keeps the position in the table:
/// neither the kernel nor this process holds the table in memory, and an engine can be used while the
/// dump is read.
///
/// An entry that cannot be read is an error of which [`Error::is_malformed`] is true; the next entry
/// follows. Any other error ends the dump.
pub struct TableDump<T>(xfrm::Dump<'static, T>);

impl TableDump<SaEntry> {
    /// Starts a dump of the SAD of this thread's network namespace, newest SA first.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn sad(filter: &SadFilter) -> Result<Self, Error> {
        let prefixes = filter.prefixes.map(|prefixes| Prefixes {
            family: prefixes.family,
            src: prefixes.src,
            src_bits: prefixes.src_bits,
            dst: prefixes.dst,
            dst_bits: prefixes.dst_bits,
        });
        let filter = xfrm::SadSelection { proto: filter.proto, ends: None, prefixes };
        Ok(Self(Connection::open()?.into_sad_dump(&filter)?))
    }

    /// The same of all SAs, with network devices by their numbers, as events of another network namespace have
    /// them.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn sad_with_numbers() -> Result<Self, Error> {
        Ok(Self(unnaming()?.into_sad_dump(&xfrm::SadSelection::default())?))
    }
}

impl TableDump<PolicyEntry> {
    /// Starts a dump of the SPD of this thread's network namespace, newest policy first, each as the
    /// kernel has it: [`crate::Engine::requested`] completes a partial policy.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn spd() -> Result<Self, Error> {
        Ok(Self(Connection::open()?.into_spd_dump()?))
    }

    /// The same with network devices by their numbers.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn spd_with_numbers() -> Result<Self, Error> {
        Ok(Self(unnaming()?.into_spd_dump()?))
    }
}

/// A connection that calls devices by their numbers.
fn unnaming() -> Result<Connection, Error> {
    let mut connection = Connection::open()?;
    connection.set_devices(Devices::UNNAMED);
    Ok(connection)
}

impl<T: std::fmt::Debug> Iterator for TableDump<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| entry.map_err(Error::from))
    }
}
