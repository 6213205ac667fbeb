use std::{
    io::{self, Write},
    net::IpAddr,
    num::NonZeroU16,
};

use model::{Dialect, Encap, Proto, SaEntry, SaState, SaType};

use pfkey::dump::Frame;

/// The first line of `-l`.
pub const HEADER: &str = "time p   s spi      ltime   src -> dst";

/// One SA in one line, as `-l` prints it.
pub fn write_short_sa(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    let sa = &entry.sa;
    let proto = match sa.proto {
        Proto::Esp | Proto::Ah => sa.proto.word().to_owned(),
        other => format!("#{}", other.sa_type().map_or(0, SaType::pfkey_number)),
    };
    let state = match entry.state {
        SaState::Larval => 'L',
        SaState::Mature => 'M',
        SaState::Dying => 'D',
        SaState::Dead => 'd',
    };
    let time = chrono::DateTime::from_timestamp(frame.now.try_into().unwrap_or_default(), 0)
        .map(|time| time.with_timezone(&chrono::Local).format("%M%S").to_string())
        .unwrap_or_default();
    write!(out, "{time} {proto:<3} {state} {:08x} ", sa.spi.0)?;
    write_lifetime(out, entry, frame)?;
    // In the BSDs the addresses of an SA carry the protocol "any", 255; in Linux none.
    let any = if frame.dialect.is_bsd() { "#255 " } else { "" };
    let end = |address: IpAddr, port: fn(&Encap) -> Option<NonZeroU16>| match &sa.encap {
        // NetBSD's kernel keeps the ports of NAT traversal with the addresses.
        Some(encap) if frame.dialect == Dialect::NetBsd => {
            port(encap).map_or(address.to_string(), |port| format!("{address}[{port}]"))
        }
        _ => address.to_string(),
    };
    let (src, dst) = (end(sa.ends.src(), |it| it.src_port), end(sa.ends.dst(), |it| it.dst_port));
    writeln!(out, " {any}{src} -> {any}{dst}")
}

/// Age and hard limit in seconds, three columns each.
fn write_lifetime(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    let [_, _, limit, _] = entry.sa.lifetimes.hard.numbers();
    // Without any limit the BSDs send no lifetime to compare with; Linux sends one of zeros.
    if frame.dialect.is_bsd() && entry.sa.lifetimes.hard.is_unlimited() {
        return write!(out, " ???/???");
    }
    match frame.now.saturating_sub(entry.current.add_time) {
        age @ 0..1000 => write!(out, "{age:3}")?,
        _ => write!(out, "big")?,
    }
    match limit {
        0..1000 => write!(out, "/{limit:<3}"),
        _ => write!(out, "/big"),
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Sa, Spi};

    use super::*;

    #[test]
    fn a_line_an_sa() {
        let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
        let sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        let current = Current { add_time: 100, ..Current::default() };
        let mut entry = SaEntry::new(sa, SaState::Mature, current);
        let line = |entry: &SaEntry, dialect| {
            let mut out = Vec::new();
            let frame = Frame { now: 142, dialect, ..Frame::default() };
            write_short_sa(&mut out, entry, &frame).unwrap();
            String::from_utf8(out).unwrap()[5..].to_owned()
        };
        let (linux, bsd) = ("10.0.0.1 -> 10.0.0.2\n", "#255 10.0.0.1 -> #255 10.0.0.2\n");
        assert_eq!(line(&entry, Dialect::Linux), format!("esp M 00001000  42/0   {linux}"));
        assert_eq!(line(&entry, Dialect::FreeBsd), format!("esp M 00001000  ???/??? {bsd}"));
        entry.sa.lifetimes.hard.add_seconds = std::num::NonZeroU64::new(3600);
        assert_eq!(line(&entry, Dialect::Linux), format!("esp M 00001000  42/big {linux}"));
        assert_eq!(line(&entry, Dialect::NetBsd), format!("esp M 00001000  42/big {bsd}"));
        entry.sa.encap = Some(Encap {
            kind: model::EncapKind::EspInUdp,
            src_port: NonZeroU16::new(4500),
            dst_port: None,
            original: None,
        });
        let netbsd = "esp M 00001000  42/big #255 10.0.0.1[4500] -> #255 10.0.0.2\n";
        assert_eq!(line(&entry, Dialect::NetBsd), netbsd);
        assert_eq!(line(&entry, Dialect::FreeBsd), format!("esp M 00001000  42/big {bsd}"));
    }
}
