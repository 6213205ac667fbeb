use std::net::IpAddr;

use model::{Counter, Direction, SaEntry};

use crate::{Flow, Reason, Tables, Verdict, XfrmDevice, check};

/// What decides of a packet beside the tables: routes and the settings of devices.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is found out by itself")]
pub struct Surroundings<'r> {
    /// The address of this host that the route to an endpoint has: the source of tunnels whose template has none.
    pub source: &'r dyn Fn(IpAddr) -> Option<IpAddr>,
    /// Why the packet that an SA in another mode than transport makes of one with this mark has no route.
    pub tunnel_fault: &'r dyn Fn(&SaEntry, u32) -> Option<Reason>,
    /// Why the packet is dropped where it is routed, before its policy is looked up.
    pub refusal: Option<Reason>,
    /// Why the packet that its SAs are undone of is dropped where it arrives.
    pub outer_refusal: Option<Reason>,
    /// Whether the packet that its SAs are undone of is forwarded as it is, for another host.
    pub is_outer_forwarded: bool,
    /// The direction of the packet by its route, if it is another than was given.
    pub elsewhere: Option<Direction>,
    /// The device that the packet leaves by, if that looks policies up itself.
    pub interface: Option<XfrmDevice>,
    /// The key of packets that arrive at the vti device that the packet comes out of.
    pub vti_key: Option<u32>,
    /// Whether the device that the protected packet arrives at, which comes out of a vti device, has `disable_policy`: then
    /// the vti device checks no policy.
    pub outer_has_no_policy: bool,
    /// Whether the device that the packet leaves by has `disable_xfrm`: then the SPD is not asked.
    pub has_no_xfrm: bool,
    /// Whether packets wait for the SAs that their policy demands (`net.core.xfrm_larval_drop` is 0).
    pub waits_for_sa: bool,
    /// Whether the packet leaves by a loopback device, to which the kernel's default policy does not apply.
    pub is_loopback: bool,
    /// Whether the device that the packet arrives at has `disable_policy`: then no policy is checked.
    pub has_no_policy: bool,
    /// What becomes of a packet that comes out of an SA in transport mode and that nothing here takes; none: a tunnel device
    /// takes what is an IP packet, or that is not known.
    pub untaken: Option<Untaken>,
}

/// A packet that comes out of an SA in transport mode and that nothing takes (`ip_protocol_deliver_rcu`, net/ipv4/ip_input.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untaken {
    /// The packet whose policy is checked, if none has registered its protocol.
    pub checked: Option<Flow>,
    /// The counters that are raised where it is not checked, or passes.
    pub counters: &'static [Counter],
}

impl Untaken {
    /// What it raises, after these SAs.
    pub(crate) fn counters(
        &self,
        tables: &Tables,
        path: &[&SaEntry],
        surroundings: &Surroundings<'_>,
    ) -> &'static [Counter] {
        let checked = |flow| check(tables, Direction::In, &flow, path, None, surroundings).verdict;
        match self.checked.map(checked) {
            Some(Verdict::Dropped { counters, .. }) => counters,
            _ => self.counters,
        }
    }
}

impl Default for Surroundings<'_> {
    fn default() -> Self {
        Self {
            source: &|_| None,
            tunnel_fault: &|_, _| None,
            refusal: None,
            outer_refusal: None,
            is_outer_forwarded: false,
            elsewhere: None,
            interface: None,
            vti_key: None,
            outer_has_no_policy: false,
            has_no_xfrm: false,
            waits_for_sa: false,
            is_loopback: false,
            has_no_policy: false,
            untaken: None,
        }
    }
}
