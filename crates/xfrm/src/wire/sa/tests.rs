use std::num::{NonZeroU16, NonZeroU64};

use model::{
    AddressPair, Algorithm, AlgorithmKind, Encap, EncapKind, IpTfs, Key, Keyed, Lifetime,
    Lifetimes, Mode, Offload, ReplayState, SecCtx,
};

use netlink_packet_core::{DefaultNla, NlasIterator};
use netlink_packet_xfrm::EncapTmpl;

use super::*;
use crate::{
    device::testing::devices,
    wire::testing::{bytes, hex},
};

const AES_KEY: &[u8] = b"0123456789012345";
const SHA256_KEY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// What `ip xfrm` sends, with the selector's family, which it leaves 0 and AF_KEY states.
fn captured(text: &str, family: u8) -> Vec<u8> {
    let mut bytes = hex(text);
    assert_eq!(bytes[40], 0);
    bytes[40] = family;
    bytes
}

fn keyed(kind: AlgorithmKind, name: &str, key: &[u8]) -> Option<Keyed> {
    let algorithm = Algorithm::by_name(kind, name)?;
    Some(Keyed::new(algorithm, Key::new(key.to_vec())))
}

fn written(sa: &Sa) -> ModifyMessage {
    message(sa, &devices()).unwrap()
}

fn reading(object: &[u8], now: u64) -> Result<SaEntry, Error> {
    read(object, now, &devices())
}

fn bare(proto: Proto, spi: u32) -> Sa {
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    Sa::bare(ends, proto, Spi(spi))
}

fn esp() -> Sa {
    Sa {
        mode: Mode::Tunnel.into(),
        reqid: ReqId::new(7),
        replay_window: 32,
        flags: SaFlags::NO_ECN | SaFlags::DECAP_DSCP,
        auth: keyed(AlgorithmKind::Auth, "hmac-sha256", SHA256_KEY),
        crypt: keyed(AlgorithmKind::Crypt, "aes-cbc", AES_KEY),
        ..bare(Proto::Esp, 0x1000)
    }
}

#[test]
fn esp_is_that_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel reqid 7 \
    //     replay-window 32 flag noecn decap-dscp auth-trunc 'hmac(sha256)' \
    //     0x4142434445464748494a4b4c4d4e4f505152535455565758595a303132333435 96 \
    //     enc 'cbc(aes)' 0x30313233343536373839303132333435
    let captured = captured(
        "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 07000000 02000120 03000000 00000000 6c001400 686d6163 28736861 32353629
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00010000 60000000 41424344 45464748 494a4b4c 4d4e4f50 51525354
        55565758 595a3031 32333435 58000200 63626328 61657329 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        80000000 30313233 34353637 38393031 32333435",
        2,
    );
    assert_eq!(bytes(&written(&esp())), captured);
}

#[test]
fn ah_with_limits_and_a_wide_window_is_that_of_ip_xfrm() {
    // ip xfrm state add src 2001:db8::1 dst 2001:db8::2 proto ah spi 0x2000 mode transport \
    //     replay-window 64 auth-trunc 'hmac(sha1)' \
    //     0x4142434445464748494a4b4c4d4e4f5051525354 96 limit byte-soft 1000 \
    //     limit byte-hard 2000 limit packet-hard 5 limit time-soft 80 limit time-hard 100 \
    //     limit time-use-hard 50
    let captured = captured(
        "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 20010db8 00000000 00000000 00000002 00002000 33000000
        20010db8 00000000 00000000 00000001 e8030000 00000000 d0070000 00000000 ffffffff ffffffff
        05000000 00000000 50000000 00000000 64000000 00000000 00000000 00000000 32000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 0a000000 00000000 00000000 60001400 686d6163 28736861 31290000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 a0000000 60000000 41424344 45464748 494a4b4c 4d4e4f50 51525354
        1c001700 02000000 00000000 00000000 00000000 00000000 40000000",
        10,
    );
    let ends = AddressPair::new("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let mut sa = Sa::bare(ends.unwrap(), Proto::Ah, Spi(0x2000));
    sa.replay_window = 64;
    sa.auth = keyed(AlgorithmKind::Auth, "hmac-sha1", b"ABCDEFGHIJKLMNOPQRST");
    sa.lifetimes.soft = Lifetime::from_numbers([0, 1000, 80, 0]);
    sa.lifetimes.hard = Lifetime::from_numbers([5, 2000, 100, 50]);
    assert_eq!(bytes(&written(&sa)), captured);
}

#[test]
fn ipcomp_and_encapsulation_are_those_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto comp spi 0x3000 mode transport \
    //     comp deflate
    let comp = Algorithm::by_name(AlgorithmKind::Comp, "deflate");
    let ipcomp = Sa { comp, ..bare(Proto::IpComp, 0x3000) };
    assert_eq!(
        bytes(&written(&ipcomp)),
        captured(
            "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00003000 6c000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 02000000 00000000 00000000 48000300 6465666c 61746500 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000",
            2
        )
    );
    // ip xfrm state update src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode transport \
    //     enc 'ecb(cipher_null)' '' encap espinudp 4500 4501 0.0.0.0
    let encap = Encap {
        kind: EncapKind::EspInUdp,
        src_port: NonZeroU16::new(4500),
        dst_port: NonZeroU16::new(4501),
        original: None,
    };
    let crypt = keyed(AlgorithmKind::Crypt, "null", b"");
    let natt = Sa { encap: Some(encap), crypt, ..bare(Proto::Esp, 0x1000) };
    assert_eq!(
        bytes(&written(&natt)),
        captured(
            "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 02000000 00000000 00000000 48000200 65636228 63697068 65725f6e
        756c6c29 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 1c000400 02001194 11950000 00000000 00000000 00000000
        00000000",
            2
        )
    );
}

