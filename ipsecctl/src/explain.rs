//! `ipsecctl explain`: what becomes of a packet, found out from the tables as they are. No packet is sent.

mod arrival;
mod basis;
mod capture;
mod given;
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
use engine::{Requested, SnapshotReader};
use explain::{
    Explanation, Mtu, Outer, Selection, Surroundings, Tables, Unfollowed, Verdict, XfrmDevice,
    explain_forwarded, explain_in, explain_out,
};
use model::{DeviceName, Direction, Installation, IpVersion, PolicyEntry, SaEntry};

use crate::{Error, filter::number, output, socket, tables};
pub use basis::ExplainBasis;
use given::Packet;
use packet::{Endpoint, Protocol, descriptor, nonzero, yes_or_no};

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

impl Explain {
    /// Prints the explanation.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let reader = SnapshotReader::open()?;
        let mut packet = self.packet(&reader.so_far().sas)?;
        let socket = self.policy_of_socket()?;
        let (routing, is_for_others) = self.routing(&mut packet, &reader.so_far().sas);
        let (tables, requested, unfollowed) = self.tables(reader, &packet, routing.interface())?;
        let source = |remote| routing.source(remote);
        let tunnel_fault = |entry: &SaEntry, mark| routing.tunnel_fault(entry, mark);
        let surroundings = &Surroundings {
            source: &source,
            tunnel_fault: &tunnel_fault,
            vti_key: packet.through.and_then(|it| it.vti_key),
            waits_for_sa: settings::waits_for_sa(),
            untaken: packet.untaken,
            ..routing.surroundings()
        };
        let explanation = self.explain(&tables, &packet, socket.as_ref(), surroundings);
        let explanation = explanation.limited_by(&unfollowed);
        let explanation =
            received(explanation, &packet, &tables, surroundings, routing.outer_version())?;
        let transformed = basis::transformed(&explanation, &routing);
        let explanation = basis::leaving(explanation, transformed.as_ref(), &routing);
        let mtu = match self.mtu {
            Some(link) => Mtu { link: usize::try_from(link).unwrap_or(usize::MAX), own: None },
            None => basis::mtu(transformed.as_ref(), &routing),
        };
        let explanation = match packet.length {
            Some(length) => explanation.fitted(length, mtu),
            None => explanation,
        };
        let not_installed = basis::not_installed(&explanation, &tables, &requested, surroundings);
        let subject = ExplainBasis {
            requested: &requested,
            not_installed,
            length: packet.length.map(|length| length.bytes),
            mtu,
            routing: &routing,
            transformed,
            other: packet.other,
            oddity: packet.oddity,
            inside: packet.inside,
            counts_no_ports: self.counts_no_ports(&packet),
            is_for_others,
        };
        self.print(&explanation, &subject)
    }

    fn print(
        &self,
        explanation: &Explanation<'_>,
        subject: &ExplainBasis<'_>,
    ) -> Result<ExitCode, Error> {
        let printed = output::print(|out| {
            if self.json {
                let explanation = Some(json::explanation(explanation, subject));
                Document { explanation, ..Document::default() }.write(&mut *out)?;
            } else {
                let text = text::explanation(explanation, subject, cli::output_width());
                out.write_all(text.as_bytes())?;
            }
            Ok(())
        })?;
        Ok(if printed == ExitCode::SUCCESS { status(explanation) } else { printed })
    }

    fn explain<'a>(
        &self,
        tables: &'a Tables,
        packet: &Packet,
        socket: Option<&'a PolicyEntry>,
        surroundings: &Surroundings<'_>,
    ) -> Explanation<'a> {
        let (arrivals, flow) = (&packet.arrivals[..], packet.flow);
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

/// The explanation, with what the packet is that was captured, and with what is around it.
fn received<'a>(
    mut explanation: Explanation<'a>,
    packet: &Packet,
    tables: &'a Tables,
    surroundings: &Surroundings<'_>,
    outer_version: IpVersion,
) -> Result<Explanation<'a>, Error> {
    if let Some(hops) = packet.hops {
        explanation = explanation.with_hops(hops);
    }
    let protected = packet.through.and_then(|it| it.protected);
    if let Some(protected) = protected.filter(|_| !explanation.is_of_outer) {
        explanation = explanation.within(Outer::new(tables, protected, surroundings));
    }
    if let Some(udp) = packet.udp.filter(|_| !explanation.is_of_outer) {
        explanation = explanation.in_udp(udp::check(tables, udp, surroundings)?);
    }
    if let Some(inside) = packet.inside {
        let reassembles = settings::reassembles(inside.version);
        explanation = explanation.of_odd_inside(inside, reassembles);
    }
    if let Some(oddity) = packet.oddity {
        explanation = explanation.of_odd(oddity, settings::reassembles(outer_version));
    }
    Ok(explanation)
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
