//! SAs by chance.

use std::num::{NonZeroU16, NonZeroU32};

use model::{
    ALGORITHMS, AddressPair, Algorithm, AlgorithmKind, Attribute, Encap, EncapKind, IpTfs, Key,
    Keyed, Mode, Offload, Proto, ReplayState, ReqId, Sa, SaDirection, SaFlags, Spi,
};
use proptest::{option, prelude::*, sample::select};

use super::{lifetimes, mark, packets, pair, sec_ctx};

/// An algorithm of the table, or one by the kernel's name, with any ICV and any key.
fn keyed(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    prop_oneof![3 => of_row(kind), 1 => of_kernel(kind)]
}

fn of_kernel(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    let rows: Vec<&str> =
        ALGORITHMS.iter().filter(|row| row.kind == kind).map(|row| row.kernel).collect();
    let names = prop_oneof![select(rows), Just("hmac(sm3)"), Just("rfc4106(gcm(sm4))")];
    let key = prop::collection::vec(any::<u8>(), 0..64);
    (names, any::<u16>(), key).prop_map(move |(name, icv_bits, key)| {
        let icv_bits = if kind == AlgorithmKind::Crypt { 0 } else { icv_bits };
        Keyed::of_kernel(kind, name, icv_bits, Key::new(key)).expect("these are few names")
    })
}

fn of_row(kind: AlgorithmKind) -> impl Strategy<Value = Keyed> {
    let rows: Vec<&Algorithm> = ALGORITHMS.iter().filter(|row| row.kind == kind).collect();
    (select(rows), prop::collection::vec(any::<u8>(), 64), any::<bool>()).prop_map(
        |(algorithm, bytes, longest)| {
            let bits = algorithm.key_bits;
            let bits = if longest { bits.max } else { bits.min };
            Keyed::new(algorithm, Key::new(bytes[..usize::from(bits) / 8].to_vec()))
        },
    )
}

/// The algorithms of an SA that the kernel would take.
fn with_algorithms(sa: Sa) -> BoxedStrategy<Sa> {
    let auth = || keyed(AlgorithmKind::Auth);
    let (a, b, c, d) = (sa.clone(), sa.clone(), sa.clone(), sa);
    prop_oneof![
        (keyed(AlgorithmKind::Crypt), option::of(auth())).prop_map(move |(crypt, auth)| Sa {
            proto: Proto::Esp,
            crypt: Some(crypt),
            auth,
            ..a.clone()
        }),
        keyed(AlgorithmKind::Aead).prop_map(move |aead| Sa {
            proto: Proto::Esp,
            aead: Some(aead),
            ..b.clone()
        }),
        auth()
            .prop_filter("AH authenticates", |auth| auth.key.bits() > 0)
            .prop_map(move |auth| Sa { proto: Proto::Ah, auth: Some(auth), ..c.clone() }),
        select(vec!["deflate", "lzs"]).prop_map(move |name| Sa {
            proto: Proto::IpComp,
            comp: Algorithm::by_name(AlgorithmKind::Comp, name),
            ..d.clone()
        }),
    ]
    .boxed()
}

fn direction() -> impl Strategy<Value = SaDirection> {
    select(vec![SaDirection::In, SaDirection::Out])
}

pub fn sa() -> impl Strategy<Value = Sa> {
    let names = (pair(), any::<[u32; 4]>(), mark(), mark(), sec_ctx());
    let flags = prop::collection::vec(select(SaFlags::ALL.to_vec()), 0..4);
    let mode = select(Mode::ALL);
    let kinds = select(EncapKind::ALL);
    let encap = option::of((any::<(u16, u16)>(), kinds, option::of(pair())));
    let offload = option::of(("[a-z][a-z0-9_.@-]{0,14}", direction(), any::<bool>()));
    let options = (0..=4096u32, any::<bool>(), mode, flags, lifetimes(), encap, offload);
    (names, options, option::of(direction()), kernel_options()).prop_flat_map(|drawn| {
        let (names, options, direction, kernel_options) = drawn;
        let (ends, [spi, reqid, if_id, nat_keepalive], mark, output_mark, sec_ctx) = names;
        let (replay_window, esn, mode, flags, lifetimes, encap, offload) = options;
        let sa = Sa {
            mode: mode.into(),
            reqid: ReqId::new(reqid),
            replay_window,
            flags: flags.into_iter().fold(SaFlags::default(), |all, flag| all | flag),
            lifetimes,
            encap: encap.map(|((src_port, dst_port), kind, original)| Encap {
                kind,
                src_port: NonZeroU16::new(src_port),
                dst_port: NonZeroU16::new(dst_port),
                original: original.map(AddressPair::src),
            }),
            sec_ctx,
            esn,
            mark,
            output_mark,
            if_id: NonZeroU32::new(if_id),
            direction,
            nat_keepalive: NonZeroU32::new(nat_keepalive),
            offload: offload.map(|(device, direction, packet)| Offload {
                device: device.parse().expect("it fits"),
                direction,
                packet,
            }),
            ends,
            spi: Spi(spi),
            ..kernel_options
        };
        with_algorithms(with_fitting_state(sa))
    })
}

/// An SA with what no original setkey has options for.
fn kernel_options() -> impl Strategy<Value = Sa> {
    let iptfs = any::<(Option<u32>, Option<u16>, [Option<u32>; 3], bool)>().prop_map(
        |(drop_time, reorder_window, [init_delay, max_queue, packet_size], dont_fragment)| IpTfs {
            drop_time,
            reorder_window,
            init_delay,
            max_queue,
            packet_size,
            dont_fragment,
        },
    );
    let unknown = (42..1000_u16, prop::collection::vec(any::<u8>(), 0..9))
        .prop_map(|(number, value)| Attribute { number, value: Key::new(value) });
    let numbers = any::<([u32; 2], Option<u32>, [u64; 2], Vec<u32>)>();
    let words = option::of(0..=128_u32);
    (option::of(packets()), iptfs, option::of(unknown), numbers, option::of(pair()), words)
        .prop_map(|(selector, iptfs, unknown, numbers, care_of, replay_words)| {
            let ([tfc_padding, mapping], cpu, [received, sent], bitmap) = numbers;
            let care_of = care_of.map(AddressPair::src);
            let tfc_padding = NonZeroU32::new(tfc_padding);
            let mapping_interval = NonZeroU32::new(mapping);
            let replay_state = ReplayState { received, sent, bitmap };
            let unknown = unknown.into_iter().collect();
            let bare = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(0));
            Sa {
                selector,
                iptfs,
                unknown,
                tfc_padding,
                mapping_interval,
                cpu,
                care_of,
                replay_state,
                replay_words,
                ..bare
            }
        })
}

/// The SA with a replay state that its window can have.
fn with_fitting_state(sa: Sa) -> Sa {
    let implied = sa.implied_replay_words();
    let replay_words = sa.replay_words.filter(|_| sa.replay_words != implied);
    let ReplayState { mut received, mut sent, mut bitmap } = sa.replay_state.clone();
    bitmap.truncate(replay_words.or(implied).unwrap_or(1).try_into().expect("128 at most"));
    if bitmap.iter().all(|&word| word == 0) {
        bitmap.clear();
    }
    if !sa.esn {
        let low = |number: u64| number & u64::from(u32::MAX);
        (received, sent) = (low(received), low(sent));
    }
    Sa { replay_words, replay_state: ReplayState { received, sent, bitmap }, ..sa }
}
