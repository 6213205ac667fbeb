//! The packet that is explained: as it was given, and as it was captured.

use std::net::IpAddr;

use engine::RouteQuery;
use explain::{Arrival, Captured, Flow, FlowDevice, Length, Oddity, Untaken, Whole};
use model::{Direction, Mode, SaEntry, Spi};

use super::{
    Explain,
    arrival::{self, Through},
    capture::{self, Recipient},
    packet,
    routing::{self, Given, Routing},
    udp,
};
use crate::Error;

/// A packet.
#[derive(Default)]
pub(super) struct Packet {
    /// What policies are looked up for.
    pub flow: Option<Flow>,
    /// The headers that it arrives with.
    pub arrivals: Vec<Arrival>,
    /// The device that it comes out of once they are undone.
    pub through: Option<Through>,
    /// The captured packet that has them.
    pub outer: Option<RouteQuery>,
    /// The captured packet without a look at them.
    pub whole: Option<Whole>,
    /// The UDP packet around them.
    pub udp: Option<Flow>,
    /// Its length before it is transformed, if that is known.
    pub length: Option<Length>,
    /// Its TTL or hop limit, if that is known.
    pub hops: Option<u8>,
    /// The packet that was captured, if it is another one than was given.
    pub other: Option<Flow>,
    /// Why the captured packet is not looked up as it is, if so.
    pub oddity: Option<Oddity>,
    /// What becomes of it, if nothing takes it.
    pub untaken: Option<Untaken>,
}

impl Explain {
    /// The packet that policies are looked up for, and the headers that it arrives with.
    pub(super) fn packet(&self, sas: &[SaEntry]) -> Result<Packet, Error> {
        let given = match (self.src, self.dst) {
            (Some(src), Some(dst)) => Some(packet::flow(src, dst, self.protocol)?),
            _ => None,
        };
        let captured = self.from.as_deref();
        let mut captured =
            captured.map(|from| capture::read(from, given.as_ref(), sas)).transpose()?;
        let ends = captured.as_ref().map(|captured| captured.ends);
        let (mut through, mut untaken) = (None, None);
        if let Some(captured) = &mut captured {
            let outer = arrival::through(sas, &captured.arrivals, self.mark, ends);
            let vti_key = outer.and_then(|it| it.vti_key);
            untaken = Recipient { sas, mark: self.mark, vti_key }.look_inside(captured);
            through = arrival::through(sas, &captured.arrivals, self.mark, ends);
        }
        let length = self.length(captured.as_ref());
        let hops = captured.as_ref().and_then(|captured| captured.hops);
        let is_fragment = captured.as_ref().is_some_and(|captured| captured.is_fragment);
        let oddity = captured.as_ref().and_then(|captured| captured.oddity);
        let whole = captured.as_ref().and_then(|captured| captured.whole);
        let (captured_flow, arrivals, udp) =
            if let Some(Captured { flow, arrivals, udp, .. }) = captured {
                (flow, arrivals, udp)
            } else {
                let arrivals = self.spi.iter().map(|&spi| packet::arrival(Spi(spi)));
                let arrivals = arrivals.collect::<Vec<_>>();
                let udp = udp::around(sas, &arrivals);
                through = arrival::through(sas, &arrivals, self.mark, None);
                (None, arrivals, udp)
            };
        let other = captured_flow
            .filter(|_| oddity.is_none())
            .filter(|captured| given.is_some_and(|given| capture::is_other(captured, &given)));
        // A packet to this host has the route of the loopback device.
        let is_received = self.direction != Direction::Out;
        let arrived = |flow: Flow| {
            let device = "lo".parse().map_or(FlowDevice::Unknown, FlowDevice::Named);
            let mut flow = flow.marked(self.mark);
            flow.device = device;
            flow
        };
        let udp = udp.filter(|_| is_received).map(arrived);
        if let Some(through) = &mut through {
            // The header of UDP is there until the SA is undone.
            through.protected =
                through.protected.map(|protected| udp.unwrap_or(arrived(protected)));
        }
        let flow = given.or(captured_flow).map(|mut flow| {
            (flow.mark, flow.cpu) = (self.mark, self.cpu);
            // What is forwarded is not put together before.
            if is_fragment && self.direction == Direction::Fwd {
                (flow.src_port, flow.dst_port) = (Some(0), Some(0));
            }
            flow.if_id = self.ifid.or(through.and_then(|it| it.if_id));
            flow
        });
        let is_too_little =
            flow.is_none() && (arrivals.is_empty() || self.direction == Direction::Out);
        if is_too_little {
            Err(Error::NoPacket)
        } else {
            let outer = ends.filter(|_| is_received && !arrivals.is_empty());
            let outer = outer.map(|ends| self.outer(ends, udp.as_ref()));
            Ok(Packet {
                flow,
                arrivals,
                through,
                outer,
                whole,
                udp,
                length,
                hops,
                other,
                oddity,
                untaken,
            })
        }
    }

