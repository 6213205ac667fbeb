//! The headers of AH, ESP and IPComp of a captured packet, one after the other.

use model::{EncapKind, IpVersion, Proto, Spi, Upper};
use zeroize::Zeroizing;

use super::{
    Authenticated, CaptureError, Captured, ReceivingHost,
    ip::{Ip, half, word},
    odd::{natt, odd},
};
use crate::{Arrival, Contained, OddInside, Oddity, contained::IPV6, input::MOST_HEADERS};

/// A header of AH, ESP or IPComp, and what follows it in the packet.
struct Step<'a> {
    proto: Proto,
    bytes: &'a [u8],
    encapsulation: Option<EncapKind>,
}

impl<'a> Step<'a> {
    fn of(ip: &Ip<'a>, host: ReceivingHost<'_>) -> Option<Self> {
        if Upper::Number(ip.protocol) == Upper::UDP {
            let bytes = natt(ip, host.is_encapsulation)?;
            return Some(Self {
                proto: Proto::Esp,
                bytes,
                encapsulation: Some(EncapKind::EspInUdp),
            });
        }
        let proto = Proto::from_number(ip.protocol)?;
        Some(Self { proto, bytes: ip.payload, encapsulation: None })
    }

    fn arrival(&self, ip: &Ip<'_>, spi: u32, sequence: Option<u32>) -> Arrival {
        Arrival {
            spi: Spi(spi),
            proto: Some(self.proto),
            dst: Some(ip.dst),
            sequence,
            // The socket of UDP hands each over as a packet of its own (`xfrm4_udp_encap_rcv`).
            encapsulation: Some(self.encapsulation),
            integrity: None,
            inside: None,
        }
    }
}

impl Captured {
    pub(super) fn follow(
        &mut self,
        mut ip: Ip<'_>,
        host: ReceivingHost<'_>,
    ) -> Result<(), CaptureError> {
        while let Some(inside) = self.read_header(ip, host)? {
            ip = inside;
        }
        Ok(())
    }

    /// Reads a header of AH, ESP or IPComp, and returns what it has inside; none: nothing follows that can be read.
    fn read_header<'i>(
        &mut self,
        ip: Ip<'i>,
        host: ReceivingHost<'_>,
    ) -> Result<Option<Ip<'i>>, CaptureError> {
        let is_for_here = ip.dst == self.around.dst || (host.takes)(ip.dst);
        self.around = ip.bare();
        let oddity = odd(&ip, host.is_encapsulation)
            .filter(|oddity| is_for_here || *oddity == Oddity::BadIpHeader);
        if self.arrivals.is_empty() {
            self.oddity = oddity;
        } else if let Some(oddity) = oddity {
            self.set_inside(oddity, ip.protocol_of_ip());
        }
        let is_followed =
            is_for_here && oddity.is_none_or(|oddity| oddity == Oddity::FirstFragment);
        let step = if is_followed { Step::of(&ip, host) } else { None };
        match step {
            Some(step) if step.proto == Proto::Esp => self.read_esp(&ip, &step).map(|()| None),
            Some(step) if step.proto == Proto::IpComp => {
                self.read_ipcomp(&ip, &step).map(|()| None)
            }
            Some(step) if step.proto == Proto::Ah => self.read_ah(ip, &step),
            _ => {
                self.end_with(&ip);
                Ok(None)
            }
        }
    }

    fn read_esp(&mut self, ip: &Ip<'_>, step: &Step<'_>) -> Result<(), CaptureError> {
        let [spi, sequence] = [word(step.bytes, 0)?, word(step.bytes, 4)?];
        if self.arrivals.is_empty() && step.encapsulation.is_some() {
            self.udp = ip.flow();
        }
        self.arrivals.push(step.arrival(ip, spi, Some(sequence)));
        self.esp = ip.is_whole.then(|| Zeroizing::new(step.bytes.to_vec()));
        Ok(())
    }

    fn read_ipcomp(&mut self, ip: &Ip<'_>, step: &Step<'_>) -> Result<(), CaptureError> {
        let (cpi, next) = (half(step.bytes, 2)?, step.bytes[0]);
        let inside = Some(Contained::Packet(next));
        self.arrivals.push(Arrival { inside, ..step.arrival(ip, cpi.into(), None) });
        Ok(())
    }

    fn read_ah<'i>(&mut self, ip: Ip<'i>, step: &Step<'i>) -> Result<Option<Ip<'i>>, CaptureError> {
        let [spi, sequence] = [word(step.bytes, 4)?, word(step.bytes, 8)?];
        let (next, length) = (step.bytes[0], (usize::from(step.bytes[1]) + 2) * 4);
        // No copy is made of what was decrypted.
        if !self.is_decrypted {
            self.ah.extend(Authenticated::of(&ip, self.arrivals.len()));
        }
        let rest = step.bytes.get(length..).filter(|_| length >= Authenticated::HEADER);
        let inside = match rest {
            Some(_) => Contained::Packet(next),
            None if ip.is_whole => Contained::WrongLength,
            None => return Err(CaptureError::Truncated),
        };
        let arrival = step.arrival(&ip, spi, Some(sequence));
        self.arrivals.push(Arrival { inside: Some(inside), ..arrival });
        let Some(rest) = rest.filter(|_| self.arrivals.len() <= MOST_HEADERS) else {
            return Ok(None);
        };
        if !inside.is_ip() {
            return ip.with(next, rest).map(Some);
        }
        // A tunnel.
        match Ip::inside(next, rest) {
            Ok(ip) => Ok(Some(ip)),
            Err(_) if !ip.is_whole => Err(CaptureError::Truncated),
            Err(oddity) => {
                self.set_inside(oddity, next);
                Ok(None)
            }
        }
    }

    /// `protocol`: that of the IP packet inside.
    pub(super) fn set_inside(&mut self, oddity: Oddity, protocol: u8) {
        let version = if protocol == IPV6 { IpVersion::V6 } else { IpVersion::V4 };
        self.inside = Some(OddInside { undone: self.arrivals.len(), oddity, version });
    }

    /// The packet that is inside of all headers.
    fn end_with(&mut self, ip: &Ip<'_>) {
        self.flow = ip.flow();
        self.is_fragment = ip.counts_no_ports();
        let has_header = !ip.header.is_empty();
        self.inner_length = has_header.then(|| ip.length());
        self.dont_fragment = ip.dont_fragment;
        self.hops = Some(ip.hops);
    }
}
