use std::{net::IpAddr, num::NonZeroU16};

use model::{Encap, Keyed, Mode, Proto, ReqId, Sa, SaEntry, SaMode};

use super::{End, KeyLine, SaText};
use crate::dump::{Frame, style::Style, text::dumped_mode};

impl<'a> SaText<'a> {
    /// The text of an entry of the SAD.
    #[must_use]
    pub fn of_entry(entry: &'a SaEntry, frame: &Frame) -> Self {
        let sa = &entry.sa;
        let style = Style::of(frame.dialect);
        let end = |address: IpAddr, nat_port: fn(&Encap) -> Option<NonZeroU16>| {
            let nat_port =
                sa.encap.as_ref().map(|encap| nat_port(encap).map_or(0, NonZeroU16::get));
            // XFRM's SAs have no ports of their own.
            let own_port = nat_port.filter(|_| style.nat_ports_are_own).unwrap_or(0);
            End { host: address.to_string(), own_port: frame.ports.then_some(own_port), nat_port }
        };
        // Linux's AF_KEY reports the installed mode.
        let is_any = sa.mode.is_any() && frame.dialect.is_bsd();
        let encryption = sa.crypt.as_ref().or(sa.aead.as_ref());
        Self {
            src: end(sa.ends.src(), |encap| encap.src_port),
            dst: end(sa.ends.dst(), |encap| encap.dst_port),
            proto: match (sa.proto, sa.encap) {
                (proto, None) => proto.word().into(),
                (Proto::Esp, Some(_)) => "esp-udp".into(),
                (proto, Some(_)) => format!("natt+{}", proto.word()).into(),
            },
            mode: if is_any { SaMode::ANY_WORD } else { dumped_mode(sa.mode.installed()) }.into(),
            spi: sa.spi,
            reqid: sa.reqid.map_or(0, ReqId::number),
            nat_original: original(sa).filter(|_| style.has_nat_original).map(|it| it.to_string()),
            compression: (sa.proto == Proto::IpComp)
                .then(|| sa.comp.map_or("0".into(), |algorithm| style.algorithm(algorithm))),
            encryption: encryption
                .filter(|_| sa.proto == Proto::Esp)
                .and_then(|keyed| key_line(keyed, style)),
            authentication: sa.auth.as_ref().and_then(|keyed| key_line(keyed, style)),
            redact: frame.redact,
            sequence: (style.sequence)(entry),
            window: sa.replay_window / style.packets_of_window,
            flags: (style.flags)(sa),
            state: entry.state.word().into(),
            offload: sa.offload.as_ref().filter(|_| style.offload).map(|it| it.device.as_str()),
            lifetimes: Some((entry.current, sa.lifetimes)),
            now: frame.now,
            sec_ctx: sa.sec_ctx.as_ref().filter(|_| style.sec_ctx).map(Into::into),
            seq: frame.seq,
            pid: frame.pid,
            references: style.sa_references,
            style,
        }
    }
}

/// The original address of the peer behind a NAT, which FreeBSD has outside of tunnel mode
/// (`key_setnatt`).
fn original(sa: &Sa) -> Option<IpAddr> {
    sa.encap.filter(|_| sa.mode.installed() != Mode::Tunnel)?.original
}

/// No kernel reports an empty key, so `null` has no line.
fn key_line<'a>(keyed: &'a Keyed, style: &Style) -> Option<KeyLine<'a>> {
    let Keyed { algorithm, key, .. } = keyed;
    (key.bits() != 0).then(|| KeyLine { name: style.algorithm(algorithm), key })
}

#[cfg(test)]
mod tests {
    use model::{
        AddressPair, Algorithm, AlgorithmKind, Current, Dialect, EncapKind, Key, Keyed, Mode,
        ReqId, Sa, SaFlags, SaState, SecCtx, Spi,
    };

    use super::*;

    fn entry(proto: Proto) -> SaEntry {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa::bare(ends, proto, Spi(4096));
        SaEntry::new(sa, SaState::Mature, Current::default())
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
        SaText::of_entry(entry, frame).to_string()
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

    /// Root of a container names its devices.
    #[test]
    fn a_device_has_no_control_characters() {
        let mut entry = entry(Proto::Esp);
        let device = "a\x1b[2Jb".parse().unwrap();
        let direction = model::SaDirection::Out;
        entry.sa.offload = Some(model::Offload { device, direction, packet: false });
        let text = dump_in(&entry, &Frame { dialect: Dialect::FreeBsd, ..Frame::default() });
        assert!(text.contains("\thw offl if: a\\u{1b}[2Jb\n"), "{text:?}");
    }

    #[test]
    fn esp_with_its_keys() {
        let mut entry = entry(Proto::Esp);
        entry.sa.mode = Mode::Tunnel.into();
        entry.sa.reqid = ReqId::new(7);
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
        entry.sa.encap = Some(Encap {
            kind: EncapKind::EspInUdp,
            src_port: NonZeroU16::new(4500),
            dst_port: NonZeroU16::new(10000),
            original: None,
        });
        let text = dump(&entry, false);
        assert!(text.starts_with("192.0.2.1[4500] 192.0.2.2[10000] \n\tesp-udp mode=transport"));
        assert!(!text.contains("E:"));
        assert!(dump(&entry, true).starts_with("192.0.2.1[0][4500] 192.0.2.2[0][10000] \n"));
    }

    #[test]
    fn freebsd_shows_the_original_address_and_counts_what_left() {
        let mut entry = entry(Proto::Esp);
        entry.sa.encap = Some(Encap {
            kind: EncapKind::EspInUdp,
            src_port: NonZeroU16::new(4500),
            dst_port: NonZeroU16::new(10000),
            original: Some([10, 0, 0, 1].into()),
        });
        entry.current.packets = 3;
        let dump = |entry: &SaEntry, dialect| {
            let frame = Frame { dialect, ports: dialect == Dialect::NetBsd, ..Frame::default() };
            dump_in(entry, &frame)
        };
        let freebsd = dump(&entry, Dialect::FreeBsd);
        assert!(freebsd.starts_with("192.0.2.1[4500] 192.0.2.2[10000]\n\tesp-udp mode=transport "));
        assert!(freebsd.contains("\n\tNAT: OAI=10.0.0.1\n\tseq=0x00000003 "), "{freebsd}");
        let netbsd = dump(&entry, Dialect::NetBsd);
        assert!(netbsd.starts_with("192.0.2.1[4500][4500] 192.0.2.2[10000][10000] \n"), "{netbsd}");
        assert!(!netbsd.contains("NAT") && !dump(&entry, Dialect::Linux).contains("NAT"));
        entry.sa.mode = Mode::Tunnel.into();
        entry.sa.replay_state.sent = 1 << 32 | 5;
        let tunnel = dump(&entry, Dialect::FreeBsd);
        assert!(tunnel.contains("\tseq=0x00000005 ") && !tunnel.contains("NAT"), "{tunnel}");
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
    fn the_security_context_precedes_the_last_line() {
        let mut entry = entry(Proto::Ah);
        entry.sa.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"a:b:c".to_vec() });
        assert!(dump(&entry, false).ends_with(
            "\tsecurity context doi: 1\n\tsecurity context algorithm: 1\n\
             \tsecurity context length: 6\n\tsecurity context: a:b:c\n\
             \tsadb_seq=0 pid=42 refcnt=0\n"
        ));
    }
}
