//! A captured packet, and what is inside of its headers by the keys of their SAs.

use std::{net::IpAddr, path::Path};

use engine::{RouteQuery, Routes};
use explain::{
    Captured, Contained, Flow, FlowDevice, Integrity, Reason, ReceivingHost, Untaken, decapsulate,
    may_have_length,
};
use model::{Counter, Mode, Sa, SaEntry, Upper};

use super::{integrity, packet, udp};
use crate::Error;

/// Protocols whose handlers refuse what [`Contained::Garbage`] is of them before its policy is checked (`tcp_v4_rcv`,
/// `__udp4_lib_rcv`). That of ICMP checks it first (`icmp_rcv`, `icmpv6_rcv`), and so does the kernel where no handler has
/// `no_policy`, or there is none.
const HANDLED: [Upper; 2] = [Upper::TCP, Upper::UDP];

/// Reads a packet of a file or of hexadecimal digits. `given`: what the command line has of the packet inside.
pub fn read(from: &str, given: Option<&Flow>, sas: &[SaEntry]) -> Result<Captured, Error> {
    let bytes = packet::bytes(from)?;
    let is_encapsulation = |dst, _, port| udp::is_encapsulation(sas, dst, port);
    let own = ReceivingHost { is_encapsulation: &is_encapsulation, takes: &is_of_this_host };
    let captured = Captured::read_by(&bytes, own)?;
    // UDP in which another packet is to be is encapsulation, whatever its ports.
    let clear = captured.flow.filter(|_| captured.arrivals.is_empty());
    let is_around = given.zip(clear).is_some_and(|(given, clear)| !is_same(given, &clear));
    if is_around {
        let is_encapsulation = &|_, _, _| true;
        Ok(Captured::read_by(&bytes, ReceivingHost { is_encapsulation, ..own })?)
    } else {
        Ok(captured)
    }
}

/// Whether a packet to an address is for this host: the addresses of VRFs are in tables of their own.
fn is_of_this_host(dst: IpAddr) -> bool {
    let found = Routes::open().map(|mut routes| {
        routes.owner(dst).is_ok()
            || routes.find(&RouteQuery::to(dst)).is_ok_and(|route| route.is_local)
    });
    dst.is_multicast() || found.unwrap_or(true)
}

fn is_same(given: &Flow, captured: &Flow) -> bool {
    let ends = |flow: &Flow| (flow.src(), flow.dst(), flow.src_port, flow.dst_port);
    ends(given) == ends(captured) && given.upper.is_none_or(|upper| Some(upper) == captured.upper)
}

/// Whether what was captured has another packet inside than this.
pub fn is_other(captured: &Flow, given: &Flow) -> bool {
    let differs = |captured: Option<u16>, given: Option<u16>| {
        captured.zip(given).is_some_and(|(captured, given)| captured != given)
    };
    (captured.src(), captured.dst()) != (given.src(), given.dst())
        || differs(captured.upper.map(Into::into), given.upper.map(Into::into))
        || differs(captured.src_port, given.src_port)
        || differs(captured.dst_port, given.dst_port)
}

/// The SAs that a packet is received by.
#[derive(Clone, Copy)]
pub struct Recipient<'s> {
    /// The SAD.
    pub sas: &'s [SaEntry],
    /// The mark of the packet.
    pub mark: u32,
    /// The key of the vti device that it arrives at.
    pub vti_key: Option<u32>,
}

