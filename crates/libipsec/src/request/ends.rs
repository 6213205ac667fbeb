//! The addresses of a request: of an SA, or of the packets that a policy sees.

use std::net::SocketAddr;

use pfkey::{
    Extension,
    ext::{Address, AddressKind},
};

use crate::error::Code;

/// `IPSEC_ULPROTO_ANY` (linux/ipsec.h).
const ANY_PROTO: u8 = 255;

/// Two addresses of one IP version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(super) src: SocketAddr,
    pub(super) dst: SocketAddr,
}

impl Ends {
    pub(crate) fn new(src: SocketAddr, dst: SocketAddr) -> Result<Self, Code> {
        if src.is_ipv4() == dst.is_ipv4() {
            Ok(Self { src, dst })
        } else {
            Err(Code::FamilyMismatch)
        }
    }

    /// As the ends of an SA.
    pub(super) fn hosts(self) -> [Extension; 2] {
        [
            Extension::Address(AddressKind::Src, host(self.src)),
            Extension::Address(AddressKind::Dst, host(self.dst)),
        ]
    }
}

/// The packets that a policy sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectorArguments {
    pub ends: Ends,
    /// Prefix lengths of source and destination.
    pub lengths: (u32, u32),
    /// Upper-layer protocol; 255: any.
    pub proto: u32,
}

impl SelectorArguments {
    pub(super) fn extensions(self) -> Result<[Extension; 2], Code> {
        let Ends { src, dst } = self.ends;
        let most = host_length(src);
        let length = |length| u8::try_from(length).ok().filter(|&length| length <= most);
        let (Some(src_length), Some(dst_length)) = (length(self.lengths.0), length(self.lengths.1))
        else {
            return Err(Code::InvalidPrefixLength);
        };
        let proto = u8::try_from(self.proto).map_err(|_| Code::InvalidProto)?;
        let address = |kind, sockaddr, prefix_len| {
            Extension::Address(kind, Address { proto, prefix_len, sockaddr })
        };
        Ok([address(AddressKind::Src, src, src_length), address(AddressKind::Dst, dst, dst_length)])
    }
}

/// One host, whatever it sends.
pub(super) fn host(sockaddr: SocketAddr) -> Address {
    Address { proto: ANY_PROTO, prefix_len: host_length(sockaddr), sockaddr }
}

fn host_length(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
