mod ip_xfrm;
mod lossless;

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
fn what_does_not_fit_an_attribute_is_cut() {
    let mut sa = esp();
    sa.replay_window = u32::MAX;
    sa.crypt = keyed(AlgorithmKind::Crypt, "aes-cbc", &vec![7; 100_000]);
    sa.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: vec![b'x'; 100_000] });
    let read = reading(&bytes(&written(&sa)), 0).unwrap();
    assert!(read.sa.crypt.is_some_and(|crypt| crypt.key.bits() < 800_000));
}
