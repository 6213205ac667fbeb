//! The packet that is explained: as it was given, and as it was captured.

use std::net::IpAddr;

use engine::RouteQuery;
use explain::{Arrival, Captured, Flow, FlowDevice, Length, OddInside, Oddity, Untaken, Whole};
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
    /// The source and destination of the captured packet.
    ends: Option<(IpAddr, IpAddr)>,
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
    /// The packet that was captured, if it is another one than was given; or the one that was given, if the captured one is
    /// forwarded as it is.
    pub other: Option<Flow>,
    /// Whether the packet of `flow` was captured as a fragment.
    is_fragment: bool,
    /// Why the captured packet is not looked up as it is, if so.
    pub oddity: Option<Oddity>,
    /// What is inside of some of its headers, and not looked up as it is.
    pub inside: Option<OddInside>,
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
        let mut packet = match &self.from {
            Some(from) => self.captured(from, given.as_ref(), sas)?,
            None => self.of_spis(sas),
        };
        let is_odd = packet.oddity.is_some() || packet.inside.is_some();
        let is_other = |captured: &Flow| given.is_some_and(|it| capture::is_other(captured, &it));
        packet.other = packet.flow.filter(|_| !is_odd).filter(is_other);
        self.complete_around(&mut packet);
        self.complete(&mut packet, given);
        let is_too_little = packet.flow.is_none()
            && (packet.arrivals.is_empty() || self.direction == Direction::Out);
        if is_too_little { Err(Error::NoPacket) } else { Ok(packet) }
    }

    /// A captured packet, opened by the SAs that it names.
    fn captured(&self, from: &str, given: Option<&Flow>, sas: &[SaEntry]) -> Result<Packet, Error> {
        let mut captured = capture::read(from, given, sas)?;
        let ends = Some(captured.ends);
        let outer = arrival::through(sas, &captured.arrivals, self.mark, ends);
        let vti_key = outer.and_then(|it| it.vti_key);
        let untaken = Recipient { sas, mark: self.mark, vti_key }.look_inside(&mut captured);
        let through = arrival::through(sas, &captured.arrivals, self.mark, ends);
        let length = self.length(Some(&captured));
        let Captured { flow, arrivals, udp, hops, oddity, inside, whole, is_fragment, .. } =
            captured;
        Ok(Packet {
            flow,
            arrivals,
            through,
            ends,
            whole,
            udp,
            length,
            hops,
            is_fragment,
            oddity,
            inside,
            untaken,
            ..Packet::default()
        })
    }

    /// A packet of which the SPIs of its headers are known at most.
    fn of_spis(&self, sas: &[SaEntry]) -> Packet {
        let arrivals = self.spi.iter().map(|&spi| packet::arrival(Spi(spi)));
        let arrivals = arrivals.collect::<Vec<_>>();
        let udp = udp::around(sas, &arrivals);
        let through = arrival::through(sas, &arrivals, self.mark, None);
        Packet { arrivals, through, udp, length: self.length(None), ..Packet::default() }
    }

    /// What is around the packet where it arrives. One to this host has the route of the loopback device.
    fn complete_around(&self, packet: &mut Packet) {
        let arrived = |flow: Flow| {
            let device = "lo".parse().map_or(FlowDevice::Unknown, FlowDevice::Named);
            let mut flow = flow.marked(self.mark);
            flow.device = device;
            flow
        };
        let is_received = self.direction != Direction::Out;
        let udp = packet.udp.filter(|_| is_received).map(arrived);
        packet.udp = udp;
        if let Some(through) = &mut packet.through {
            // The header of UDP is there until the SA is undone.
            through.protected =
                through.protected.map(|protected| udp.unwrap_or(arrived(protected)));
        }
        let ends = packet.ends.filter(|_| is_received && !packet.arrivals.is_empty());
        packet.outer = ends.map(|ends| self.outer(ends, udp.as_ref()));
    }

    /// The packet as it is looked up: the one that was given, or was captured.
    fn complete(&self, packet: &mut Packet, given: Option<Flow>) {
        let captured = packet.flow.map(|mut flow| {
            // The host looks up what it sends before it parts it.
            if self.direction == Direction::Out && packet.oddity == Some(Oddity::LaterFragment) {
                (flow.src_port, flow.dst_port) = (None, None);
            }
            flow
        });
        packet.flow = given.or(captured).map(|mut flow| {
            (flow.mark, flow.cpu) = (self.mark, self.cpu);
            // What is forwarded is not put together before.
            if self.counts_no_ports(packet) {
                (flow.src_port, flow.dst_port) = (Some(0), Some(0));
            }
            flow.if_id = self.ifid.or(packet.through.and_then(|it| it.if_id));
            flow
        });
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
        let is_part = |it: &&Captured| it.oddity.is_some_and(Oddity::is_fragment);
        let whole = captured.filter(|it| it.arrivals.is_empty() && !is_part(it));
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
            let was_given = self.src.is_some();
            let inside = packet.flow.filter(|_| was_given && !packet.arrivals.is_empty());
            self.leave_whole(packet, whole);
            packet.other = inside;
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

    /// Whether the ports of a packet count as 0, since it is a fragment that is forwarded.
    pub(super) fn counts_no_ports(&self, packet: &Packet) -> bool {
        packet.is_fragment && self.direction == Direction::Fwd
    }

    /// Makes a packet of the captured one, none of whose headers is undone.
    fn leave_whole(&self, packet: &mut Packet, whole: Whole) {
        let mut flow = whole.flow;
        (flow.mark, flow.cpu, flow.if_id) = (self.mark, self.cpu, self.ifid);
        if whole.is_fragment {
            (flow.src_port, flow.dst_port) = (Some(0), Some(0));
        }
        let bytes = self.length.map_or(whole.length, usize::from);
        *packet = Packet {
            flow: Some(flow),
            arrivals: Vec::new(),
            length: Some(Length { bytes, dont_fragment: self.df.or(whole.dont_fragment) }),
            hops: Some(whole.hops),
            is_fragment: whole.is_fragment,
            oddity: packet.oddity,
            ..Packet::default()
        };
    }
}
