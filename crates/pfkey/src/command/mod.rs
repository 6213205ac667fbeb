//! The requests of programs to AF_KEY: a message, checked in AF_KEY's order and turned into the model.
//!
//! Three kinds of refusal come one after the other (`pfkey_sendmsg`, `pfkey_process`,
//! net/key/af_key.c): those of [`header`] are errors of `send(2)` there; those of [`command`] come
//! back in a message; the others are the SAD's and SPD's.

mod extensions;
mod migrate;
mod sad;
mod spd;

use std::num::NonZeroU32;

use model::{Migration, Policy, PolicyId, Proto, Sa, SaId, Spi, SpiRequest};

use crate::{
    Error, Message, MessageType,
    ext::Filter,
    message,
    wire::{HEADER_LENGTH, UNIT, VERSION},
};
use extensions::Extensions;

/// The largest SA type (`SADB_SATYPE_MAX`).
const MAX_SATYPE: u8 = 9;

/// The request of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// GETSPI.
    GetSpi(GetSpi),
    /// ADD.
    AddSa(Box<Sa>),
    /// UPDATE.
    UpdateSa(Box<Sa>),
    /// DELETE.
    DeleteSa(SaId),
    /// GET.
    GetSa(SaId),
    /// ACQUIRE: the key management has failed to make the SA of the kernel's ACQUIRE of this number;
    /// without a number there is nothing to do.
    Acquire(Option<NonZeroU32>),
    /// REGISTER, with the SA type of the message.
    Register,
    /// FLUSH of one protocol or all.
    FlushSad(Option<Proto>),
    /// DUMP. Whether a dump is under way is checked before the query.
    DumpSad(Result<SadQuery, Error>),
    /// X_PROMISC: from now on the program receives all messages, or no longer.
    Promiscuous(bool),
    /// X_PROMISC of a longer message: all sockets are to receive it.
    Repeat,
    /// X_SPDADD and X_SPDSETIDX.
    AddPolicy(Box<Policy>),
    /// X_SPDUPDATE.
    UpdatePolicy(Box<Policy>),
    /// X_SPDDELETE.
    DeletePolicy(PolicyId),
    /// X_SPDGET of the policy of this index.
    GetPolicy(u32),
    /// X_SPDDELETE2.
    DeletePolicyOfIndex(u32),
    /// X_SPDDUMP.
    DumpSpd,
    /// X_SPDFLUSH.
    FlushSpd,
    /// X_MIGRATE.
    Migrate(Migration),
}

/// The request of a GETSPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetSpi {
    /// The larval SA.
    pub larval: SpiRequest,
    /// The SPIs to choose from, both ends included; none: the kernel's own range.
    pub range: Option<(Spi, Spi)>,
    /// The number of the ACQUIRE whose larval SA gets the SPI.
    pub acquire: Option<NonZeroU32>,
}

/// The SAs that a DUMP selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SadQuery {
    /// Those of this protocol; none: all.
    pub proto: Option<Proto>,
    /// Those between such addresses.
    pub filter: Option<Filter>,
}

/// The header of a message (`pfkey_get_base_msg`). Its extensions are not looked at, and it has
/// none.
///
/// Errors are those that `send(2)` to AF_KEY answers: [`Error::Short`], [`Error::Version`],
/// [`Error::Reserved`], [`Error::UnknownNumber`], [`Error::MessageLength`].
pub fn header(bytes: &[u8]) -> Result<Message, Error> {
    begun(bytes, bytes.len())
}

/// As [`header`], for a message of which only the first bytes are at hand; `given` is how many it
/// has. Allocates nothing.
pub fn begun(bytes: &[u8], given: usize) -> Result<Message, Error> {
    let (_, (version, length, header)) = message::header(bytes).map_err(|_| Error::Short(given))?;
    if version != VERSION {
        return Err(Error::Version(version));
    }
    if header.reserved != 0 {
        return Err(Error::Reserved(header.reserved));
    }
    if !(1..=MessageType::MAX.0).contains(&header.msg_type.0) {
        let number = header.msg_type.0.into();
        return Err(Error::UnknownNumber { field: "message type", number });
    }
    // Less than a unit after the message is no extension either (`parse_exthdrs`).
    if length != given / UNIT * UNIT {
        return Err(Error::MessageLength { claimed: length, given });
    }
    Ok(header)
}

/// The request of a message with this header: `bytes` are the whole message (`pfkey_process` and
/// the functions that it calls).
///
/// Errors come back from AF_KEY in a message: [`Message::refusal`] with [`Error::errno`].
pub fn command(header: &Message, bytes: &[u8]) -> Result<Command, Error> {
    let is_bare = bytes.len() < HEADER_LENGTH + UNIT;
    let extensions = Extensions::collect(header, bytes.get(HEADER_LENGTH..).unwrap_or_default())?;
    Ok(match header.msg_type {
        MessageType::GETSPI => Command::GetSpi(sad::get_spi(&extensions)?),
        MessageType::UPDATE => Command::UpdateSa(Box::new(sad::add(&extensions)?)),
        MessageType::ADD => Command::AddSa(Box::new(sad::add(&extensions)?)),
        MessageType::DELETE => Command::DeleteSa(sad::id(&extensions)?),
        MessageType::GET => Command::GetSa(sad::id(&extensions)?),
        MessageType::ACQUIRE if is_bare => {
            let has_failed = header.errno != 0;
            Command::Acquire(NonZeroU32::new(header.seq).filter(|_| has_failed))
        }
        MessageType::REGISTER if header.satype > MAX_SATYPE => {
            return Err(Error::UnknownNumber { field: "SA type", number: header.satype.into() });
        }
        MessageType::REGISTER => Command::Register,
        MessageType::FLUSH => Command::FlushSad(sad::flushed(header)?),
        MessageType::DUMP => Command::DumpSad(sad::query(&extensions)),
        MessageType::PROMISC if is_bare => match header.satype {
            0 | 1 => Command::Promiscuous(header.satype == 1),
            number => {
                return Err(Error::UnknownNumber { field: "SA type", number: number.into() });
            }
        },
        MessageType::PROMISC => Command::Repeat,
        MessageType::SPDADD | MessageType::SPDSETIDX => {
            Command::AddPolicy(Box::new(spd::policy(&extensions)?))
        }
        MessageType::SPDUPDATE => Command::UpdatePolicy(Box::new(spd::policy(&extensions)?)),
        MessageType::SPDDELETE => Command::DeletePolicy(spd::id(&extensions)?),
        MessageType::SPDGET => Command::GetPolicy(spd::index(&extensions)?),
        MessageType::SPDDELETE2 => Command::DeletePolicyOfIndex(spd::index(&extensions)?),
        MessageType::SPDDUMP => Command::DumpSpd,
        MessageType::SPDFLUSH => Command::FlushSpd,
        MessageType::MIGRATE => Command::Migrate(migrate::migrate(&extensions)?),
        // EXPIRE, X_PCHANGE, X_SPDACQUIRE, X_SPDEXPIRE, X_NAT_T_NEW_MAPPING, and an ACQUIRE with
        // extensions.
        other => return Err(Error::NotServed(other)),
    })
}
