//! The extensions of linux/pfkeyv2.h, a file each: their contents, from bytes and to bytes.
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

use bytes::BufMut;
use model::Key;
use nom::Parser;
use zeroize::Zeroizing;

pub use address::{Address, AddressKind, KmAddress};
pub use identity::{End, Identity};
pub use key::KeyKind;
pub use lifetime::{Lifetime, LifetimeKind};
pub use policy::{IpsecRequest, IpsecRequests, Policy};
pub use proposal::{Comb, Proposal};
pub use range::{Filter, SpiRange};
pub use sa::{Sa, Sa2};
pub use sec_ctx::SecCtx;
pub use sensitivity::Sensitivity;
pub use supported::Algorithm;

use crate::{
    Error,
    wire::{Parsed, UNIT, ext_type},
};

/// One extension of a message (`sadb_ext`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// `SADB_EXT_SA`.
    Sa(Sa),
    /// `SADB_EXT_LIFETIME_*`.
    Lifetime(LifetimeKind, Lifetime),
    /// `SADB_EXT_ADDRESS_*` and `SADB_X_EXT_NAT_T_OA`.
    Address(AddressKind, Address),
    /// `SADB_EXT_KEY_*`.
    Key(KeyKind, Key),
    /// `SADB_EXT_IDENTITY_*`.
    Identity(End, Identity),
    /// `SADB_EXT_SENSITIVITY`.
    Sensitivity(Sensitivity),
    /// `SADB_EXT_PROPOSAL`.
    Proposal(Proposal),
    /// `SADB_EXT_SUPPORTED_*`.
    Supported(KeyKind, Vec<Algorithm>),
    /// `SADB_EXT_SPIRANGE`.
    SpiRange(SpiRange),
    /// `SADB_X_EXT_KMPRIVATE`: bytes that only the key management understands.
    KmPrivate(Vec<u8>),
    /// `SADB_X_EXT_POLICY`.
    Policy(Policy),
    /// `SADB_X_EXT_SA2`.
    Sa2(Sa2),
    /// `SADB_X_EXT_NAT_T_TYPE`: `UDP_ENCAP_*` (linux/udp.h).
    NatType(u8),
    /// `SADB_X_EXT_NAT_T_SPORT` and `_DPORT`: a port, host order here.
    NatPort(End, u16),
    /// `SADB_X_EXT_SEC_CTX`.
    SecCtx(SecCtx),
    /// `SADB_X_EXT_KMADDRESS`.
    KmAddress(KmAddress),
    /// `SADB_X_EXT_FILTER`.
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
            Self::Sa(_) => ext_type::SA,
            Self::Lifetime(LifetimeKind::Current, _) => ext_type::LIFETIME_CURRENT,
            Self::Lifetime(LifetimeKind::Hard, _) => ext_type::LIFETIME_HARD,
            Self::Lifetime(LifetimeKind::Soft, _) => ext_type::LIFETIME_SOFT,
            Self::Address(AddressKind::Src, _) => ext_type::ADDRESS_SRC,
            Self::Address(AddressKind::Dst, _) => ext_type::ADDRESS_DST,
            Self::Address(AddressKind::Proxy, _) => ext_type::ADDRESS_PROXY,
            Self::Key(KeyKind::Auth, _) => ext_type::KEY_AUTH,
            Self::Key(KeyKind::Encrypt, _) => ext_type::KEY_ENCRYPT,
            Self::Identity(End::Src, _) => ext_type::IDENTITY_SRC,
            Self::Identity(End::Dst, _) => ext_type::IDENTITY_DST,
            Self::Sensitivity(_) => ext_type::SENSITIVITY,
            Self::Proposal(_) => ext_type::PROPOSAL,
            Self::Supported(KeyKind::Auth, _) => ext_type::SUPPORTED_AUTH,
            Self::Supported(KeyKind::Encrypt, _) => ext_type::SUPPORTED_ENCRYPT,
            Self::SpiRange(_) => ext_type::SPIRANGE,
            Self::KmPrivate(_) => ext_type::KMPRIVATE,
            Self::Policy(_) => ext_type::POLICY,
            Self::Sa2(_) => ext_type::SA2,
            Self::NatType(_) => ext_type::NAT_T_TYPE,
            Self::NatPort(End::Src, _) => ext_type::NAT_T_SPORT,
            Self::NatPort(End::Dst, _) => ext_type::NAT_T_DPORT,
            Self::Address(AddressKind::NatOriginal, _) => ext_type::NAT_T_OA,
            Self::SecCtx(_) => ext_type::SEC_CTX,
            Self::KmAddress(_) => ext_type::KMADDRESS,
            Self::Filter(_) => ext_type::FILTER,
            Self::Unknown(number, _) => *number,
        }
    }

    /// Reads the body of an extension of type `number`, which is not 0: the bytes after its
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
            ext_type::SA => Sa::parse.map(Self::Sa).parse(body),
            ext_type::LIFETIME_CURRENT => lifetime(LifetimeKind::Current),
            ext_type::LIFETIME_HARD => lifetime(LifetimeKind::Hard),
            ext_type::LIFETIME_SOFT => lifetime(LifetimeKind::Soft),
            ext_type::ADDRESS_SRC => address(AddressKind::Src),
            ext_type::ADDRESS_DST => address(AddressKind::Dst),
            ext_type::ADDRESS_PROXY => address(AddressKind::Proxy),
            ext_type::KEY_AUTH => key(KeyKind::Auth),
            ext_type::KEY_ENCRYPT => key(KeyKind::Encrypt),
            ext_type::IDENTITY_SRC => identity(End::Src),
            ext_type::IDENTITY_DST => identity(End::Dst),
            ext_type::SENSITIVITY => Sensitivity::parse.map(Self::Sensitivity).parse(body),
            ext_type::PROPOSAL => Proposal::parse.map(Self::Proposal).parse(body),
            ext_type::SUPPORTED_AUTH => supported(KeyKind::Auth),
            ext_type::SUPPORTED_ENCRYPT => supported(KeyKind::Encrypt),
            ext_type::SPIRANGE => SpiRange::parse.map(Self::SpiRange).parse(body),
            ext_type::KMPRIVATE => Ok((&[], Self::KmPrivate(body.to_vec()))),
            ext_type::POLICY => Policy::parse.map(Self::Policy).parse(body),
            ext_type::SA2 => Sa2::parse.map(Self::Sa2).parse(body),
            ext_type::NAT_T_TYPE => nat::parse_type.map(Self::NatType).parse(body),
            ext_type::NAT_T_SPORT => port(End::Src),
            ext_type::NAT_T_DPORT => port(End::Dst),
            ext_type::NAT_T_OA => address(AddressKind::NatOriginal),
            ext_type::SEC_CTX => SecCtx::parse.map(Self::SecCtx).parse(body),
            ext_type::KMADDRESS => KmAddress::parse.map(Self::KmAddress).parse(body),
            ext_type::FILTER => Filter::parse.map(Self::Filter).parse(body),
            _ => Ok((&[], Self::Unknown(number, body.to_vec()))),
        }
    }

    /// The extension on the wire, padded to whole units. Wiped after use: it may be a key.
    ///
    /// Refuses, with [`Error::TooLong`], what 16-bit lengths cannot express.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut out = Zeroizing::new(Vec::with_capacity(self.room()));
        out.put_u16_ne(0);
        out.put_u16_ne(self.number());
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
            Self::KmPrivate(body) | Self::Unknown(_, body) => out.put_slice(body),
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
