//! `ipsecctl explain`: what becomes of a packet, found out from the tables as they are. No packet is sent.

mod arrival;
mod basis;
mod capture;
mod integrity;
pub mod json;
mod not_followed;
mod packet;
pub mod remedy;
mod routing;
mod settings;
pub mod text;
mod udp;
pub mod words;

use std::{collections::HashMap, io::Write, net::IpAddr, num::NonZeroU32, process::ExitCode};

use cli::json::Document;
use engine::{Requested, RouteQuery, SnapshotReader};
use explain::{
    Arrival, Captured, Explanation, Flow, FlowDevice, Length, Mtu, Oddity, Outer, Selection,
    Surroundings, Tables, Unfollowed, Untaken, Verdict, Whole, XfrmDevice, explain_forwarded,
    explain_in, explain_out,
};
use model::{DeviceName, Direction, Installation, Mode, PolicyEntry, SaEntry, Spi};

use crate::{Error, filter::number, output, socket, tables};
use arrival::Through;
pub use basis::ExplainBasis;
use capture::Recipient;
use packet::{Endpoint, Protocol, descriptor, nonzero, yes_or_no};
use routing::{Given, Routing};

/// The exit status if the verdict is not known.
pub const NOT_KNOWN: u8 = 2;

/// The release of Linux from which on forwarded ICMP errors may be treated as the packets that they are about.
const OF_FORWARDED_ERRORS: (u32, u32) = (6, 8);

