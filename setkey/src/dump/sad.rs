use std::{
    fmt,
    io::{self, Write},
};

use cli::dumped_mode;
use model::{Encap, Keyed, Proto, SaEntry, SaFlags};

use super::{Frame, time::Time, write_sec_ctx};

/// One SA, as `pfkey_sadump` of libipsec prints it.
pub fn write_sa(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    write_names(out, entry, frame)?;
    write_algorithms(out, entry, frame.redact)?;
    write_state(out, entry, frame)?;
    write_lifetimes(out, entry, frame.now)?;
    if let Some(ctx) = &entry.sa.sec_ctx {
        write_sec_ctx(out, ctx)?;
    }
    writeln!(out, "\tsadb_seq={} pid={} refcnt=0", frame.seq, frame.pid)
}

fn write_names(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    let sa = &entry.sa;
    let port = |encap_port: fn(&Encap) -> u16| Ports {
        own: frame.ports,
        encap: sa.encap.as_ref().map(encap_port),
    };
    let (src, dst) = (port(|encap| encap.src_port), port(|encap| encap.dst_port));
    writeln!(out, "{}{src} {}{dst} ", sa.ends.src(), sa.ends.dst())?;
    let natt = match (sa.proto, sa.encap) {
        (_, None) => "",
        (Proto::Esp, Some(_)) => "esp-udp",
        (_, Some(_)) => "natt+",
    };
    let proto = if natt == "esp-udp" { "" } else { sa.proto.name() };
    // Linux's AF_KEY reports the installed mode.
    let any = sa.mode.is_any() && frame.dialect.is_bsd();
    let mode = if any { "any" } else { dumped_mode(sa.mode.installed()) };
    writeln!(out, "\t{natt}{proto} mode={mode} spi={} reqid={1}(0x{1:08x})", sa.spi, sa.reqid.0)
}

/// The ports behind an address: the SA's own, which XFRM does not have, and those of NAT-T.
struct Ports {
    own: bool,
    encap: Option<u16>,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.own {
            f.write_str("[0]")?;
        }
        self.encap.map_or(Ok(()), |port| write!(f, "[{port}]"))
    }
}

fn write_algorithms(out: &mut impl Write, entry: &SaEntry, redact: bool) -> io::Result<()> {
    let sa = &entry.sa;
    if sa.proto == Proto::IpComp {
        // The original ends this line only after the next one.
        write!(out, "\tC: {} ", sa.comp.map_or("0", |algorithm| algorithm.dumped))?;
    }
    if sa.proto == Proto::Esp {
        write_key(out, 'E', sa.crypt.as_ref().or(sa.aead.as_ref()), redact)?;
    }
    write_key(out, 'A', sa.auth.as_ref(), redact)
}

/// One algorithm with its key; AF_KEY passes no empty key on, so `null` has no line.
fn write_key(
    out: &mut impl Write,
    letter: char,
    keyed: Option<&Keyed>,
    redact: bool,
) -> io::Result<()> {
    let Some(Keyed { algorithm, key, .. }) = keyed else { return Ok(()) };
    if key.bits() == 0 {
        return Ok(());
    }
    write!(out, "\t{letter}: {} ", algorithm.dumped)?;
    for (i, byte) in key.bytes().iter().enumerate() {
        if i != 0 && i % 32 == 0 {
            writeln!(out)?;
        }
        if i % 4 == 0 {
            write!(out, " ")?;
        }
        if redact {
            write!(out, "xx")?;
        } else {
            write!(out, "{byte:02x}")?;
        }
    }
    writeln!(out)
}

fn write_state(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    let (state, flags) = (entry.state.name(), pfkey_flags(entry.sa.flags));
    // The BSDs count bytes of the bitmap.
    let packets = entry.sa.replay_window;
    let window = if frame.dialect.is_bsd() { packets / 8 } else { packets };
    writeln!(out, "\tseq=0x00000000 replay={window} flags=0x{flags:08x} state={state} ")
}

/// `SADB_SAFLAGS_*` (linux/pfkeyv2.h).
fn pfkey_flags(flags: SaFlags) -> u32 {
    [
        (SaFlags::NO_ECN, 0x8000_0000),
        (SaFlags::DECAP_DSCP, 0x4000_0000),
        (SaFlags::NO_PMTU_DISC, 0x2000_0000),
    ]
    .into_iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .fold(0, |bits, (_, bit)| bits | bit)
}

fn write_lifetimes(out: &mut impl Write, entry: &SaEntry, now: u64) -> io::Result<()> {
    let (current, hard, soft) =
        (&entry.current, &entry.sa.lifetimes.hard, &entry.sa.lifetimes.soft);
    let added = current.add_time;
    let diff = if added == 0 { 0 } else { now.saturating_sub(added) };
    writeln!(out, "\tcreated: {}\tcurrent: {}", Time(added), Time(now))?;
    writeln!(
        out,
        "\tdiff: {diff}(s)\thard: {}(s)\tsoft: {}(s)",
        hard.add_seconds, soft.add_seconds
    )?;
    let last = Time(current.use_time);
    writeln!(out, "\tlast: {last}\thard: {}(s)\tsoft: {}(s)", hard.use_seconds, soft.use_seconds)?;
    writeln!(
        out,
        "\tcurrent: {}(bytes)\thard: {}(bytes)\tsoft: {}(bytes)",
        current.bytes, hard.bytes, soft.bytes
    )?;
    writeln!(
        out,
        "\tallocated: {}\thard: {}\tsoft: {}",
        current.packets, hard.packets, soft.packets
    )
}