// What Linux 6.1 answers to ip xfrm state get dst 192.0.2.2 proto esp spi 0x1000 after
// ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel reqid 7 \
//     replay-window 64 flag noecn auth-trunc 'hmac(sha256)' \
//     0x4142434445464748494a4b4c4d4e4f505152535455565758595a303132333435 128 \
//     enc 'cbc(aes)' 0x30313233343536373839303132333435 \
//     encap espinudp 4500 4501 0.0.0.0 limit byte-soft 1000 limit byte-hard 2000
const DUMPED: &str = "
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    02000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
    c0000201 00000000 00000000 00000000 e8030000 00000000 d0070000 00000000 ffffffff ffffffff
    ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 2ee5056b 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 07000000 02000100 01000000 00000000 68000100 686d6163 28736861 32353629
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00010000 41424344 45464748 494a4b4c 4d4e4f50 51525354 55565758
    595a3031 32333435 6c001400 686d6163 28736861 32353629 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00010000
    80000000 41424344 45464748 494a4b4c 4d4e4f50 51525354 55565758 595a3031 32333435 58000200
    63626328 61657329 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 80000000 30313233 34353637 38393031
    32333435 1c000400 02001194 11950000 00000000 00000000 00000000 00000000 24001700 02000000
    00000000 00000000 00000000 00000000 40000000 00000000 00000000";

#[test]
fn the_kernels_answer_is_read() {
    let mut wanted = esp();
    wanted.replay_window = 64;
    wanted.flags = SaFlags::NO_ECN;
    wanted.encap = Some(Encap {
        kind: EncapKind::EspInUdp,
        src_port: NonZeroU16::new(4500),
        dst_port: NonZeroU16::new(4501),
        original: None,
    });
    wanted.lifetimes.soft.bytes = NonZeroU64::new(1000);
    wanted.lifetimes.hard.bytes = NonZeroU64::new(2000);
    wanted.auth = keyed(AlgorithmKind::Auth, "hmac-sha256-128", SHA256_KEY);
    let entry = reading(&hex(DUMPED), 0).unwrap();
    assert_eq!(entry.sa, wanted);
    assert_eq!(entry.state, SaState::Mature);
    assert_eq!((entry.current.add_time, entry.current.use_time), (0x6b05_e52e, 0));
}

fn aead(name: &str, key: &[u8]) -> Option<Keyed> {
    keyed(AlgorithmKind::Aead, name, key)
}

/// Everything that AF_KEY could not say and Linux 6.1 takes.
fn modern() -> Sa {
    Sa {
        mode: Mode::Tunnel.into(),
        replay_window: 128,
        flags: "oseq-may-wrap".parse().unwrap(),
        aead: aead("aes-gcm-12", b"0123456789012345ABCD"),
        esn: true,
        mark: Mark { value: 0x10, mask: 0xff },
        output_mark: Mark { value: 0x20, mask: 0xff0 },
        if_id: NonZeroU32::new(7),
        ..bare(Proto::Esp, 0x1000)
    }
}

