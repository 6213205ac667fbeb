use std::{
    num::{NonZeroU16, NonZeroU32},
    ops::BitOr,
};

use model::{
    ALGORITHMS, Algorithm, AlgorithmKind, Encap, EncapKind, Key, Keyed, Lifetime, Lifetimes, Mode,
    Proto, ReqId, Sa, SaFlags, SaMode, Spi,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{ends, lifetimes, mark, seldom};
use crate::has_ripemd160;

/// SAs of all that PF_KEY can say, and some that the kernel refuses.
pub fn sa_of_pfkey() -> impl Strategy<Value = Sa> {
    // AH with `null` has the kernel's name in a script, and AF_KEY none for it.
    let of_ah = |row: &Algorithm| of_pfkey(row) && row.name != "null";
    let algorithms = prop_oneof![
        4 => esp(of_pfkey, any_length),
        2 => keyed(AlgorithmKind::Auth, of_ah, any_length).prop_map(ah),
        1 => comp(&["deflate", "lzs"]),
    ];
    let flags = flags(&[SaFlags::NO_ECN, SaFlags::DECAP_DSCP, SaFlags::NO_PMTU_DISC]);
    let unpaired = |limits: Lifetimes| Lifetimes { soft: Lifetime::default(), ..limits };
    let lifetimes = prop_oneof![9 => lifetimes(), 1 => lifetimes().prop_map(unpaired)];
    (ends(), spi(), algorithms, mode(), reqid(), 0..=32_u32, flags, lifetimes, seldom(encap()))
        .prop_map(|(ends, spi, algorithms, mode, reqid, replay_window, flags, lifetimes, encap)| {
            let sa = algorithms.of(Sa::bare(ends, algorithms.proto, spi));
            Sa { mode, reqid, replay_window, flags, lifetimes, encap, ..sa }
        })
}

/// SAs of all that Linux 6.1 takes.
pub fn sa() -> impl Strategy<Value = Sa> {
    let aead = keyed(AlgorithmKind::Aead, |_| true, full_length).prop_map(esp_aead);
    let algorithms = prop_oneof![
        3 => esp(|_| true, full_length),
        3 => aead,
        2 => keyed(AlgorithmKind::Auth, |row| row.name != "null", full_length).prop_map(ah),
        1 => comp(&["deflate"]),
    ];
    let window = prop_oneof![0..=32_u32, 33..=4096_u32];
    let addressed = (ends(), spi(), algorithms, mode(), reqid());
    let flags = flags(&SaFlags::ALL);
    let processed = (window, any::<bool>(), flags, lifetimes(), seldom(encap()));
    let marked = (seldom(mark()), seldom(mark()), seldom(any::<u32>().prop_map(NonZeroU32::new)));
    (addressed, processed, marked).prop_map(|(addressed, processed, marked)| {
        let (ends, spi, algorithms, mode, reqid) = addressed;
        let (replay_window, esn, flags, lifetimes, encap) = processed;
        let (mark, output_mark, if_id) = marked;
        let sa = algorithms.of(Sa::bare(ends, algorithms.proto, spi));
        acceptable(Sa {
            mode,
            reqid,
            replay_window,
            esn,
            flags,
            lifetimes,
            encap,
            mark,
            output_mark,
            if_id,
            ..sa
        })
    })
}

/// The SA without what the kernel does not take together.
fn acceptable(mut sa: Sa) -> Sa {
    // `verify_replay`, `xfrm_init_replay`.
    if sa.proto == Proto::IpComp {
        sa.replay_window = sa.replay_window.min(32);
        sa.esn = false;
    }
    sa.esn &= sa.replay_window != 0;
    // `ipcomp4_init_state`, `ipcomp6_init_state`.
    if sa.proto == Proto::IpComp && sa.mode == SaMode::Of(Mode::Beet) {
        sa.mode = Mode::Tunnel.into();
    }
    // `ah_init_state`, `ipcomp_init_state`.
    sa.encap = sa.encap.filter(|_| sa.proto == Proto::Esp);
    // `xfrm_init_state`: transport mode has one family.
    if sa.mode.installed() == Mode::Transport {
        let one_family = SaFlags::ALL.into_iter();
        let one_family = one_family.filter(|flag| *flag != SaFlags::ANY_FAMILY);
        sa.flags = union(one_family.filter(|flag| sa.flags.contains(*flag)));
    }
    sa
}

/// What makes an SA one of ESP, AH or IPComp.
#[derive(Debug, Clone)]
struct Algorithms {
    proto: Proto,
    crypt: Option<Keyed>,
    auth: Option<Keyed>,
    aead: Option<Keyed>,
    comp: Option<&'static Algorithm>,
}

impl Algorithms {
    const fn none(proto: Proto) -> Self {
        Self { proto, crypt: None, auth: None, aead: None, comp: None }
    }

    fn of(&self, sa: Sa) -> Sa {
        let Self { crypt, auth, aead, comp, .. } = self.clone();
        Sa { crypt, auth, aead, comp, ..sa }
    }
}

fn esp(
    is_taken: fn(&Algorithm) -> bool,
    lengths: fn(&Algorithm) -> Vec<u16>,
) -> impl Strategy<Value = Algorithms> {
    let crypt = keyed(AlgorithmKind::Crypt, is_taken, lengths);
    let auth = option::weighted(0.8, keyed(AlgorithmKind::Auth, is_taken, lengths));
    (crypt, auth).prop_map(|(crypt, auth)| Algorithms {
        crypt: Some(crypt),
        auth,
        ..Algorithms::none(Proto::Esp)
    })
}

fn esp_aead(aead: Keyed) -> Algorithms {
    Algorithms { aead: Some(aead), ..Algorithms::none(Proto::Esp) }
}

fn ah(auth: Keyed) -> Algorithms {
    Algorithms { auth: Some(auth), ..Algorithms::none(Proto::Ah) }
}

fn comp(names: &'static [&'static str]) -> impl Strategy<Value = Algorithms> {
    select(names).prop_map(|name| Algorithms {
        comp: Algorithm::by_name(AlgorithmKind::Comp, name),
        ..Algorithms::none(Proto::IpComp)
    })
}