#[cfg(test)]
mod tests {
    use model::{
        AddressPair, Algorithm, AlgorithmKind, Current, Dialect, EncapKind, Key, Mode, ReqId, Sa,
        SaMode, SaState, SecCtx, Spi,
    };

    use super::*;

    fn entry(proto: Proto) -> SaEntry {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa::bare(ends, proto, Spi(4096));
        SaEntry { sa, state: SaState::Mature, current: Current::default() }
    }

    fn keyed(kind: AlgorithmKind, name: &str, bytes: u8) -> Keyed {
        let key = Key::new((0..bytes).collect());
        Keyed::new(Algorithm::by_name(kind, name).unwrap(), key)
    }

    fn dump(entry: &SaEntry, ports: bool) -> String {
        let frame = Frame { ports, pid: 42, ..Frame::default() };
        dump_in(entry, &frame)
    }

    fn dump_in(entry: &SaEntry, frame: &Frame) -> String {
        let mut out = Vec::new();
        write_sa(&mut out, entry, frame).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn lifetimes() -> String {
        let blank = " ".repeat(20);
        format!(
            "\tcreated: {blank}\tcurrent: {blank}\n\tdiff: 0(s)\thard: 0(s)\tsoft: 0(s)\n\
             \tlast: {blank}\thard: 0(s)\tsoft: 0(s)\n\
             \tcurrent: 0(bytes)\thard: 0(bytes)\tsoft: 0(bytes)\n\
             \tallocated: 0\thard: 0\tsoft: 0\n"
        )
    }

    #[test]
    fn esp_with_its_keys() {
        let mut entry = entry(Proto::Esp);
        entry.sa.mode = Mode::Tunnel.into();
        entry.sa.reqid = ReqId(7);
        entry.sa.replay_window = 32;
        entry.sa.flags = SaFlags::NO_PMTU_DISC;
        entry.sa.crypt = Some(keyed(AlgorithmKind::Crypt, "aes-cbc", 16));
        entry.sa.auth = Some(keyed(AlgorithmKind::Auth, "hmac-sha384", 48));
        let expected = format!(
            "192.0.2.1 192.0.2.2 \n\
             \tesp mode=tunnel spi=4096(0x00001000) reqid=7(0x00000007)\n\
             \tE: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f\n\
             \tA: hmac-sha384  00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f\n \
             20212223 24252627 28292a2b 2c2d2e2f\n\
             \tseq=0x00000000 replay=32 flags=0x20000000 state=mature \n{}\
             \tsadb_seq=0 pid=42 refcnt=0\n",
            lifetimes()
        );
        assert_eq!(dump(&entry, false), expected);
    }

    #[test]
    fn ipcomp_runs_into_the_next_line() {
        let mut entry = entry(Proto::IpComp);
        entry.sa.comp = Algorithm::by_name(AlgorithmKind::Comp, "deflate");
        let text = dump(&entry, false);
        assert!(text.contains("\tC: deflate \tseq=0x00000000 replay=0"));
    }

    #[test]
    fn null_has_no_line_and_nat_t_shows_its_ports() {
        let mut entry = entry(Proto::Esp);
        entry.sa.crypt = Some(keyed(AlgorithmKind::Crypt, "null", 0));
        entry.sa.encap = Some(Encap { kind: EncapKind::EspInUdp, src_port: 4500, dst_port: 10000 });
        let text = dump(&entry, false);
        assert!(text.starts_with("192.0.2.1[4500] 192.0.2.2[10000] \n\tesp-udp mode=transport"));
        assert!(!text.contains("E:"));
        assert!(dump(&entry, true).starts_with("192.0.2.1[0][4500] 192.0.2.2[0][10000] \n"));
    }

    #[test]
    fn a_bsd_dump_has_mode_any_and_replay_windows_in_bytes_of_bitmap() {
        let mut entry = entry(Proto::Esp);
        entry.sa.mode = SaMode::Any { installed: Mode::Tunnel };
        entry.sa.replay_window = 64;
        let linux = dump_in(&entry, &Frame::default());
        assert!(linux.contains("mode=tunnel") && linux.contains("replay=64"));
        let frame = Frame { dialect: Dialect::NetBsd, ..Frame::default() };
        let netbsd = dump_in(&entry, &frame);
        assert!(netbsd.contains("mode=any") && netbsd.contains("replay=8"));
    }

    #[test]
    fn redacted_keys_keep_their_shape() {
        let mut entry = entry(Proto::Esp);
        entry.sa.aead = Some(keyed(AlgorithmKind::Aead, "aes-gcm-16", 20));
        let frame = Frame { redact: true, ..Frame::default() };
        let shape = "\tE: aes-gcm-16  xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx\n";
        assert!(dump_in(&entry, &frame).contains(shape));
    }

    #[test]
    fn the_security_context_stands_before_the_last_line() {
        let mut entry = entry(Proto::Ah);
        entry.sa.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"a:b:c".to_vec() });
        assert!(dump(&entry, false).ends_with(
            "\tsecurity context doi: 1\n\tsecurity context algorithm: 1\n\
             \tsecurity context length: 6\n\tsecurity context: a:b:c\n\
             \tsadb_seq=0 pid=42 refcnt=0\n"
        ));
    }
}
