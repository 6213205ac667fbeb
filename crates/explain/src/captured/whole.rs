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
    /// Its length, bytes, by its IP header.
    pub length: usize,
    /// Whether it is a fragment, or of IPv6 has a fragment header: its ports count as 0.
    pub is_fragment: bool,
}

impl Whole {
    pub(super) fn of(ip: &Ip<'_>) -> Option<Self> {
        let Ip { hops, dont_fragment, .. } = *ip;
        let (length, is_fragment) = (ip.length(), ip.counts_no_ports());
        Some(Self { flow: ip.flow()?, hops, dont_fragment, length, is_fragment })
    }
}