/// AF_KEY has one ICV an algorithm: with SHA-256 it is 96 bits.
fn of_pfkey(algorithm: &Algorithm) -> bool {
    algorithm.pfkey.is_some() && algorithm.name != "hmac-sha256-128"
}

fn keyed(
    kind: AlgorithmKind,
    is_taken: fn(&Algorithm) -> bool,
    lengths: fn(&Algorithm) -> Vec<u16>,
) -> impl Strategy<Value = Keyed> {
    let rows = ALGORITHMS.iter().filter(|row| row.kind == kind && is_taken(row));
    let rows = rows.filter(|row| row.name != "hmac-ripemd160" || has_ripemd160());
    select(rows.collect::<Vec<_>>()).prop_flat_map(move |algorithm| {
        let key = select(lengths(algorithm))
            .prop_flat_map(|bits| vec(any::<u8>(), usize::from(bits) / 8));
        key.prop_map(move |key| Keyed::new(algorithm, Key::new(key)))
    })
}

/// Key lengths in bits that every cipher takes.
fn full_length(algorithm: &Algorithm) -> Vec<u16> {
    let bits = algorithm.key_bits;
    (bits.min..=bits.max).step_by(64).collect()
}

/// Mostly those, and some that only setkey takes.
fn any_length(algorithm: &Algorithm) -> Vec<u16> {
    let bits = algorithm.key_bits;
    let odd = (bits.min..=bits.max).step_by(24).take(3);
    full_length(algorithm).repeat(3).into_iter().chain(odd).collect()
}

fn spi() -> impl Strategy<Value = Spi> {
    // A CPI has 16 bits.
    select(vec![0x100, 0x1001, 0xffff]).prop_map(Spi)
}

fn mode() -> impl Strategy<Value = SaMode> {
    prop_oneof![4 => Just(Mode::Transport), 4 => Just(Mode::Tunnel), 1 => Just(Mode::Beet)]
        .prop_map(SaMode::Of)
}

fn reqid() -> impl Strategy<Value = Option<ReqId>> {
    prop_oneof![Just(0), 1..=ReqId::MANUAL_MAX.number(), any::<u32>()].prop_map(ReqId::new)
}

fn flags(choice: &[SaFlags]) -> impl Strategy<Value = SaFlags> + use<> {
    vec(select(choice.to_vec()), 0..3).prop_map(union)
}

fn union(flags: impl IntoIterator<Item = SaFlags>) -> SaFlags {
    flags.into_iter().fold(SaFlags::default(), BitOr::bitor)
}

fn encap() -> impl Strategy<Value = Option<Encap>> {
    let port = || prop_oneof![Just(4500), any::<u16>()];
    (port(), port()).prop_map(|(src_port, dst_port)| {
        let [src_port, dst_port] = [src_port, dst_port].map(NonZeroU16::new);
        Some(Encap { kind: EncapKind::EspInUdp, src_port, dst_port, original: None })
    })
}