#[test]
fn aead_esn_and_marks_are_those_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel flag esn \
    //     replay-window 128 aead 'rfc4106(gcm(aes))' \
    //     0x3031323334353637383930313233343541424344 96 mark 0x10 mask 0xff \
    //     output-mark 0x20 mask 0xff0 if_id 7 extra-flag oseq-may-wrap
    let captured = captured(
        "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 02000100 80000000 00000000 60001200 72666334 31303628 67636d28
        61657329 29000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 a0000000 60000000 30313233 34353637 38393031 32333435 41424344
        1c001700 04000000 00000000 00000000 00000000 00000000 80000000 08001800 02000000 0c001500
        10000000 ff000000 08001f00 07000000 08001d00 20000000 08001e00 f00f0000",
        2,
    );
    assert_eq!(bytes(&written(&modern())), captured);
    // ip xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mark 0x10 mask 0xff
    // (less its XFRMA_SRCADDR)
    let captured = "c0000202 00000000 00000000 00000000 00001000 02003200
        0c001500 10000000 ff000000";
    assert_eq!(bytes(&id_message(&modern().id())), hex(captured));
}

// What Linux 6.1 answers to ip xfrm state get dst 192.0.2.2 proto esp spi 0x1000 mark 0x10 mask 0xff
// after the command above.
const MODERN: &str = "
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    02000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
    c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
    ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 10f1056b 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 02000100 80000000 00000000 08001800 02000000 60001200 72666334
    31303628 67636d28 61657329 29000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 a0000000 60000000 30313233 34353637 38393031
    32333435 41424344 0c001500 10000000 ff000000 08001d00 20000000 08001e00 f00f0000 2c001700
    04000000 00000000 00000000 00000000 00000000 80000000 00000000 00000000 00000000 00000000
    08001f00 07000000";

#[test]
fn the_kernels_modern_sa_is_read() {
    let entry = reading(&hex(MODERN), 0).unwrap();
    assert_eq!(entry.sa, modern());
    assert_eq!(entry.state, SaState::Mature);
}

#[test]
fn offload_is_that_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode transport \
    //     aead 'rfc7539esp(chacha20,poly1305)' \
    //     0x303132333435363738393031323334353637383930313233343536373839303132333435 128 \
    //     mark 1 mask 1 extra-flag oseq-may-wrap if_id 3 offload dev lo dir in
    let captured = captured(
        "
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 02000000 00000000 00000000 70001200 72666337 35333965 73702863
        68616368 6132302c 706f6c79 31333035 29000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 20010000 80000000 30313233 34353637 38393031 32333435 36373839
        30313233 34353637 38393031 32333435 0c001c00 01000000 02000000 08001800 02000000 0c001500
        01000000 01000000 08001f00 03000000",
        2,
    );
    let (device, direction) = ("lo".parse().unwrap(), SaDirection::In);
    let sa = Sa {
        flags: "oseq-may-wrap".parse().unwrap(),
        aead: aead("chacha20-poly1305", b"012345678901234567890123456789012345"),
        mark: Mark { value: 1, mask: 1 },
        if_id: NonZeroU32::new(3),
        offload: Some(Offload { device, direction, packet: false }),
        ..bare(Proto::Esp, 0x1000)
    };
    assert_eq!(bytes(&written(&sa)), captured);
    assert_eq!(reading(&captured, 0).unwrap().sa, sa);
}

#[test]
fn an_unknown_device_is_refused() {
    let (device, direction) = ("eth-none".parse().unwrap(), SaDirection::Out);
    let offload = Some(Offload { device, direction, packet: true });
    let refusal = message(&Sa { offload, ..modern() }, &devices()).unwrap_err();
    assert_eq!(refusal.to_string(), "no network device eth-none: No such device (os error 19)");
}

#[test]
fn later_attributes_follow_linux_xfrm_h() {
    let mut sa = modern();
    (sa.direction, sa.nat_keepalive) = (Some(SaDirection::Out), NonZeroU32::new(20));
    let wire = bytes(&written(&sa));
    let attributes = hex("05002100 02000000 08002200 14000000");
    assert_eq!(wire[wire.len() - attributes.len()..], attributes);
    for direction in [SaDirection::In, SaDirection::Out] {
        for packet in [false, true] {
            sa.direction = Some(direction);
            sa.offload = Some(Offload { device: "lo".parse().unwrap(), direction, packet });
            assert_eq!(reading(&bytes(&written(&sa)), 0).unwrap().sa, sa);
        }
    }
}