/// Explain what becomes of a packet: its policy, its SAs, the headers on the wire, or why it is dropped.
///
/// The kernel's tables are read once and no packet is sent. The exit status is 0 if the packet passes, 1
/// if it is dropped, 2 if that is not known.
#[derive(clap::Args)]
pub struct Explain {
    /// From this host (`out`), to it (`in`) or through it (`fwd`)
    #[arg(value_name = "out|in|fwd")]
    direction: Direction,
    /// The source, as `192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`
    #[arg(value_name = "SRC[:PORT]", requires = "dst")]
    src: Option<Endpoint>,
    /// The destination
    #[arg(value_name = "DST[:PORT]")]
    dst: Option<Endpoint>,
    /// The upper-layer protocol, as `tcp`, `17`, `icmp/8` (type), `icmp/8/0` (and code)
    #[arg(value_name = "PROTO")]
    protocol: Option<Protocol>,
    /// The firewall mark of the packet
    #[arg(long, value_name = "N", default_value = "0", value_parser = number)]
    mark: u32,
    /// The number of the xfrm interface that it passes
    #[arg(long, value_name = "N", value_parser = nonzero)]
    ifid: Option<NonZeroU32>,
    /// The network device that it arrives at, or that its socket is bound to; the route has it otherwise
    #[arg(long, value_name = "DEVICE")]
    dev: Option<DeviceName>,
    /// The user that sends it, by number: rules of the routing table may compare that
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// The processor that sends it, by number: an SA may be for packets of one
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,
    /// The source of tunnels whose template has none, if it is not that of the route
    #[arg(long, value_name = "ADDRESS")]
    local: Option<IpAddr>,
    /// The socket that sends or receives it: a process and the number of its descriptor
    #[arg(long, value_name = "PID:FD", value_parser = descriptor)]
    socket: Option<(i32, i32)>,
    /// The packet as it was captured: a pcap file, of which the first packet is taken, or hexadecimal digits
    #[arg(long, value_name = "FILE|HEX")]
    from: Option<String>,
    /// The SPI of a received packet, the outermost first
    #[arg(long, value_name = "SPI", value_parser = number, conflicts_with = "from")]
    spi: Vec<u32>,
    /// The bytes of the packet before it is transformed, with its IP header
    #[arg(long, value_name = "BYTES")]
    length: Option<u16>,
    /// Whether it must not be fragmented (the bit DF)
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    df: Option<bool>,
    /// The most bytes that the link takes, if they are not those of the route
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A packet.
#[derive(Default)]
struct Packet {
    /// What policies are looked up for.
    flow: Option<Flow>,
    /// The headers that it arrives with.
    arrivals: Vec<Arrival>,
    /// The device that it comes out of once they are undone.
    through: Option<Through>,
    /// The captured packet that has them.
    outer: Option<RouteQuery>,
    /// The captured packet without a look at them.
    whole: Option<Whole>,
    /// The UDP packet around them.
    udp: Option<Flow>,
    /// Its length before it is transformed, if that is known.
    length: Option<Length>,
    /// Its TTL or hop limit, if that is known.
    hops: Option<u8>,
    /// The packet that was captured, if it is another one than was given.
    other: Option<Flow>,
    /// Why the captured packet is not looked up as it is, if so.
    oddity: Option<Oddity>,
    /// What becomes of it, if nothing takes it.
    untaken: Option<Untaken>,
}

impl Explain {
    /// Prints the explanation.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let reader = SnapshotReader::open()?;
        let mut packet = self.packet(&reader.so_far().sas)?;
        let socket = self.policy_of_socket()?;
        let (routing, is_for_others) = self.routing(&mut packet, &reader.so_far().sas);
        let (tables, requested, unfollowed) = self.tables(reader, &packet, routing.interface())?;
        let Packet { flow, arrivals, through, udp, length, hops, other, oddity, untaken, .. } =
            packet;
        let source = |remote| routing.source(remote);
        let tunnel_fault = |entry: &SaEntry, mark| routing.tunnel_fault(entry, mark);
        let surroundings = &Surroundings {
            source: &source,
            tunnel_fault: &tunnel_fault,
            vti_key: through.and_then(|it| it.vti_key),
            waits_for_sa: settings::waits_for_sa(),
            untaken,
            ..routing.surroundings()
        };
        let explanation = self.explain(&tables, (&arrivals, flow), socket.as_ref(), surroundings);
        let mut explanation = explanation.limited_by(&unfollowed);
        if let Some(hops) = hops {
            explanation = explanation.with_hops(hops);
        }
        let protected = through.and_then(|it| it.protected);
        if let Some(protected) = protected.filter(|_| !explanation.is_of_outer) {
            explanation = explanation.within(Outer::new(&tables, protected, surroundings));
        }
        if let Some(udp) = udp.filter(|_| !explanation.is_of_outer) {
            explanation = explanation.in_udp(udp::check(&tables, udp, surroundings)?);
        }
        if let Some(oddity) = oddity {
            let reassembles = settings::reassembles(routing.outer_version());
            explanation = explanation.of_odd(oddity, reassembles);
        }
        let transformed = basis::transformed(&explanation, &routing);
        let explanation = basis::leaving(explanation, transformed.as_ref(), &routing);
        let mtu = match self.mtu {
            Some(link) => Mtu { link: usize::try_from(link).unwrap_or(usize::MAX), own: None },
            None => basis::mtu(transformed.as_ref(), &routing),
        };
        let explanation = match length {
            Some(length) => explanation.fitted(length, mtu),
            None => explanation,
        };
        let length = length.map(|length| length.bytes);
        let not_installed = basis::not_installed(&explanation, &tables, &requested, surroundings);
        let subject = ExplainBasis {
            requested: &requested,
            not_installed,
            length,
            mtu,
            routing: &routing,
            transformed,
            other,
            oddity,
            is_for_others,
        };
        let printed = output::print(|out| {
            if self.json {
                let explanation = Some(json::explanation(&explanation, &subject));
                Document { explanation, ..Document::default() }.write(&mut *out)?;
            } else {
                let text = text::explanation(&explanation, &subject, cli::output_width());
                out.write_all(text.as_bytes())?;
            }
            Ok(())
        })?;
        Ok(if printed == ExitCode::SUCCESS { status(&explanation) } else { printed })
    }

