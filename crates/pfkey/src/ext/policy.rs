use std::net::SocketAddr;

use nom::{
    Parser,
    bytes::complete::take,
    combinator::{opt, verify},
    number::complete::u8,
};

use crate::wire::{Parsed, Put, ne_u16, ne_u32, sockaddr_pair};

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
    /// Refuses what `parse_ipsecrequests` (net/key/af_key.c) refuses: requests whose length is
    /// less than their header's or more than there is.
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let (mut rest, policy) = Self::parse_header(body)?;
        let mut requests = Vec::new();
        while rest.len() >= IpsecRequest::HEADER {
            let (after, request) = IpsecRequest::parse(rest)?;
            requests.push(request);
            rest = after;
        }
        Ok((rest, Self { requests, ..policy }))
    }

    /// The policy without its requests, whose bytes are left.
    pub(crate) fn parse_header(body: &[u8]) -> Parsed<'_, Self> {
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
        out.put_u16(self.policy_type);
        out.put(&[self.dir, 0]);
        out.put_u32(self.id);
        out.put_u32(self.priority);
        for request in &self.requests {
            request.emit(out);
        }
    }
}

/// `sadb_x_ipsecrequest`: one transform of a policy.
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
    pub(crate) const HEADER: usize = 16;

    /// Its length on the wire in bytes: the one length of PF_KEY that does not count units.
    pub(crate) fn len(&self) -> u16 {
        let pair = |(src, dst): (SocketAddr, SocketAddr)| {
            [src, dst].map(|end| if end.is_ipv4() { 16 } else { 28 }).iter().sum::<u16>()
        };
        16 + self.ends.map_or(0, pair)
    }

    /// What stands behind the header and is no pair of addresses is passed over: AF_KEY looks at it
    /// in tunnel mode only.
    pub(crate) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let length = verify(ne_u16, |&len| usize::from(len) >= Self::HEADER);
        let (behind, request) = length.flat_map(|len| take(len - 2)).parse(input)?;
        let (_, (proto, mode, level, _, reqid, _, ends)) =
            (ne_u16, u8, u8, ne_u16, ne_u32, ne_u32, opt(sockaddr_pair)).parse(request)?;
        Ok((behind, Self { proto, mode, level, reqid, ends }))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.put_u16(self.len());
        out.put_u16(self.proto);
        out.put(&[self.mode, self.level]);
        out.put_u16(0);
        out.put_u32(self.reqid);
        out.put_u32(0);
        if let Some((src, dst)) = &self.ends {
            out.put_sockaddr(src);
            out.put_sockaddr(dst);
        }
    }
}
