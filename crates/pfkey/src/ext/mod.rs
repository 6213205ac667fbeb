//! The extensions of linux/pfkeyv2.h, a file each: what stands in them, from bytes and to bytes.
//!
//! A parser gets the body of an extension, without its length and type. Reserved fields are read
//! over and written as 0, but for those of [`Sa2`] and [`KmAddress`], which programs do use.

mod address;
mod identity;
mod key;
mod lifetime;
mod nat;
mod policy;
mod proposal;
mod range;
mod sa;
mod sec_ctx;
mod sensitivity;
mod supported;

use model::Key;
use nom::Parser;
use zeroize::Zeroizing;

pub use address::{Address, AddressKind, KmAddress};
pub use identity::{End, Identity};
pub use key::KeyKind;
pub use lifetime::{Lifetime, LifetimeKind};
pub use policy::{IpsecRequest, Policy};
pub use proposal::{Comb, Proposal};
pub use range::{Filter, SpiRange};
pub use sa::{Sa, Sa2};
pub use sec_ctx::SecCtx;
pub use sensitivity::Sensitivity;
pub use supported::Algorithm;

use crate::{
    Error,
    wire::{Parsed, Put, UNIT},
};

/// One extension of a message (`sadb_ext`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// `SADB_EXT_SA`, 1.
    Sa(Sa),
    /// `SADB_EXT_LIFETIME_*`, 2–4.
    Lifetime(LifetimeKind, Lifetime),
    /// `SADB_EXT_ADDRESS_*`, 5–7, and `SADB_X_EXT_NAT_T_OA`, 23.
    Address(AddressKind, Address),
    /// `SADB_EXT_KEY_*`, 8 and 9.
    Key(KeyKind, Key),
    /// `SADB_EXT_IDENTITY_*`, 10 and 11.
    Identity(End, Identity),
    /// `SADB_EXT_SENSITIVITY`, 12.
    Sensitivity(Sensitivity),
    /// `SADB_EXT_PROPOSAL`, 13.
    Proposal(Proposal),
    /// `SADB_EXT_SUPPORTED_*`, 14 and 15.
    Supported(KeyKind, Vec<Algorithm>),
    /// `SADB_EXT_SPIRANGE`, 16.
    SpiRange(SpiRange),
    /// `SADB_X_EXT_KMPRIVATE`, 17: bytes that only the key management understands.
    KmPrivate(Vec<u8>),
    /// `SADB_X_EXT_POLICY`, 18.
    Policy(Policy),
    /// `SADB_X_EXT_SA2`, 19.
    Sa2(Sa2),
    /// `SADB_X_EXT_NAT_T_TYPE`, 20: `UDP_ENCAP_*` (linux/udp.h).
    NatType(u8),
    /// `SADB_X_EXT_NAT_T_SPORT` and `_DPORT`, 21 and 22: a port, host order here.
    NatPort(End, u16),
    /// `SADB_X_EXT_SEC_CTX`, 24.
    SecCtx(SecCtx),
    /// `SADB_X_EXT_KMADDRESS`, 25.
    KmAddress(KmAddress),
    /// `SADB_X_EXT_FILTER`, 26.
    Filter(Filter),
    /// A type that linux/pfkeyv2.h does not have: its number and its body, whole units less the
    /// four bytes of length and type.
    Unknown(u16, Vec<u8>),
}

impl Extension {
    /// `sadb_ext_type`.
    #[must_use]
    pub fn number(&self) -> u16 {
        match self {
            Self::Sa(_) => 1,
            Self::Lifetime(LifetimeKind::Current, _) => 2,
            Self::Lifetime(LifetimeKind::Hard, _) => 3,
            Self::Lifetime(LifetimeKind::Soft, _) => 4,
            Self::Address(AddressKind::Src, _) => 5,
            Self::Address(AddressKind::Dst, _) => 6,
            Self::Address(AddressKind::Proxy, _) => 7,
            Self::Key(KeyKind::Auth, _) => 8,
            Self::Key(KeyKind::Encrypt, _) => 9,
            Self::Identity(End::Src, _) => 10,
            Self::Identity(End::Dst, _) => 11,
            Self::Sensitivity(_) => 12,
            Self::Proposal(_) => 13,
            Self::Supported(KeyKind::Auth, _) => 14,
            Self::Supported(KeyKind::Encrypt, _) => 15,
            Self::SpiRange(_) => 16,
            Self::KmPrivate(_) => 17,
            Self::Policy(_) => 18,
            Self::Sa2(_) => 19,
            Self::NatType(_) => 20,
            Self::NatPort(End::Src, _) => 21,
            Self::NatPort(End::Dst, _) => 22,
            Self::Address(AddressKind::NatOriginal, _) => 23,
            Self::SecCtx(_) => 24,
            Self::KmAddress(_) => 25,
            Self::Filter(_) => 26,
            Self::Unknown(number, _) => *number,
        }
    }

