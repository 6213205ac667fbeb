use std::io::{self, Write};

use ipsec::{Lifetime, Proto, SaEntry, SaState};

use super::Frame;

/// The first line of `-l`.
pub const HEADER: &str = "time p   s spi      ltime   src -> dst";

/// One SA in one line, as `-l` prints it.
pub fn write_short_sa(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    let sa = &entry.sa;
    let proto = match sa.proto {
        Proto::Esp | Proto::Ah => sa.proto.name().to_owned(),
        other => format!("#{}", other.satype().unwrap_or_default()),
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
    write_lifetime(out, entry, frame.now)?;
    // AF_KEY's addresses of SAs carry the protocol "any", 255.
    writeln!(out, " #255 {} -> #255 {}", sa.ends.src(), sa.ends.dst())
}

/// Age and hard limit in seconds, three columns each.
fn write_lifetime(out: &mut impl Write, entry: &SaEntry, now: u64) -> io::Result<()> {
    let Lifetime { add_seconds: limit, .. } = entry.sa.lifetimes.hard;
    // Without any limit AF_KEY sends no lifetime to compare with.
    if entry.sa.lifetimes.hard.is_unlimited() {
        return write!(out, " ???/???");
    }
    match now.saturating_sub(entry.current.add_time) {
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
    use ipsec::{AddressPair, Current, Sa, Spi};

    use super::*;

    #[test]
    fn a_line_an_sa() {
        let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
        let sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        let current = Current { add_time: 100, ..Current::default() };
        let mut entry = SaEntry { sa, state: SaState::Mature, current };
        let line = |entry: &SaEntry| {
            let mut out = Vec::new();
            write_short_sa(&mut out, entry, &Frame { now: 142, ..Frame::default() }).unwrap();
            String::from_utf8(out).unwrap()[5..].to_owned()
        };
        let end = " #255 10.0.0.1 -> #255 10.0.0.2\n";
        assert_eq!(line(&entry), format!("esp M 00001000  ???/???{end}"));
        entry.sa.lifetimes.hard.add_seconds = 3600;
        assert_eq!(line(&entry), format!("esp M 00001000  42/big{end}"));
    }
}
