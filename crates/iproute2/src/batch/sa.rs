//! `ip xfrm state add`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{Encap, IpVersion, Keyed, Mark, Mode, Proto, ReqId, Sa, SaFlags};

use super::{BatchLine, proto};

/// Bytes of the longest key (`XFRM_ALGO_KEY_BUF_SIZE`).
const MOST_KEY: usize = 512;

/// The line that adds an SA, whose sequence numbers go on where they are.
#[must_use]
pub fn sa(sa: &Sa) -> BatchLine {
    let mut line = BatchLine::new("xfrm state add");
    let ends = sa.ends;
    line.push(format_args!("src {} dst {} proto {}", ends.src(), ends.dst(), proto(sa.proto)));
    line.push_spi(sa.proto, sa.spi.0);
    line.push_mode(sa);
    line.push_option("reqid", sa.reqid.map(ReqId::number));
    line.push_replay(sa);
    line.push_flags(sa);
    line.push_algorithms(sa);
    line.push_limits(&sa.lifetimes);
    line.push_encap(sa);
    line.push_mark(sa.mark);
    line.push_output_mark(sa.output_mark);
    line.push_option("if_id", sa.if_id);
    line.push_option("tfcpad", sa.tfc_padding);
    line.push_offload(sa);
    line.push_care_of(sa);
    line.push_context(sa.sec_ctx.as_ref());
    if let Some(selector) = &sa.selector {
        // The addresses behind it are read in its IP version.
        line.push(format_args!("sel"));
        line.push_selector(selector);
    }
    line.lose_rest(sa);
    line
}

fn is_mobility(proto: Proto) -> bool {
    matches!(proto, Proto::Routing | Proto::DestOpts)
}

impl BatchLine {
    /// Adds an SPI, if there is one.
    pub(super) fn push_spi(&mut self, proto: Proto, spi: u32) {
        match proto {
            _ if spi == 0 => {}
            Proto::Routing | Proto::DestOpts => self.lose(format!("spi {spi:#x}")),
            Proto::IpComp if spi > 0xffff => self.lose(format!("spi {spi:#x}")),
            _ => self.push(format_args!("spi {spi:#x}")),
        }
    }

    fn push_mode(&mut self, sa: &Sa) {
        let mode = sa.mode.installed();
        let is_known = match mode {
            Mode::Transport | Mode::Tunnel => !is_mobility(sa.proto),
            Mode::Beet => sa.proto == Proto::Esp,
            Mode::RouteOptimization | Mode::InTrigger => is_mobility(sa.proto),
            Mode::IpTfs => false,
        };
        if is_known {
            self.push(format_args!("mode {}", mode.word()));
        } else {
            self.lose(format!("mode {} of {}", mode.word(), sa.proto.word()));
        }
    }

    fn push_replay(&mut self, sa: &Sa) {
        let window = sa.replay_window;
        if window > Sa::MAX_REPLAY_WINDOW || sa.esn && window == 0 {
            self.lose(format!("a replay window of {window} packets"));
        } else if window != 0 {
            self.push(format_args!("replay-window {window}"));
        }
        if let Some(words) = sa.replay_words {
            self.lose(format!("a replay bitmap of {words} words"));
        }
        let state = &sa.replay_state;
        for (word, number) in [("replay-seq", state.received), ("replay-oseq", state.sent)] {
            let (high, low) = (number >> 32, number & u64::from(u32::MAX));
            if low != 0 {
                self.push(format_args!("{word} {low}"));
            }
            if high != 0 && sa.esn {
                self.push(format_args!("{word}-hi {high}"));
            }
        }
        if state.bitmap.iter().any(|word| *word != 0) {
            self.lose("the replay bitmap");
        }
    }

    fn push_flags(&mut self, sa: &Sa) {
        let esn = sa.esn.then_some("esn");
        let of_state = SaFlags::from_xfrm(sa.flags.state_bits(), 0);
        let words: Vec<_> = of_state.words().chain(esn).collect();
        if !words.is_empty() {
            self.push(format_args!("flag {}", words.join(" ")));
        }
        let extra = sa.flags.extra_bits();
        if extra != 0 {
            self.push(format_args!("extra-flag {extra:#x}"));
        }
    }

    fn push_algorithms(&mut self, sa: &Sa) {
        if is_mobility(sa.proto) && (sa.crypt.is_some() || sa.auth.is_some() || sa.aead.is_some()) {
            self.lose("an algorithm of a protocol of Mobile IPv6");
        }
        if let Some(crypt) = &sa.crypt {
            self.push_keyed("enc", crypt, false);
        }
        if let Some(auth) = &sa.auth {
            self.push_keyed("auth-trunc", auth, true);
        }
        if let Some(aead) = &sa.aead {
            self.push_keyed("aead", aead, true);
        }
        if let Some(comp) = sa.comp {
            self.push_word("comp", comp.kernel);
        }
        // What ip(8) compares with the protocol before it asks the kernel.
        let (has_cipher, has_auth) = (sa.crypt.is_some() || sa.aead.is_some(), sa.auth.is_some());
        let is_known = match sa.proto {
            Proto::Esp => has_cipher && sa.comp.is_none(),
            Proto::Ah => has_auth && !has_cipher && sa.comp.is_none(),
            Proto::IpComp => sa.comp.is_some() && !has_auth && !has_cipher,
            Proto::Routing | Proto::DestOpts | Proto::Any => true,
        };
        if !is_known || sa.aead.is_some() && (has_auth || sa.crypt.is_some()) {
            self.lose(format!("these algorithms of {}", sa.proto.word()));
        }
    }

