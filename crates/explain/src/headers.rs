//! The headers of a packet that SAs have transformed.

use model::{EncapKind, IpVersion, Mode, Proto, SaEntry, Spi};
use std::net::IpAddr;

use crate::{
    Flow,
    sizes::{ip_header, wrapped},
};

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// An IP header.
    Ip {
        /// The source.
        src: IpAddr,
        /// The destination.
        dst: IpAddr,
    },
    /// The header of UDP or TCP around ESP.
    Encapsulation(EncapKind),
    /// AH, ESP or IPComp.
    Ipsec {
        /// The protocol.
        proto: Proto,
        /// The SPI or CPI.
        spi: Spi,
    },
}

/// The headers of a packet, and their length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers<'a> {
    sas: Vec<&'a SaEntry>,
    inner: IpVersion,
    /// From outside in, up to what is transformed.
    pub headers: Vec<Header>,
}

impl<'a> Headers<'a> {
    /// The headers of a packet after these SAs, innermost first.
    #[must_use]
    pub fn of(flow: &Flow, sas: &[&'a SaEntry]) -> Self {
        let mut inside = vec![Header::Ip { src: flow.src(), dst: flow.dst() }];
        for entry in sas {
            let sa = &entry.sa;
            let outer = Header::Ip { src: sa.ends.src(), dst: sa.ends.dst() };
            let own = Header::Ipsec { proto: sa.proto, spi: sa.spi };
            let wrapping = sa.encap.map(|encap| Header::Encapsulation(encap.kind));
            let ip = match sa.mode.installed() {
                // The IP header stays outside.
                Mode::Transport => inside.remove(0),
                Mode::Beet => {
                    inside.remove(0);
                    outer
                }
                Mode::Tunnel | Mode::IpTfs | Mode::RouteOptimization | Mode::InTrigger => outer,
            };
            inside.splice(0..0, [Some(ip), wrapping, Some(own)].into_iter().flatten());
        }
        Self { sas: sas.to_vec(), inner: flow.version(), headers: inside }
    }

    /// The length of a packet of `length` bytes, IP header included, on the wire; none if it is not known.
    #[must_use]
    pub fn wire_length(&self, length: usize) -> Option<usize> {
        let mut inner = self.inner;
        self.sas.iter().try_fold(length, |length, entry| {
            let wrapped = wrapped(&entry.sa, inner, length);
            inner = IpVersion::of(entry.sa.ends.dst());
            wrapped
        })
    }

    /// The least and the most bytes that are added, which padding decides; none if that is not known.
    #[must_use]
    pub fn overhead(&self) -> Option<(usize, usize)> {
        // Paddings repeat at the latest after two blocks of 16 bytes.
        const LENGTHS: std::ops::Range<usize> = 512..576;
        let overheads = LENGTHS.map(|length| self.wire_length(length).map(|wire| wire - length));
        let overheads = overheads.collect::<Option<Vec<_>>>()?;
        Some((*overheads.iter().min()?, *overheads.iter().max()?))
    }

    /// The longest packet, IP header included, that is at most `mtu` bytes on the wire.
    #[must_use]
    pub fn mtu(&self, mtu: usize) -> Option<usize> {
        let shortest = ip_header(self.inner);
        (shortest..=mtu)
            .rev()
            .find(|&length| self.wire_length(length).is_some_and(|wire| wire <= mtu))
    }

    /// Whether the packet is compressed, so that its length depends on its contents.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.sas.iter().any(|entry| entry.sa.proto == Proto::IpComp)
    }
}
