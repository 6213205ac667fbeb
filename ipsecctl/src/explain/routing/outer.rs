//! The routes of the packets that SAs make of one.

use std::{cell::RefCell, net::IpAddr};

use engine::{Route, RouteQuery, Routes};
use explain::Reason;
use model::{EncapKind, IpVersion, Mode, SaEntry, Upper};

use super::Routing;

impl Routing {
    /// The packet that an SA makes, as the kernel routes it: without the mark of the one inside, unless the SA has one to
    /// set (`xfrm_bundle_create`, `xfrm_dst_lookup`).
    fn of_sa(&self, entry: &SaEntry, mark: u32) -> RouteQuery {
        let sa = &entry.sa;
        let mark = if sa.output_mark.is_none() { 0 } else { sa.output_mark.set(mark) };
        let is_in_udp = |kind| matches!(kind, EncapKind::EspInUdp | EncapKind::EspInUdpNonIke);
        let encap = sa.encap.filter(|encap| is_in_udp(encap.kind));
        RouteQuery {
            src: Some(sa.ends.src()),
            mark,
            leaves_by: self.vrf(),
            upper: encap.map(|_| Upper::UDP.xfrm()),
            ports: encap
                .and_then(|it| it.src_port.zip(it.dst_port))
                .map(|(src, dst)| (src.get(), dst.get())),
            ..RouteQuery::to(sa.ends.dst())
        }
    }

    /// Why the packet that an SA in another mode than transport makes does not leave.
    pub fn tunnel_fault(&self, entry: &SaEntry, mark: u32) -> Option<Reason> {
        let query = self.of_sa(entry, mark);
        if let Ok(route) = self.find(&query)? {
            if route.is_local {
                return Some(Reason::TunnelToItself);
            }
            let is_loop = self.leaves_by().is_some_and(|device| device.name == route.device.name);
            return (is_loop && self.interface().is_some()).then_some(Reason::InterfaceLoop);
        }
        let is_own = self.routes.as_ref()?.borrow_mut().owner(entry.sa.ends.src()).is_ok();
        let from_here = self.find(&RouteQuery { src: None, ..query })?;
        let is_source = !is_own && from_here.is_ok();
        Some(if is_source { Reason::TunnelSource } else { Reason::TunnelRoute })
    }

    /// The route of a packet that these SAs have transformed: that to the end of the outermost tunnel.
    pub fn transformed(&self, sas: &[&SaEntry], mark: u32) -> Option<Route> {
        let route = match outermost_tunnel(sas) {
            Some(entry) => self.find(&self.of_sa(entry, mark))?,
            None => self.route?,
        };
        route.ok()
    }

    /// Whether the next hop of a route to a destination has not answered.
    pub fn has_no_next_hop(&self, route: &Route, dst: IpAddr) -> bool {
        let next_hop = route.gateway.unwrap_or(dst);
        let has_failed = |routes: &RefCell<Routes>| {
            routes.borrow_mut().has_failed(route.device.name, next_hop).unwrap_or(false)
        };
        !route.is_local && self.routes.as_ref().is_some_and(has_failed)
    }

    /// The preference of a rule that compares the protocol of what an SA makes (`xfrm_dst_lookup`).
    pub fn rule_of_protocol(&self, entry: &SaEntry) -> Option<u32> {
        // In UDP it is known to the look-up.
        if entry.sa.encap.is_some() {
            return None;
        }
        let upper = entry.sa.proto.number();
        let version = IpVersion::of(entry.sa.ends.dst());
        let rules = self.routes.as_ref()?.borrow_mut().rules_of_protocol(version, upper);
        rules.ok()?.first().copied()
    }
}

/// The outermost of these SAs that makes packets with addresses of their own.
pub fn outermost_tunnel<'a>(sas: &[&'a SaEntry]) -> Option<&'a SaEntry> {
    sas.iter().rev().copied().find(|entry| entry.sa.mode.installed() != Mode::Transport)
}
