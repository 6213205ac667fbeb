use std::num::{NonZeroU16, NonZeroU64};

use model::{
    AddressPair, Algorithm, AlgorithmKind, EncapKind, Key, Keyed, Lifetime, Lifetimes, Mode,
};

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
    assert_eq!((read.algorithm.name, read.icv_bits), ("aes-gcm-16", 80));
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
fn an_unknown_algorithm_is_skipped_and_makes_no_larval_sa() {
    let mut message = written(&esp());
    for attribute in &mut message.nlas {
        match attribute {
            XfrmAttrs::AuthenticationAlgTrunc(auth) => auth.alg_name[0] = b'?',
            XfrmAttrs::EncryptionAlg(crypt) => crypt.alg_name.fill(0xff),
            _ => {}
        }
    }
    let entry = reading(&bytes(&message), 0).unwrap();
    assert_eq!((entry.sa.auth, entry.sa.crypt), (None, None));
    assert_eq!(entry.state, SaState::Mature);
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
