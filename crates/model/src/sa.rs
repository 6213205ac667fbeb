use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32, NonZeroU64},
};

use crate::{
    AddressPair, Algorithm, Attribute, Current, DeviceName, EncapKind, Error, IpTfs, Keyed,
    Lifetimes, Mark, Mode, Proto, ReplayState, ReqId, SaDirection, SaFlags, SaMode, SaState,
    SaStats, ScriptOption, SecCtx, Selector, Spi,
};

/// What names an SA: the kernel compares nothing else (`xfrm_state_lookup`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SaId {
    /// Destination address.
    pub dst: IpAddr,
    /// AH, ESP or IPComp (others for Mobile IPv6).
    pub proto: Proto,
    /// SPI, or CPI for IPComp.
    pub spi: Spi,
    /// Its mark.
    pub mark: Mark,
}

/// NAT traversal of an ESP SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encap {
    /// The wrapping.
    pub kind: EncapKind,
    /// Source port, host order, if it is given.
    pub src_port: Option<NonZeroU16>,
    /// Destination port, host order, if it is given.
    pub dst_port: Option<NonZeroU16>,
    /// The original address of the peer behind the NAT, if it is given (`encap_oa`).
    pub original: Option<IpAddr>,
}

/// A network device that does the work of an SA (`XFRMA_OFFLOAD_DEV`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offload {
    /// The device's name.
    pub device: DeviceName,
    /// For packets that arrive or leave.
    pub direction: SaDirection,
    /// The whole packet, not only the cipher (Linux 6.2).
    pub packet: bool,
}

/// A security association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sa {
    /// Both ends.
    pub ends: AddressPair,
    /// Its protocol.
    pub proto: Proto,
    /// SPI, or CPI for IPComp.
    pub spi: Spi,
    /// Transport, tunnel, ..., or not given.
    pub mode: SaMode,
    /// The number that `unique:N` of a template refers to.
    pub reqid: Option<ReqId>,
    /// The number of the ACQUIRE that it answers, whose larval SA it replaces (`km.seq`).
    pub seq: Option<NonZeroU32>,
    /// The packets that it is for; none: all, as with every SA of setkey.
    pub selector: Option<Selector>,
    /// Packets that may arrive late; 0: no replay check.
    pub replay_window: u32,
    /// Words of 32 bits of the replay bitmap, where they are not those of
    /// [`Sa::implied_replay_words`].
    pub replay_words: Option<u32>,
    /// How far its sequence numbers are. A new SA of all zeros is the kernel's own beginning.
    pub replay_state: ReplayState,
    /// Flags.
    pub flags: SaFlags,
    /// Authentication.
    pub auth: Option<Keyed>,
    /// Encryption.
    pub crypt: Option<Keyed>,
    /// Encryption and authentication in one; `auth` and `crypt` are none then.
    pub aead: Option<Keyed>,
    /// Compression.
    pub comp: Option<&'static Algorithm>,
    /// Limits.
    pub lifetimes: Lifetimes,
    /// Bytes up to which ESP pads packets of a tunnel (`XFRMA_TFCPAD`, RFC 4303 section 2.7).
    pub tfc_padding: Option<NonZeroU32>,
    /// NAT traversal.
    pub encap: Option<Encap>,
    /// Security context.
    pub sec_ctx: Option<SecCtx>,
    /// Extended sequence numbers, RFC 4303 section 2.2.1.
    pub esn: bool,
    /// Packets must carry it, and it is part of the SA's name.
    pub mark: Mark,
    /// Packets get it when they are transformed.
    pub output_mark: Mark,
    /// The number of the xfrm interface it belongs to.
    pub if_id: Option<NonZeroU32>,
    /// The way it is used, where that is fixed.
    pub direction: Option<SaDirection>,
    /// Seconds between reports of a peer's new address or port (`XFRMA_MTIMER_THRESH`, Linux 5.17).
    pub mapping_interval: Option<NonZeroU32>,
    /// Care-of address, Mobile IPv6 (`XFRMA_COADDR`).
    pub care_of: Option<IpAddr>,
    /// The CPU whose packets it is for (`XFRMA_SA_PCPU`, RFC 9611, Linux 6.13).
    pub cpu: Option<u32>,
    /// Settings of mode `iptfs`.
    pub iptfs: IpTfs,
    /// Seconds between the keepalives of a NAT-T SA, if it sends any (Linux 6.11).
    pub nat_keepalive: Option<NonZeroU32>,
    /// The device that does the work.
    pub offload: Option<Offload>,
    /// Attributes that have no field.
    pub unknown: Vec<Attribute>,
    /// What else the kernel has of it and this model cannot express, in words for a comment.
    pub inexpressible: Vec<&'static str>,
}

