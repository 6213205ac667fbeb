use super::ip::Ip;
use crate::Flow;

/// A captured packet as a host looks it up that forwards it: none of its headers is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// The packet, of protocol ESP for example.
    pub flow: Flow,
    /// Its TTL or hop limit.
    pub hops: u8,
    /// Its bit DF; none: it is IPv6.
    pub dont_fragment: Option<bool>,
    /// Its length, bytes.
    pub length: usize,
}

impl Whole {
    pub(super) fn of(ip: &Ip<'_>, length: usize) -> Option<Self> {
        let Ip { hops, dont_fragment, .. } = *ip;
        Some(Self { flow: ip.flow()?, hops, dont_fragment, length })
    }
}
