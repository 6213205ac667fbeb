use std::net::SocketAddr;

use bytes::BufMut;
use nom::{
    Parser,
    bytes::complete::take,
    combinator::{fail, opt, verify},
    number::complete::u8,
};

use crate::{
    Error,
    wire::{Parsed, ext_type, ne_u16, ne_u32, put_sockaddr, sockaddr_pair},
};

/// `sadb_x_policy` with its requests: what to do with packets of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `IPSEC_POLICY_*`: discard, none, ipsec, entrust, bypass.
    pub policy_type: u16,
    /// `IPSEC_DIR_*`: in 1, out 2, forward 3; 4 and 5 are a socket's in and out.
    pub dir: u8,
    /// The index in the SPD; 0: not known yet.
    pub id: u32,
    /// The smallest comes first.
    pub priority: u32,
    /// The transforms, innermost first.
    pub requests: Vec<IpsecRequest>,
}

impl Policy {
    /// `sizeof(struct sadb_x_policy)`: the bytes of a policy without requests.
    pub const HEADER_LENGTH: usize = 16;

    /// A policy of which only the direction is given (`IPSEC_DIR_*`), as `-P out` gives it.
    #[must_use]
    pub fn bare(dir: u8) -> Self {
        Self { policy_type: 0, dir, id: 0, priority: 0, requests: Vec::new() }
    }

    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let (rest, policy) = Self::parse_header(body)?;
        let requests = IpsecRequests(rest).map(|request| Ok(request?.0));
        match requests.collect::<Result<_, Error>>() {
            Ok(requests) => Ok((&[], Self { requests, ..policy })),
            Err(_) => fail().parse(rest),
        }
    }

    /// The policy of an extension's body without its requests, and those, not read yet.
    pub fn split(body: &[u8]) -> Result<(Self, IpsecRequests<'_>), Error> {
        let (requests, policy) =
            Self::parse_header(body).map_err(|_| Error::Malformed(ext_type::POLICY))?;
        Ok((policy, IpsecRequests(requests)))
    }

    fn parse_header(body: &[u8]) -> Parsed<'_, Self> {
        (ne_u16, u8, u8, ne_u32, ne_u32)
            .map(|(policy_type, dir, _, id, priority)| Self {
                policy_type,
                dir,
                id,
                priority,
                requests: Vec::new(),
            })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_u16_ne(self.policy_type);
        out.put_slice(&[self.dir, 0]);
        out.put_u32_ne(self.id);
        out.put_u32_ne(self.priority);
        for request in &self.requests {
            request.emit(out);
        }
    }
}

/// The requests of a policy one after the other, each with the length that it gives
/// itself, in bytes. Bytes that are too few for another are left over.
///
/// An error is what `parse_ipsecrequests` (net/key/af_key.c) refuses: a length that is less than a
/// request's header or more than there is.
#[derive(Debug, Clone)]
pub struct IpsecRequests<'a>(&'a [u8]);

impl IpsecRequests<'_> {
    /// Whether all bytes have been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for IpsecRequests<'_> {
    type Item = Result<(IpsecRequest, usize), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.len() < IpsecRequest::HEADER_LENGTH {
            return None;
        }
        let Ok((rest, request)) = IpsecRequest::parse(self.0) else {
            self.0 = &[];
            return Some(Err(Error::Malformed(ext_type::POLICY)));
        };
        let length = self.0.len() - rest.len();
        self.0 = rest;
        Some(Ok((request, length)))
    }
}

/// `sadb_x_ipsecrequest`: one transformation of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpsecRequest {
    /// IP protocol number: AH, ESP, IPComp.
    pub proto: u16,
    /// `IPSEC_MODE_*`.
    pub mode: u8,
    /// `IPSEC_LEVEL_*`: default, use, require, unique.
    pub level: u8,
    /// The SAs' number, with level unique.
    pub reqid: u32,
    /// The tunnel's ends, source first.
    pub ends: Option<(SocketAddr, SocketAddr)>,
}

impl IpsecRequest {
    /// `sizeof(struct sadb_x_ipsecrequest)`.
    pub const HEADER_LENGTH: usize = 16;

    /// Its length on the wire in bytes: the one length of PF_KEY that does not count units.
    pub(crate) fn len(&self) -> u16 {
        let pair = |(src, dst): (SocketAddr, SocketAddr)| {
            [src, dst].map(|end| if end.is_ipv4() { 16 } else { 28 }).iter().sum::<u16>()
        };
        16 + self.ends.map_or(0, pair)
    }

    /// Bytes after the header that are no pair of addresses are passed over: AF_KEY reads them in
    /// tunnel mode only.
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let length = verify(ne_u16, |&len| usize::from(len) >= Self::HEADER_LENGTH);
        let (behind, request) = length.flat_map(|len| take(len - 2)).parse(input)?;
        let (_, (proto, mode, level, _, reqid, _, ends)) =
            (ne_u16, u8, u8, ne_u16, ne_u32, ne_u32, opt(sockaddr_pair)).parse(request)?;
        Ok((behind, Self { proto, mode, level, reqid, ends }))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.put_u16_ne(self.len());
        out.put_u16_ne(self.proto);
        out.put_slice(&[self.mode, self.level]);
        out.put_u16_ne(0);
        out.put_u32_ne(self.reqid);
        out.put_u32_ne(0);
        if let Some((src, dst)) = &self.ends {
            put_sockaddr(out, src);
            put_sockaddr(out, dst);
        }
    }
}