impl Sa {
    /// In [`Sa::inexpressible`]: its selector is of AF_UNSPEC and has more than zeros.
    pub const SELECTOR_OF_NO_VERSION: &'static str = "a selector of no IP version";
    /// In [`Sa::inexpressible`]: a limit that ends it with its first packet.
    pub const LIMIT_OF_ZERO: &'static str = "a limit of 0 bytes or packets";
    /// All that may be in [`Sa::inexpressible`].
    pub const INEXPRESSIBLE: [&'static str; 2] =
        [Self::SELECTOR_OF_NO_VERSION, Self::LIMIT_OF_ZERO];

    /// The longest replay window of the kernel, in packets (`XFRMA_REPLAY_ESN_MAX`, 512 bytes).
    pub const MAX_REPLAY_WINDOW: u32 = 4096;

    /// An SA with nothing but its name: transport mode, no algorithm, no limit.
    #[must_use]
    pub fn bare(ends: AddressPair, proto: Proto, spi: Spi) -> Self {
        Self {
            ends,
            proto,
            spi,
            mode: SaMode::Of(Mode::Transport),
            reqid: None,
            seq: None,
            selector: None,
            replay_window: 0,
            replay_words: None,
            replay_state: ReplayState::default(),
            flags: SaFlags::default(),
            auth: None,
            crypt: None,
            aead: None,
            comp: None,
            lifetimes: Lifetimes::default(),
            tfc_padding: None,
            encap: None,
            sec_ctx: None,
            esn: false,
            mark: Mark::default(),
            output_mark: Mark::default(),
            if_id: None,
            direction: None,
            mapping_interval: None,
            care_of: None,
            cpu: None,
            iptfs: IpTfs::default(),
            nat_keepalive: None,
            offload: None,
            unknown: Vec::new(),
            inexpressible: Vec::new(),
        }
    }

    /// The words that the bitmap of the replay window can have.
    #[must_use]
    pub fn bitmap_words(&self) -> usize {
        let words = self.replay_words.or(self.implied_replay_words()).unwrap_or(1);
        words.try_into().unwrap_or_default()
    }

    /// The words of the bitmap of `xfrm_replay_state_esn` that go with the window; none for a window
    /// that the fixed structure's own bitmap of 32 bits has room for.
    #[must_use]
    pub fn implied_replay_words(&self) -> Option<u32> {
        let is_wide = self.esn || self.replay_window > u32::BITS;
        is_wide.then(|| self.replay_window.div_ceil(u32::BITS))
    }

    /// What names it.
    #[must_use]
    pub fn id(&self) -> SaId {
        SaId { dst: self.ends.dst(), proto: self.proto, spi: self.spi, mark: self.mark }
    }

    /// Whether it can be installed: the rules of `pfkey_msg2xfrm_state` (net/key/af_key.c) and
    /// `verify_newsa_info` (net/xfrm/xfrm_user.c) on protocol, algorithms and lifetimes.
    pub fn check(&self) -> Result<(), Error> {
        let not = |option| Error::AlgorithmNotForProto { proto: self.proto, option };
        // An algorithm without a row is the kernel's own, which takes AH with `digest_null`.
        let no_key = |auth: &Keyed| auth.key.bits() == 0 && auth.algorithm.has_row();
        match self.proto {
            Proto::Esp | Proto::Ah if self.comp.is_some() => Err(not(ScriptOption::Compression)),
            Proto::Ah | Proto::IpComp if self.crypt.is_some() || self.aead.is_some() => {
                Err(not(ScriptOption::Encryption))
            }
            Proto::IpComp if self.auth.is_some() => Err(not(ScriptOption::Authentication)),
            Proto::Esp if self.aead.is_some() && self.auth.is_some() => Err(Error::AuthWithAead),
            Proto::Esp if self.crypt.is_none() && self.aead.is_none() => {
                Err(Error::EspWithoutCipher)
            }
            Proto::Ah if self.auth.as_ref().is_none_or(no_key) => Err(Error::AhWithoutAuth),
            Proto::IpComp if self.comp.is_none() => Err(Error::IpCompWithoutCompression),
            _ => self.check_keys(),
        }
    }

    /// Whether AF_KEY takes its lifetimes: both or none.
    pub fn check_lifetimes(&self) -> Result<(), Error> {
        let Lifetimes { hard, soft } = self.lifetimes;
        if hard.is_unlimited() == soft.is_unlimited() {
            Ok(())
        } else {
            Err(Error::OneLifetimeOnly)
        }
    }

    fn check_keys(&self) -> Result<(), Error> {
        for Keyed { algorithm, key, .. } in [&self.crypt, &self.aead].into_iter().flatten() {
            if !algorithm.key_bits.fits(key.bits()) {
                let (algorithm, fits) = (algorithm.name, algorithm.key_bits);
                return Err(Error::KeyLength { algorithm, given: key.bits(), fits });
            }
        }
        Ok(())
    }
}

/// Where an SA moves to: addresses, and the encapsulation if it is to be another one or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Both ends.
    pub ends: AddressPair,
    /// The encapsulation; `None`: it stays.
    pub encap: Option<Option<Encap>>,
}