#[test]
fn windows_go_where_the_kernel_wants_them() {
    for (esn, window, legacy) in
        [(false, 32, Some(32)), (false, 33, None), (true, 0, None), (true, 32, None)]
    {
        let sa = Sa { esn, replay_window: window, ..modern() };
        let message = written(&sa);
        assert_eq!(message.user_sa_info.replay_window, legacy.unwrap_or(0));
        let wide = |attribute: &XfrmAttrs| matches!(attribute, XfrmAttrs::ReplayStateEsn(_));
        assert_eq!(message.nlas.iter().any(wide), legacy.is_none());
        assert_eq!(reading(&bytes(&message), 0).unwrap().sa, sa);
    }
}

#[test]
fn an_icv_of_no_row_is_kept() {
    let mut sa = modern();
    if let Some(aead) = &mut sa.aead {
        aead.icv_bits = 80;
    }
    let read = reading(&bytes(&written(&sa)), 0).unwrap().sa.aead.unwrap();
    assert_eq!((read.algorithm.dumped, read.icv_bits), ("aes-gcm-16", 80));
    assert!(!read.algorithm.has_row());
}

#[test]
fn what_is_written_is_read() {
    let context = b"system_u:object_r:x_t:s0".to_vec();
    let full = Sa { sec_ctx: Some(SecCtx { doi: 1, alg: 1, context }), ..esp() };
    let comp = Algorithm::by_name(AlgorithmKind::Comp, "deflate");
    let null = Sa {
        auth: keyed(AlgorithmKind::Auth, "null", b""),
        replay_window: 4096,
        ..bare(Proto::Esp, 1)
    };
    for sa in [full, Sa { comp, ..bare(Proto::IpComp, 1) }, null] {
        assert_eq!(reading(&bytes(&written(&sa)), 0).unwrap().sa, sa);
    }
}

#[test]
fn the_state_depends_on_algorithms_and_soft_limit() {
    let state = |sa: &Sa, now| reading(&bytes(&written(sa)), now).unwrap().state;
    assert_eq!(state(&bare(Proto::Esp, 1), 0), SaState::Larval);
    assert_eq!(state(&bare(Proto::Routing, 0), 0), SaState::Mature);
    let mut lifetimes = Lifetimes::default();
    lifetimes.soft.add_seconds = NonZeroU64::new(60);
    let mut message = written(&Sa { lifetimes, ..esp() });
    message.user_sa_info.lifetime_cur.add_time = 1000;
    let state = |now| reading(&bytes(&message), now).unwrap().state;
    assert_eq!((state(1059), state(1060)), (SaState::Mature, SaState::Dying));
}

#[test]
fn an_algorithm_without_a_row_has_the_kernels_name() {
    let mut message = written(&esp());
    for attribute in &mut message.nlas {
        match attribute {
            XfrmAttrs::AuthenticationAlgTrunc(auth) => {
                auth.alg_name = [0; 64];
                auth.alg_name[..9].copy_from_slice(b"hmac(sm3)");
            }
            XfrmAttrs::EncryptionAlg(crypt) => crypt.alg_name.fill(0xff),
            _ => {}
        }
    }
    let entry = reading(&bytes(&message), 0).unwrap();
    let auth = entry.sa.auth.as_ref().unwrap();
    assert_eq!((auth.algorithm.kernel, auth.icv_bits), ("hmac(sm3)", 96));
    assert_eq!(auth.key.bytes(), SHA256_KEY);
    // A name that is no text is kept with the rest of its attribute.
    assert_eq!((&entry.sa.crypt, entry.sa.unknown[0].number), (&None, 2));
    assert_eq!(entry.state, SaState::Mature);
    assert_eq!(
        with_sorted_attributes(&bytes(&written(&entry.sa))),
        with_sorted_attributes(&bytes(&message))
    );
}

#[test]
fn what_does_not_fit_an_attribute_is_cut() {
    let mut sa = esp();
    sa.replay_window = u32::MAX;
    sa.crypt = keyed(AlgorithmKind::Crypt, "aes-cbc", &vec![7; 100_000]);
    sa.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: vec![b'x'; 100_000] });
    let read = reading(&bytes(&written(&sa)), 0).unwrap();
    assert!(read.sa.crypt.is_some_and(|crypt| crypt.key.bits() < 800_000));
}

