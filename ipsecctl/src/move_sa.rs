//! `ipsecctl move`: an SA gets other addresses or another encapsulation, and goes on.

use std::{net::IpAddr, num::NonZeroU16, process::ExitCode};

use cli::{
    Keys, SaJson,
    json::{Document, Fingerprints, MovedJson},
    print_error,
};
use engine::{Destination, Engine, EngineOptions, MoveOutcome, Moved, Namespace};
use model::{Encap, EncapKind, Proto, Sa, Spi};

use crate::{Error, filter, save::print};

/// Exit status if the SA is not moved.
const REFUSED: u8 = 2;

/// Move an SA to other addresses (Linux 7.2): it keeps its sequence numbers, replay window and counters.
#[derive(clap::Args)]
pub struct Move {
    /// The SPI, decimal or hexadecimal
    #[arg(value_parser = filter::number)]
    spi: u32,
    /// Its new source address
    #[arg(long, value_name = "ADDRESS")]
    src: Option<IpAddr>,
    /// Its new destination address
    #[arg(long, value_name = "ADDRESS")]
    dst: Option<IpAddr>,
    /// Its new encapsulation in UDP, by the ports; or `none`
    #[arg(long, value_name = "SOURCE:DESTINATION", value_parser = encapsulation)]
    encap: Option<Encapsulation>,
    /// Only the SA of this protocol: ah, esp, ipcomp
    #[arg(long, value_name = "PROTOCOL")]
    proto: Option<Proto>,
    /// Only the SA to this destination
    #[arg(long, value_name = "ADDRESS")]
    old_dst: Option<IpAddr>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An encapsulation, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Encapsulation(Option<Encap>);

fn encapsulation(text: &str) -> Result<Encapsulation, String> {
    if text == "none" {
        return Ok(Encapsulation(None));
    }
    let ports = text.split_once(':').and_then(|(src, dst)| {
        let port = |text: &str| text.parse().ok().and_then(NonZeroU16::new);
        Some((port(src)?, port(dst)?))
    });
    let (src, dst) = ports.ok_or("expected two ports such as 4500:4500, or none")?;
    let (src_port, dst_port) = (Some(src), Some(dst));
    Ok(Encapsulation(Some(Encap { kind: EncapKind::EspInUdp, src_port, dst_port, original: None })))
}

impl Move {
    /// Moves the SA.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        if self.src.is_none() && self.dst.is_none() && self.encap.is_none() {
            return Err(Error::Usage("give --src, --dst or --encap".to_owned()));
        }
        let destination = Destination {
            src: self.src,
            dst: self.dst,
            encap: self.encap.map(|Encapsulation(encap)| encap),
        };
        let is_meant = |sa: &Sa| {
            self.proto.is_none_or(|proto| proto == sa.proto)
                && self.old_dst.is_none_or(|dst| dst == sa.ends.dst())
        };
        let mut engine = Engine::open(EngineOptions::default())?;
        match engine.move_sa(Spi(self.spi), is_meant, &destination)? {
            MoveOutcome::Moved(moved) => self.report(&moved),
            MoveOutcome::Refused(refusal) => {
                print_error("ipsecctl", &refusal);
                Ok(ExitCode::from(REFUSED))
            }
        }
    }

    fn report(&self, Moved { before, after }: &Moved) -> Result<ExitCode, Error> {
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let json = |entry| Box::new(SaJson::new(entry, Keys::Hidden, &fingerprints));
        let moved = MovedJson { before: json(before), after: json(after) };
        let document = Document {
            fingerprint_scope: Some(fingerprints.scope()),
            moved: Some(moved),
            ..Document::default()
        };
        let [old, new] = [before, after].map(|entry| entry.sa.ends);
        let line = format!(
            "{} 0x{:x}: {} {} -> {} {}",
            after.sa.proto.word(),
            after.sa.spi.0,
            old.src(),
            old.dst(),
            new.src(),
            new.dst()
        );
        print(&document, self.json, &line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encapsulation_is_two_ports() {
        let Encapsulation(encap) = encapsulation("4500:4501").unwrap();
        let ports = encap.map(|it| (it.src_port, it.dst_port));
        assert_eq!(ports, Some((NonZeroU16::new(4500), NonZeroU16::new(4501))));
        assert_eq!(encapsulation("none"), Ok(Encapsulation(None)));
        for wrong in ["", "4500", "0:4500", "4500:", "65536:1", "a:b"] {
            assert!(encapsulation(wrong).is_err(), "{wrong}");
        }
    }
}