    /// Reads the body of an extension of type `number`, which is not 0: what stands behind its
    /// length and type.
    pub fn decode(number: u16, body: &[u8]) -> Result<Self, Error> {
        let (_, extension) = Self::parse(number, body).map_err(|_| Error::Malformed(number))?;
        Ok(extension)
    }

    fn parse(number: u16, body: &[u8]) -> Parsed<'_, Self> {
        let lifetime = |kind| Lifetime::parse.map(move |it| Self::Lifetime(kind, it)).parse(body);
        let address = |kind| Address::parse.map(move |it| Self::Address(kind, it)).parse(body);
        let key = |kind| key::parse.map(move |it| Self::Key(kind, it)).parse(body);
        let identity = |end| Identity::parse.map(move |it| Self::Identity(end, it)).parse(body);
        let supported =
            |kind| supported::parse.map(move |it| Self::Supported(kind, it)).parse(body);
        let port = |end| nat::parse_port.map(move |it| Self::NatPort(end, it)).parse(body);
        match number {
            1 => Sa::parse.map(Self::Sa).parse(body),
            2 => lifetime(LifetimeKind::Current),
            3 => lifetime(LifetimeKind::Hard),
            4 => lifetime(LifetimeKind::Soft),
            5 => address(AddressKind::Src),
            6 => address(AddressKind::Dst),
            7 => address(AddressKind::Proxy),
            8 => key(KeyKind::Auth),
            9 => key(KeyKind::Encrypt),
            10 => identity(End::Src),
            11 => identity(End::Dst),
            12 => Sensitivity::parse.map(Self::Sensitivity).parse(body),
            13 => Proposal::parse.map(Self::Proposal).parse(body),
            14 => supported(KeyKind::Auth),
            15 => supported(KeyKind::Encrypt),
            16 => SpiRange::parse.map(Self::SpiRange).parse(body),
            17 => Ok((&[], Self::KmPrivate(body.to_vec()))),
            18 => Policy::parse.map(Self::Policy).parse(body),
            19 => Sa2::parse.map(Self::Sa2).parse(body),
            20 => nat::parse_type.map(Self::NatType).parse(body),
            21 => port(End::Src),
            22 => port(End::Dst),
            23 => address(AddressKind::NatOriginal),
            24 => SecCtx::parse.map(Self::SecCtx).parse(body),
            25 => KmAddress::parse.map(Self::KmAddress).parse(body),
            26 => Filter::parse.map(Self::Filter).parse(body),
            _ => Ok((&[], Self::Unknown(number, body.to_vec()))),
        }
    }

    /// The extension on the wire, padded to whole units. Wiped after use: it may be a key.
    ///
    /// Refuses, with [`Error::TooLong`], what 16-bit lengths cannot say.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut out = Zeroizing::new(Vec::with_capacity(self.room()));
        out.put_u16(0);
        out.put_u16(self.number());
        self.emit(&mut out)?;
        let units = out.len().div_ceil(UNIT);
        out.resize(units * UNIT, 0);
        let units = u16::try_from(units).map_err(|_| Error::TooLong("the extension"))?;
        out[..2].copy_from_slice(&units.to_ne_bytes());
        Ok(out)
    }

    /// Room for a key, so that its bytes never move and leave a copy behind.
    fn room(&self) -> usize {
        match self {
            Self::Key(_, key) => 2 * UNIT + key.bytes().len(),
            _ => 0,
        }
    }

    fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Sa(sa) => sa.emit(out),
            Self::Lifetime(_, lifetime) => lifetime.emit(out),
            Self::Address(_, address) => address.emit(out),
            Self::Key(_, key) => key::emit(key, out)?,
            Self::Identity(_, identity) => identity.emit(out),
            Self::Sensitivity(sensitivity) => sensitivity.emit(out)?,
            Self::Proposal(proposal) => proposal.emit(out),
            Self::Supported(_, algorithms) => supported::emit(algorithms, out),
            Self::SpiRange(range) => range.emit(out),
            Self::KmPrivate(body) | Self::Unknown(_, body) => out.put(body),
            Self::Policy(policy) => policy.emit(out),
            Self::Sa2(sa2) => sa2.emit(out),
            Self::NatType(encap_type) => nat::emit_type(*encap_type, out),
            Self::NatPort(_, port) => nat::emit_port(*port, out),
            Self::SecCtx(sec_ctx) => sec_ctx.emit(out)?,
            Self::KmAddress(addresses) => addresses.emit(out),
            Self::Filter(filter) => filter.emit(out),
        }
        Ok(())
    }
}