#[test]
fn cut_objects_are_errors_not_panics() {
    let whole = hex(DUMPED);
    let whole_attributes = (0..whole.len()).filter(|&cut| reading(&whole[..cut], 0).is_ok());
    // After the fixed structure, auth, auth-trunc, enc and encap.
    assert_eq!(whole_attributes.collect::<Vec<_>>(), [224, 328, 436, 524, 552]);
    let whole = hex(MODERN);
    let whole_attributes = (0..whole.len()).filter(|&cut| reading(&whole[..cut], 0).is_ok());
    // After the fixed structure, extra flags, aead, mark, output mark, its mask, replay.
    let ends = [224, 232, 328, 340, 348, 356, 400];
    assert_eq!(whole_attributes.collect::<Vec<_>>(), ends);
}

#[test]
fn the_template_for_an_spi_is_that_of_ip_xfrm() {
    // ip xfrm state allocspi src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 9 seq 7 \
    //     min 0x100 max 0x1ff (which prints its seq in network order)
    let captured = hex("
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00000000 32000000
        c0000201 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000007 09000000 02000100 00000000 00000000 00010000 ff010000");
    let template = SpiRequest {
        ends: bare(Proto::Esp, 0).ends,
        proto: Proto::Esp,
        spi: None,
        mode: Mode::Tunnel.into(),
        reqid: ReqId::new(9),
    };
    let seq = NonZeroU32::new(7_u32.swap_bytes());
    let mut message = bytes(&spi_message(&template, (Spi(0x100), Spi(0x1ff)), seq));
    // The limits, at which the kernel does not look.
    message[96..128].fill(0);
    assert_eq!(message, captured);
}

#[test]
fn selector_and_seq_are_those_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 seq 5 mode transport \
    //     enc 'ecb(cipher_null)' '' sel src 192.0.2.0/24 dst 198.51.100.7/32 proto tcp dport 80
    let captured = hex("
        c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000 0050ffff 00000000
        02002018 06000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000 32000000
        c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
        ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000005 00000000 02000000 00000000 00000000 48000200 65636228 63697068 65725f6e
        756c6c29 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000");
    let prefix = |ip: [u8; 4], bits| model::Prefix::new(ip.into(), Some(bits)).unwrap();
    let (src, dst) = (prefix([192, 0, 2, 0], 24), prefix([198, 51, 100, 7], 32));
    let mut selector = model::Selector::new(src, dst).unwrap();
    (selector.upper, selector.dst_port) = (model::Upper::Number(6), 80);
    let sa = Sa {
        seq: NonZeroU32::new(5_u32.swap_bytes()),
        selector: Some(selector),
        crypt: keyed(AlgorithmKind::Crypt, "null", b""),
        ..bare(Proto::Esp, 0x1000)
    };
    assert_eq!(bytes(&written(&sa)), captured);
    assert_eq!(reading(&captured, 0).unwrap().sa, sa);
}

/// The fixed structure and the attributes by number, since their order means nothing.
fn with_sorted_attributes(object: &[u8]) -> Vec<Vec<u8>> {
    let (fixed, attributes) = object.split_at(XFRM_USER_SA_INFO_LEN);
    let mut parts: Vec<Vec<u8>> = NlasIterator::new(attributes)
        .map(|attribute| attribute.unwrap())
        .map(|attribute| [&attribute.kind().to_le_bytes(), attribute.value()].concat())
        .collect();
    parts.sort();
    parts.insert(0, fixed.to_vec());
    parts
}

/// What is read of a message makes the same message.
fn leads_back(message: &ModifyMessage) -> Sa {
    let object = bytes(message);
    let sa = reading(&object, 0).unwrap().sa;
    let again = bytes(&written(&sa));
    assert_eq!(with_sorted_attributes(&again), with_sorted_attributes(&object), "{sa:?}");
    sa
}

#[test]
fn tfc_padding_care_of_address_and_original_address_are_those_of_ip_xfrm() {
    // ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel tfcpad 1400 \
    //     encap espintcp 4500 4501 198.51.100.1 coa 198.51.100.2, less its enc
    let mut message = written(&bare(Proto::Esp, 0x1000));
    message.nlas = attributes(
        &hex("
        08001600 78050000
        1c000400 07001194 11950000 c6336401 00000000 00000000 00000000
        14000e00 c6336402 00000000 00000000 00000000"),
        0,
    )
    .collect::<Result<_, _>>()
    .unwrap();
    let sa = leads_back(&message);
    assert_eq!(sa.tfc_padding, NonZeroU32::new(1400));
    assert_eq!(sa.care_of, Some([198, 51, 100, 2].into()));
    let encap = sa.encap.unwrap();
    let original = Some([198, 51, 100, 1].into());
    assert_eq!((encap.kind, encap.original), (EncapKind::EspInTcp, original));
    assert_eq!(sa.unknown, []);
}

#[test]
fn iptfs_and_the_cpu_are_settings_of_the_sa() {
    let settings = IpTfs {
        drop_time: Some(1),
        reorder_window: Some(2),
        init_delay: Some(3),
        max_queue: Some(4),
        packet_size: Some(0),
        dont_fragment: true,
    };
    let sa = Sa { mode: Mode::IpTfs.into(), iptfs: settings, cpu: Some(0), ..modern() };
    assert_eq!(leads_back(&written(&sa)), sa);
    let wire = bytes(&written(&sa));
    let attributes = hex("08002300 00000000 08002400 01000000 06002500 02000000 04002600
        08002700 03000000 08002800 04000000 08002900 00000000");
    assert_eq!(wire[wire.len() - attributes.len()..], attributes);
}

#[test]
fn replay_state_statistics_and_last_use_are_read() {
    let replay_state = ReplayState { received: 9, sent: 0, bitmap: vec![0x1ff] };
    let sa = Sa { replay_state, ..esp() };
    let mut message = written(&sa);
    message.nlas.push(XfrmAttrs::LastUsed(1_700_000_000));
    message.user_sa_info.stats =
        netlink_packet_xfrm::Stats { replay_window: 1, replay: 2, integrity_failed: 3 };
    let entry = reading(&bytes(&message), 0).unwrap();
    assert_eq!((entry.sa, entry.last_used), (sa, Some(1_700_000_000)));
    assert_eq!(entry.stats, SaStats { replay_window: 1, replay: 2, integrity_failed: 3 });
}

#[test]
fn selectors_are_kept_as_they_are() {
    for (family, flags, is_all) in [
        (2, SaFlags::default(), true),
        (10, SaFlags::default(), false),
        (0, SaFlags::ANY_FAMILY, true),
        (10, SaFlags::ANY_FAMILY, false),
    ] {
        let mut message = written(&Sa { flags, ..esp() });
        message.user_sa_info.selector.family = family;
        assert_eq!(leads_back(&message).selector.is_none(), is_all, "{family} {flags:?}");
    }
}

#[test]
fn what_has_no_field_is_kept() {
    let mut message = written(&esp());
    let other = |number, value: &[u8]| XfrmAttrs::Other(DefaultNla::new(number, value.to_vec()));
    let encap = EncapTmpl { encap_type: 9, ..EncapTmpl::default() };
    message.nlas.extend([
        other(60, &[1, 2, 3]),
        other(33, &[7]),
        XfrmAttrs::EncapsulationTemplate(encap),
        XfrmAttrs::ReplayThreshold(5),
        XfrmAttrs::ExtraFlags(0xff00_0002),
    ]);
    for attribute in &mut message.nlas {
        if let XfrmAttrs::EncryptionAlg(crypt) = attribute {
            crypt.alg_key_len -= 1;
        }
    }
    let object = bytes(&message);
    let sa = reading(&object, 0).unwrap().sa;
    let numbers: Vec<u16> = sa.unknown.iter().map(|attribute| attribute.number).collect();
    assert_eq!(numbers, [60, 33, 4, 11, 2]);
    assert_eq!(sa.flags.unnamed_extra_bits(), 0xff00_0000);
    // Of the two attributes of the cipher the last is in force.
    let written = bytes(&written(&sa));
    let mut parts = with_sorted_attributes(&written);
    parts.retain(|part| !(part[..2] == [2, 0] && part[66..70] == [128, 0, 0, 0]));
    assert_eq!(parts, with_sorted_attributes(&object));
}

#[test]
fn what_the_model_cannot_express_is_named() {
    let mut message = written(&esp());
    message.user_sa_info.lifetime_cfg.soft_byte_limit = 0;
    message.user_sa_info.selector.family = 0;
    let sa = reading(&bytes(&message), 0).unwrap().sa;
    assert_eq!(sa.inexpressible, ["a selector of no IP version", "a limit of 0 bytes or packets"]);
}
