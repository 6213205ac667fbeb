use std::num::NonZeroU32;

use model::{
    Acquire, Direction, Mapping, Migration, Mode, PathChange, Policy, Priority, Proto, ReqId, Spi,
    Upper,
};
use pfkey::{Extension, Message, event, ext::Proposal};

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
    let acquire_of = |captured: &[u8], proto, mask| {
        let sent = Message::decode(captured).unwrap().policy().cloned().unwrap();
        let [policy, ..] = samples::policies();
        let selector = policy.id.selector;
        let policy = Policy { priority: Priority(sent.priority), ..policy };
        event::acquire(&Acquire {
            ends: pair("192.0.2.1", "192.0.2.2"),
            proto,
            selector,
            sec_ctx: None,
            policy: samples::entry(&policy, sent.id),
            auth_mask: mask,
            crypt_mask: mask,
            comp_mask: mask,
            seq: NonZeroU32::new(1),
        })
    };
    assert_captured(&acquire_of(&received[2], Proto::Esp, 0), &received[2]);
    // AF_KEY's has 4,120 bytes, too many for strongSwan: it is the same but for its last comb.
    let mut within = Message::decode(&received[3]).unwrap();
    for extension in &mut within.extensions {
        if let Extension::Proposal(Proposal { combs, .. }) = extension {
            assert_eq!(combs.len(), 56);
            combs.truncate(55);
        }
    }
    let within = within.encode().unwrap();
    assert_eq!((received[3].len(), within.len()), (4120, 4048));
    assert_captured(&acquire_of(&received[3], Proto::Esp, u32::MAX), &within);
    assert_captured(&acquire_of(&received[4], Proto::Ah, u32::MAX), &received[4]);
    assert_eq!(Proposal::offered(Proto::IpComp, u32::MAX, u32::MAX), None);
}

#[test]
fn a_peer_behind_a_nat_has_moved() {
    let mapping = Mapping {
        dst: "127.0.0.1".parse().unwrap(),
        proto: Proto::Esp,
        spi: Spi(0x4000),
        reqid: None,
        old: "127.0.0.2:4500".parse().unwrap(),
        new: "127.0.0.3:4600".parse().unwrap(),
    };
    let message = event::new_mapping(&mapping).unwrap();
    assert_captured(&message, &capture("new_mapping").received[2]);
    let other = Mapping { proto: Proto::Ah, ..mapping };
    assert_eq!(event::new_mapping(&other), None);
}

#[test]
fn a_tunnel_has_moved() {
    let change = PathChange {
        proto: Proto::Esp,
        mode: Mode::Tunnel,
        reqid: ReqId::new(3),
        old: pair("198.51.100.1", "198.51.100.2"),
        new: pair("198.51.100.3", "198.51.100.2"),
    };
    let migration = Migration {
        selector: samples::selector("10.0.0.0/24", "10.1.0.0/16", Upper::Any, (0, 0)),
        direction: Direction::Out,
        changes: vec![change],
        key_management: None,
    };
    let received = capture("migrate").received;
    assert_captured(&event::migrate(&migration).unwrap(), received.last().unwrap());
}