    /// A captured packet as the routing table sees it when it arrives.
    fn outer(&self, (src, dst): (IpAddr, IpAddr), udp: Option<&Flow>) -> RouteQuery {
        RouteQuery {
            src: Some(src),
            mark: self.mark,
            upper: udp.and_then(|udp| udp.upper),
            ports: udp.and_then(|udp| udp.src_port.zip(udp.dst_port)),
            ..RouteQuery::to(dst)
        }
    }

    /// The length of the packet before it is transformed, as it was given or captured.
    fn length(&self, captured: Option<&Captured>) -> Option<Length> {
        let whole = captured.filter(|it| it.arrivals.is_empty() && it.oddity.is_none());
        let inner = captured.filter(|it| !it.arrivals.is_empty()).and_then(|it| it.inner_length);
        let own = whole.map(|captured| captured.length).or(inner);
        let bytes = self.length.map(usize::from).or(own)?;
        let dont_fragment = self.df.or(captured.and_then(|captured| captured.dont_fragment));
        Some(Length { bytes, dont_fragment })
    }

    /// The routes of a packet, whose mark the SAs that it comes through may have set; and whether that is a captured one that
    /// is forwarded as it is.
    pub(super) fn routing(&self, packet: &mut Packet, sas: &[SaEntry]) -> (Routing, bool) {
        let mut given = self.given(packet, sas);
        let is_for_others = self.direction == Direction::Fwd
            && given.is_captured
            && !routing::is_for_this_host(&given);
        if is_for_others && let Some(whole) = packet.whole {
            self.leave_whole(packet, whole);
            given = self.given(packet, sas);
        }
        (Routing::of(given, &mut packet.flow), is_for_others)
    }

    fn given(&self, packet: &mut Packet, sas: &[SaEntry]) -> Given {
        let Packet { flow, arrivals, through, outer, udp, .. } = packet;
        let vti_key = through.and_then(|it| it.vti_key);
        let received = explain::decapsulate(sas, arrivals, self.mark, vti_key);
        *flow = flow.map(|flow| flow.marked(received.mark));
        let is_tunnel = |entry: &&SaEntry| entry.sa.mode.installed() != Mode::Transport;
        let is_captured = self.from.is_some();
        let mut outer = *outer;
        if let Some(first) = received.path.first().filter(|_| !is_captured) {
            let tunnel = received.path.iter().copied().find(is_tunnel);
            // Out of transport mode the packet has the source that it came with, whatever that of the SA is.
            let src = match tunnel {
                Some(tunnel) => Some(tunnel.sa.ends.src()),
                None => flow.map(|flow| flow.src()),
            };
            let dst = first.sa.ends.dst();
            let src = src.filter(|src| !src.is_unspecified() && src.is_ipv4() == dst.is_ipv4());
            outer = src.map(|src| self.outer((src, dst), udp.as_ref()));
            if let (Some(udp), Some(src)) = (udp, src.filter(|_| tunnel.is_none())) {
                udp.set_src(src);
            }
        }
        Given {
            direction: self.direction,
            device: self.dev,
            uid: self.uid,
            local: self.local,
            through: *through,
            // A vti device has forgotten it.
            is_decapsulated: vti_key.is_none() && received.path.iter().any(is_tunnel),
            outer,
            is_captured,
        }
    }

    /// Makes a packet of the captured one, none of whose headers is undone.
    fn leave_whole(&self, packet: &mut Packet, whole: Whole) {
        let mut flow = whole.flow;
        (flow.mark, flow.cpu, flow.if_id) = (self.mark, self.cpu, self.ifid);
        if packet.oddity.is_some_and(Oddity::is_fragment) {
            (flow.src_port, flow.dst_port) = (Some(0), Some(0));
        }
        let bytes = self.length.map_or(whole.length, usize::from);
        *packet = Packet {
            flow: Some(flow),
            arrivals: Vec::new(),
            length: Some(Length { bytes, dont_fragment: self.df.or(whole.dont_fragment) }),
            hops: Some(whole.hops),
            oddity: packet.oddity,
            ..Packet::default()
        };
    }
}