impl<'s> Recipient<'s> {
    /// The SA of a header.
    fn sa(self, captured: &Captured, place: usize) -> Option<&'s Sa> {
        let received = decapsulate(self.sas, &captured.arrivals, self.mark, self.vti_key);
        received.headers.get(place)?.sa.map(|entry| &entry.sa)
    }

    /// Verifies the headers of a packet and decrypts it, as far as there are SAs. Returns what becomes of
    /// what nothing takes.
    pub fn look_inside(self, captured: &mut Captured) -> Option<Untaken> {
        for ah in std::mem::take(&mut captured.ah) {
            let integrity = self.sa(captured, ah.place).and_then(|sa| integrity::of_ah(&ah, sa));
            captured.arrivals[ah.place].integrity = integrity;
        }
        while let Some(esp) = captured.esp.take() {
            let place = captured.arrivals.len() - 1;
            let Some(sa) = self.sa(captured, place) else { break };
            self.open(captured, &esp, place, sa);
        }
        self.untaken(captured)
    }

    fn open(self, captured: &mut Captured, esp: &[u8], place: usize, sa: &Sa) {
        if sa.offload.is_none() && may_have_length(sa, esp.len()) == Some(false) {
            captured.arrivals[place].inside = Some(Contained::WrongLength);
            return;
        }
        let integrity = integrity::of_esp(esp, sa);
        captured.arrivals[place].integrity = integrity;
        let is_authenticated = sa.aead.is_some() || sa.auth.is_some();
        if is_authenticated && integrity != Some(Integrity::Right) {
            return;
        }
        let Some(decrypted) = integrity::decrypted(esp, sa) else { return };
        let (inside, packet) = Contained::of(decrypted.bytes(), integrity::is_key_proven(sa));
        captured.arrivals[place].inside = Some(inside);
        let (Contained::Packet(next), Mode::Tunnel | Mode::Transport) =
            (inside, sa.mode.installed())
        else {
            return;
        };
        let is_tunnel = sa.mode.installed() == Mode::Tunnel || self.untaken(captured).is_some();
        // What cannot be read is as unknown as before.
        let is_encapsulation = |dst, _, port| udp::is_encapsulation(self.sas, dst, port);
        let own = ReceivingHost { is_encapsulation: &is_encapsulation, takes: &is_of_this_host };
        let _ = captured.read_on(next, packet, is_tunnel && inside.is_ip(), own);
    }

    /// What becomes of what comes out of the last SA, if nothing takes that.
    fn untaken(self, captured: &Captured) -> Option<Untaken> {
        let received = decapsulate(self.sas, &captured.arrivals, self.mark, self.vti_key);
        let (place, reason) = received.untaken()?;
        let header = received.headers.get(place)?;
        let (Contained::Packet(next) | Contained::Garbage(next)) = header.arrival.inside? else {
            return None;
        };
        let (src, dst) = match header.sa {
            Some(entry) if entry.sa.ends.dst() != captured.ends.1 => {
                (entry.sa.ends.src(), entry.sa.ends.dst())
            }
            _ => captured.ends,
        };
        let has_device = || {
            let found = Routes::open().and_then(|mut routes| routes.has_tunnel(src, dst));
            found.unwrap_or(true)
        };
        let is_ip = reason == Reason::IpInside;
        // Garbage is taken for that as well.
        let is_in_ip = Contained::Packet(next).is_ip();
        let is_of_device = is_in_ip && has_device();
        if is_ip && is_of_device {
            return None;
        }
        let [handler, state] = match dst {
            IpAddr::V4(_) => ["tunnel4", "xfrm4_tunnel"],
            IpAddr::V6(_) => ["tunnel6", "xfrm6_tunnel"],
        };
        let is_loaded = |module: &str| Path::new("/sys/module").join(module).exists();
        // These two take an address for the SPI of an SA of IP in IP.
        let takes_spi =
            is_in_ip && !is_of_device && [state, "xfrm_interface"].into_iter().any(is_loaded);
        let is_handled =
            if is_in_ip { is_loaded(handler) } else { HANDLED.contains(&Upper::Number(next)) };
        let checked = Flow::new(src, dst).ok().filter(|_| !is_handled).map(|mut flow| {
            flow.upper = Some(next);
            flow.device = "lo".parse().map_or(FlowDevice::Unknown, FlowDevice::Named);
            flow.marked(received.mark)
        });
        // Of IPv6 the address has a number of its own, 0 if no SA is of it (`xfrm6_tunnel_spi_lookup`): that is no SPI.
        let counters: &[_] = match dst {
            IpAddr::V4(_) if takes_spi => &[Counter::InNoStates],
            IpAddr::V6(_) if takes_spi => &[Counter::InHdrError],
            _ => &[],
        };
        Some(Untaken { checked, counters })
    }
}
