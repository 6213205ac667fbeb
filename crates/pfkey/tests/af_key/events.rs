use ipsec::{Direction, Encap, EncapKind, Mode, Priority, Proto, ReqId, Sa, Spi, Upper};
use pfkey::{
    Message,
    event::{self, Acquire, Migrate, Move},
    ext::Proposal,
};

use crate::{
    capture::{assert_captured, capture},
    samples::{self, pair},
};

#[test]
fn flushes_are_headers() {
    let received = capture("flush").received;
    assert_captured(&event::flush(Some(Proto::Esp)), &received[1]);
    assert_captured(&event::flush(Some(Proto::Esp)), &received[2]);
    assert_captured(&event::flush(None), &received[3]);
    for flushed in &received[5..8] {
        assert_captured(&event::spd_flush(), flushed);
    }
}

#[test]
fn register_offers_what_a_complete_kernel_has() {
    assert_captured(&event::register(3), &capture("register").received[0]);
}

#[test]
fn an_acquire_proposes_what_the_template_allows() {
    let received = capture("acquire").received;
    let asked = |captured: &[u8], proto, mask| {
        let policy = Message::decode(captured).unwrap().policy().cloned().unwrap();
        event::acquire(&Acquire {
            ends: pair("192.0.2.1", "192.0.2.2"),
            proto,
            index: policy.id,
            priority: Priority(policy.priority),
            proposal: Proposal::offered(proto, mask, mask),
            sec_ctx: None,
        })
    };
    assert_captured(&asked(&received[2], Proto::Esp, 0), &received[2]);
    assert_captured(&asked(&received[3], Proto::Esp, u32::MAX), &received[3]);
    assert_captured(&asked(&received[4], Proto::Ah, u32::MAX), &received[4]);
    assert_eq!(Proposal::offered(Proto::IpComp, u32::MAX, u32::MAX), None);
}

#[test]
fn a_peer_behind_a_nat_has_moved() {
    let encap = Encap { kind: EncapKind::EspInUdp, src_port: 4500, dst_port: 4500 };
    let ends = pair("127.0.0.2", "127.0.0.1");
    let sa = Sa { encap: Some(encap), ..Sa::bare(ends, Proto::Esp, Spi(0x4000)) };
    let message = event::new_mapping(&sa, "127.0.0.3:4600".parse().unwrap()).unwrap();
    assert_captured(&message, &capture("new_mapping").received[2]);
    let plain = Sa { encap: None, ..sa };
    assert_eq!(event::new_mapping(&plain, "127.0.0.3:4600".parse().unwrap()), None);
}

#[test]
fn a_tunnel_has_moved() {
    let moved = Move {
        proto: Proto::Esp,
        mode: Mode::Tunnel,
        reqid: ReqId(3),
        old: pair("198.51.100.1", "198.51.100.2"),
        new: pair("198.51.100.3", "198.51.100.2"),
    };
    let migrate = Migrate {
        selector: samples::selector("10.0.0.0/24", "10.1.0.0/16", Upper::Any, (0, 0)),
        direction: Direction::Out,
        moves: vec![moved],
        km_address: None,
    };
    let received = capture("migrate").received;
    assert_captured(&event::migrate(&migrate).unwrap(), received.last().unwrap());
}