/// An SA as it is in the SAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaEntry {
    /// The SA.
    pub sa: Sa,
    /// Where it is in its life.
    pub state: SaState,
    /// What it has seen.
    pub current: Current,
    /// What it has dropped.
    pub stats: SaStats,
    /// When a packet last used it, Unix seconds, if the kernel reports that (`XFRMA_LASTUSED`).
    pub last_used: Option<NonZeroU64>,
}

impl SaEntry {
    /// Whether it has sent packets with a counter mode: an SA with the same key that begins with the
    /// first sequence number again would use initialization vectors twice. PF_KEY has no sequence
    /// numbers, so that packets count there which were not received.
    #[must_use]
    pub fn has_sent_in_counter_mode(&self) -> bool {
        let ciphers = [&self.sa.crypt, &self.sa.aead, &self.sa.auth].into_iter().flatten();
        let sent = self.sa.replay_state.sent != 0
            || self.current.packets != 0
                && self.sa.direction != Some(SaDirection::In)
                && self.sa.replay_state.received == 0;
        sent && ciphers.into_iter().any(|keyed| keyed.algorithm.is_counter_mode())
    }

    /// An SA that has dropped nothing.
    #[must_use]
    pub fn new(sa: Sa, state: SaState, current: Current) -> Self {
        Self { sa, state, current, stats: SaStats::default(), last_used: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlgorithmKind, Key, Lifetime};

    fn sa(proto: Proto) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        Sa::bare(ends, proto, Spi(0x1000))
    }

    fn keyed(kind: AlgorithmKind, name: &str, bytes: usize) -> Keyed {
        let algorithm = Algorithm::by_name(kind, name).unwrap();
        Keyed::new(algorithm, Key::new(vec![7; bytes]))
    }

    #[test]
    fn each_protocol_takes_its_own_algorithms() {
        assert_eq!(sa(Proto::Esp).check(), Err(Error::EspWithoutCipher));
        assert_eq!(sa(Proto::Ah).check(), Err(Error::AhWithoutAuth));
        assert_eq!(sa(Proto::IpComp).check(), Err(Error::IpCompWithoutCompression));
        let crypt = Some(keyed(AlgorithmKind::Crypt, "aes-cbc", 16));
        assert_eq!(Sa { crypt: crypt.clone(), ..sa(Proto::Esp) }.check(), Ok(()));
        assert_eq!(
            Sa { crypt, ..sa(Proto::Ah) }.check(),
            Err(Error::AlgorithmNotForProto { proto: Proto::Ah, option: ScriptOption::Encryption })
        );
        let auth = Some(keyed(AlgorithmKind::Auth, "null", 0));
        assert_eq!(Sa { auth, ..sa(Proto::Ah) }.check(), Err(Error::AhWithoutAuth));
    }

    #[test]
    fn lifetimes_come_in_pairs() {
        let hour = Lifetime::from_numbers([0, 0, 3600, 0]);
        let crypt = Some(keyed(AlgorithmKind::Crypt, "null", 0));
        let mut sa = Sa { crypt, ..sa(Proto::Esp) };
        sa.lifetimes.hard = hour;
        assert_eq!(sa.check_lifetimes(), Err(Error::OneLifetimeOnly));
        sa.lifetimes.soft = hour;
        assert_eq!((sa.check(), sa.check_lifetimes()), (Ok(()), Ok(())));
    }
}