    /// The routes of a packet, whose mark the SAs that it comes through may have set; and whether that is a captured one that
    /// is forwarded as it is.
    fn routing(&self, packet: &mut Packet, sas: &[SaEntry]) -> (Routing, bool) {
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

    fn explain<'a>(
        &self,
        tables: &'a Tables,
        (arrivals, flow): (&[Arrival], Option<Flow>),
        socket: Option<&'a PolicyEntry>,
        surroundings: &Surroundings<'_>,
    ) -> Explanation<'a> {
        match (self.direction, flow) {
            (Direction::Out, Some(flow)) => explain_out(tables, flow, socket, surroundings),
            (Direction::Fwd, flow) => {
                explain_forwarded(tables, arrivals, flow, self.mark, surroundings)
            }
            (Direction::In | Direction::Out, flow) => {
                explain_in(tables, arrivals, flow, self.mark, socket, surroundings)
            }
        }
    }

    /// The tables as far as they decide on the packet, the partial policies as they were requested, and what
    /// is not followed.
    fn tables(
        &self,
        reader: SnapshotReader,
        packet: &Packet,
        interface: Option<XfrmDevice>,
    ) -> Result<(Tables, HashMap<u32, Requested>, Unfollowed), Error> {
        let Packet { flow, udp, through, .. } = *packet;
        let spd = &reader.so_far().spd;
        let directions: &[_] = match self.direction {
            Direction::Fwd => &[Direction::Fwd, Direction::Out],
            Direction::In => &[Direction::In],
            Direction::Out => &[Direction::Out],
        };
        let lookups = directions.iter().filter_map(|direction| Some((*direction, flow?)));
        let inner = flow.and_then(|flow| interface?.inner(&flow));
        let inner = inner.filter(|_| self.direction != Direction::In);
        let is_numbered = flow.is_some_and(|flow| flow.if_id.is_some());
        let has_own = inner.is_some() || self.direction == Direction::Fwd && is_numbered;
        let own = flow.filter(|_| has_own).map(|mut flow| {
            flow.if_id = None;
            flow
        });
        let leaving = inner.into_iter().chain(own).map(|flow| (Direction::Out, flow));
        let by_key = flow.and_then(|flow| Some(flow.marked(through?.vti_key?)));
        let checked = packet.untaken.and_then(|untaken| untaken.checked);
        let protected = through.and_then(|it| it.protected);
        let beside = udp.into_iter().chain(by_key).chain(checked).chain(protected);
        let beside = beside.map(|flow| (Direction::In, flow));
        let lookups = lookups.chain(leaving).chain(beside);
        let mut selection = Selection::new(&lookups.collect::<Vec<_>>(), *spd);
        let mut snapshot = reader.read(&mut selection)?;
        let mut requested = std::mem::take(&mut snapshot.requested);
        // The look-up of one template does not end that of the others.
        for Requested(entry) in requested.values_mut() {
            entry.installation = Installation::whole(&entry.policy, |_| true);
        }
        let mut unfollowed = selection.unfollowed().clone();
        if snapshot.release < OF_FORWARDED_ERRORS {
            unfollowed.forwarded.clear();
        }
        let tables = tables::of(snapshot, selection.first_inexact());
        Ok((tables, requested, unfollowed))
    }

    /// The packet that policies are looked up for, and the headers that it arrives with.
    fn packet(&self, sas: &[SaEntry]) -> Result<Packet, Error> {
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

    /// The policy of this direction of the socket that was given.
    fn policy_of_socket(&self) -> Result<Option<PolicyEntry>, Error> {
        let Some((pid, fd)) = self.socket else { return Ok(None) };
        let owner = socket::owner(pid, fd)?;
        let mut policies = engine::socket_policies()?.into_iter();
        let is_own = |it: &engine::SocketEntry| {
            it.owner == Some(owner) && it.entry.policy.id.direction == self.direction
        };
        Ok(policies.find(is_own).map(|it| it.entry))
    }
}

fn status(explanation: &Explanation<'_>) -> ExitCode {
    match explanation.verdict {
        Verdict::Clear | Verdict::Protected(_) => ExitCode::SUCCESS,
        Verdict::Dropped { .. } => ExitCode::FAILURE,
        Verdict::Unknown(_) => NOT_KNOWN.into(),
    }
}

#[cfg(test)]
mod tests;