    fn push_keyed(
        &mut self,
        kind: &str,
        Keyed { algorithm, key, icv_bits }: &Keyed,
        has_icv: bool,
    ) {
        if key.bytes().len() > MOST_KEY {
            return self.lose(format!("a key of {} bytes", key.bytes().len()));
        }
        self.push_word(kind, algorithm.kernel);
        if key.bytes().is_empty() {
            self.push(format_args!("\"\""));
        } else {
            self.push(format_args!("0x"));
            for byte in key.bytes() {
                // Digit by digit into the text alone.
                let digits = [byte >> 4, byte & 15].map(|it| char::from_digit(it.into(), 16));
                self.text.extend(digits.into_iter().flatten());
            }
        }
        if has_icv {
            self.push(format_args!("{icv_bits}"));
        }
    }

    fn push_encap(&mut self, sa: &Sa) {
        let Some(Encap { kind, src_port, dst_port, original }) = sa.encap else { return };
        let port = |port: Option<std::num::NonZeroU16>| port.map_or(0, Into::into);
        let none = match IpVersion::of(sa.ends.src()) {
            IpVersion::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (src, dst, original) = (port(src_port), port(dst_port), original.unwrap_or(none));
        self.push(format_args!("encap {} {src} {dst} {original}", kind.word()));
    }

    fn push_output_mark(&mut self, mark: Mark) {
        match mark {
            _ if mark.is_none() => {}
            Mark { mask: 0, .. } => self.lose(format!("output mark {mark}")),
            Mark { value, mask } => {
                self.push(format_args!("output-mark {value:#x} mask {mask:#x}"));
            }
        }
    }

    fn push_offload(&mut self, sa: &Sa) {
        let Some(offload) = sa.offload else { return };
        if offload.packet {
            return self.lose("offload of whole packets");
        }
        self.push_word("offload dev", offload.device.as_str());
        self.push(format_args!("dir {}", offload.direction.word()));
    }

    fn push_care_of(&mut self, sa: &Sa) {
        match (sa.care_of, is_mobility(sa.proto)) {
            (Some(address), true) => self.push(format_args!("coa {address}")),
            (None, false) => {}
            (Some(address), false) => self.lose(format!("care-of address {address}")),
            (None, true) => self.lose("no care-of address"),
        }
    }

    /// What iproute2 6.1 has no words for.
    fn lose_rest(&mut self, sa: &Sa) {
        let direction = sa.direction.map(|direction| format!("direction {}", direction.word()));
        let interval = sa.mapping_interval.map(|it| format!("mapping interval {it}"));
        let cpu = sa.cpu.map(|cpu| format!("cpu {cpu}"));
        let keepalive = sa.nat_keepalive.map(|it| format!("NAT keepalive {it}"));
        let iptfs = (!sa.iptfs.is_empty()).then(|| "settings of mode iptfs".to_owned());
        self.lost.extend([direction, interval, cpu, keepalive, iptfs].into_iter().flatten());
        let unknown = sa.unknown.iter().map(|it| format!("attribute {}", it.number));
        self.lost.extend(unknown);
        self.lost.extend(sa.inexpressible.iter().map(|what| (*what).to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, AlgorithmKind, Key, ReplayState, SaDirection, Spi};

    use super::*;

    fn esp() -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut sa = Sa::bare(ends.unwrap_or(AddressPair::UNSPECIFIED), Proto::Esp, Spi(0x1001));
        let algorithm = Algorithm::by_name(AlgorithmKind::Crypt, "null");
        sa.crypt = algorithm.map(|it| Keyed::new(it, Key::default()));
        sa
    }

    const ESP: &str =
        "xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode transport";

    #[test]
    fn a_key_is_digits_and_no_key_is_quotes() {
        let mut it = esp();
        let sha1 = Algorithm::by_name(AlgorithmKind::Auth, "hmac-sha1");
        it.auth = sha1.map(|sha1| Keyed::new(sha1, Key::new(vec![0, 0x1f, 0xff])));
        let line = sa(&it);
        let algorithms = r#"enc ecb(cipher_null) "" auth-trunc hmac(sha1) 0x001fff 96"#;
        assert_eq!((line.text.as_str(), line.lost.len()), (&*format!("{ESP} {algorithms}"), 0));
        // The digits have never been elsewhere in memory.
        assert!(line.text.capacity() >= super::super::LONGEST);
    }

    #[test]
    fn sequence_numbers_go_on() {
        let mut it = Sa { esn: true, replay_window: 64, ..esp() };
        it.replay_state = ReplayState { received: 7, sent: 1 << 32 | 5, bitmap: Vec::new() };
        let words = "replay-window 64 replay-seq 7 replay-oseq 5 replay-oseq-hi 1 flag esn";
        assert!(sa(&it).text.starts_with(&format!("{ESP} {words} enc")), "{:?}", sa(&it));
        it.replay_state.bitmap = vec![1];
        assert_eq!(sa(&it).lost, ["the replay bitmap"]);
        assert_eq!(sa(&Sa { replay_window: 0, ..it }).lost.len(), 2);
    }

    #[test]
    fn what_ip_has_no_words_for_is_lost() {
        let mut it = Sa { direction: Some(SaDirection::Out), cpu: Some(1), ..esp() };
        it.proto = Proto::Ah;
        assert_eq!(sa(&it).lost, ["these algorithms of ah", "direction out", "cpu 1"]);
    }
}
