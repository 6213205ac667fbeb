//! The packet, as the command line has it.

use std::{fs::File, io::Read, net::IpAddr, num::NonZeroU32, path::Path, str::FromStr};

use explain::{Arrival, Flow};
use model::{Dialect, Spi, Upper};

use crate::{Error, filter::number};

/// An address with a port, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    addr: IpAddr,
    port: Option<u16>,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected an address, as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53".to_owned();
        // Of an address of IPv4 in IPv6 a socket of IPv6 sends IPv4 (`udpv6_sendmsg`).
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Ok(Self { addr: addr.to_canonical(), port: None });
        }
        let (addr, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bare = addr.strip_prefix('[').and_then(|addr| addr.strip_suffix(']'));
        let addr = bare.unwrap_or(addr).parse::<IpAddr>().map_err(|_| expected())?;
        if addr.is_ipv6() && bare.is_none() {
            return Err(expected());
        }
        let port = Some(port.parse().map_err(|_| expected())?);
        Ok(Self { addr: addr.to_canonical(), port })
    }
}

/// An upper-layer protocol with a type and code, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    number: u8,
    kind: Option<u16>,
    code: Option<u16>,
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let name = parts.next().unwrap_or_default();
        let named = Upper::named(name, Dialect::Linux).map(Upper::xfrm);
        let number = named.or_else(|| name.parse().ok());
        let number = number.ok_or_else(|| format!("`{name}` is no protocol"))?;
        let part = |part: Option<&str>| {
            part.map(|text| text.parse().map_err(|_| format!("`{text}` is no type or code")))
                .transpose()
        };
        let (kind, code) = (part(parts.next())?, part(parts.next())?);
        let has_types = Upper::Number(number).has_type_and_code();
        if parts.next().is_some() || kind.is_some() && !has_types {
            return Err(
                "a type and a code are of icmp, icmp6 and mobility-header, as icmp/8/0".to_owned()
            );
        }
        Ok(Self { number, kind, code })
    }
}

/// A number that is not 0.
pub fn nonzero(text: &str) -> Result<NonZeroU32, String> {
    NonZeroU32::new(number(text)?).ok_or_else(|| "expected a number that is not 0".to_owned())
}

/// Whether, in a word.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

/// A process and the number of its descriptor.
pub fn descriptor(text: &str) -> Result<(i32, i32), String> {
    let numbers = text.split_once(':').and_then(|(pid, fd)| {
        let [pid, fd] = [pid.parse::<i32>().ok()?, fd.parse::<i32>().ok()?];
        (pid > 0 && fd >= 0).then_some((pid, fd))
    });
    numbers.ok_or_else(|| "expected a process and a descriptor, as 4711:7".to_owned())
}

/// The packet between two ends.
pub fn flow(src: Endpoint, dst: Endpoint, protocol: Option<Protocol>) -> Result<Flow, Error> {
    let mut flow = Flow::new(src.addr, dst.addr).map_err(Error::Model)?;
    (flow.src_port, flow.dst_port) = (src.port, dst.port);
    if let Some(Protocol { number, kind, code }) = protocol {
        flow.upper = Some(number);
        flow.src_port = flow.src_port.or(kind);
        flow.dst_port = flow.dst_port.or(code);
    }
    Ok(flow)
}

/// A header of which only the SPI is known.
pub fn arrival(spi: Spi) -> Arrival {
    let (proto, dst, sequence, encapsulation, integrity) = (None, None, None, None, None);
    Arrival { spi, proto, dst, sequence, encapsulation, integrity, inside: None }
}

/// The bytes of a file or of hexadecimal digits.
pub fn bytes(from: &str) -> Result<Vec<u8>, Error> {
    digits(from).map_or_else(|| read(Path::new(from)), Ok)
}

/// The beginning of a file, which has its first packet: that is 64 KiB at most.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    const MOST: u64 = 1 << 17;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::CaptureFile { path: path.to_owned(), error }),
    }
}

/// The bytes of at least a header in hexadecimal digits, with blanks and colons between or not. A file of
/// such a name is given as `./NAME`.
fn digits(text: &str) -> Option<Vec<u8>> {
    const SHORTEST: usize = 20;
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b':');
    let digits = digits.map(|byte| char::from(byte).to_digit(16)?.try_into().ok());
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let is_whole = digits.len() % 2 == 0 && digits.len() >= 2 * SHORTEST;
    is_whole.then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_have_ports() {
        let endpoint =
            |text: &str| text.parse::<Endpoint>().map(|it| (it.addr.to_string(), it.port));
        assert_eq!(endpoint("192.0.2.1:53"), Ok(("192.0.2.1".to_owned(), Some(53))));
        assert_eq!(endpoint("2001:db8::1"), Ok(("2001:db8::1".to_owned(), None)));
        assert_eq!(endpoint("[2001:db8::1]:53"), Ok(("2001:db8::1".to_owned(), Some(53))));
        let mapped = Ok(("192.0.2.1".to_owned(), Some(53)));
        assert_eq!(endpoint("[::ffff:192.0.2.1]:53"), mapped);
        assert_eq!(endpoint("::ffff:192.0.2.1"), Ok(("192.0.2.1".to_owned(), None)));
        for wrong in ["", "192.0.2.1:", "192.0.2.1:65536", "host", "2001:db8::1:x", "[192.0.2.1"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn protocols_have_types() {
        let protocol =
            |text: &str| text.parse::<Protocol>().map(|it| (it.number, it.kind, it.code));
        assert_eq!(protocol("udp"), Ok((17, None, None)));
        assert_eq!(protocol("47"), Ok((47, None, None)));
        assert_eq!(protocol("icmp/8/0"), Ok((1, Some(8), Some(0))));
        assert_eq!(protocol("icmp6/135"), Ok((58, Some(135), None)));
        for wrong in ["", "udp/5", "icmp/8/0/1", "nothing", "icmp/x", "300"] {
            assert!(protocol(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_a_packet() {
        let hex = "4500 0014:00000000 40320000 c0000201 c0000202";
        assert_eq!(digits(hex).map(|bytes| bytes.len()), Some(20));
        assert_eq!((digits("packet.pcap"), digits("cafe")), (None, None));
    }
}
