use model::{Action, Direction, Level, Priority, Proto, TemplateMode, Upper};
use pfkey::{Message, MessageType, spd};

use crate::{
    capture::{Capture, assert_captured, capture},
    samples::{self, entry, policies},
};

/// The kernel's index of a captured policy; it differs from run to run.
fn index(captured: &[u8]) -> u32 {
    Message::decode(captured).unwrap().policy().unwrap().id
}

#[test]
fn every_policy_is_reported_as_it_was_added() {
    let received = capture("spd").received;
    for (policy, captured) in policies().iter().zip(&received[1..8]) {
        let entry = entry(policy, index(captured));
        let message = spd::message(MessageType::SPDADD, &entry, 3).unwrap();
        assert_captured(&message, captured);
    }
}

#[test]
fn a_dump_has_the_newest_first() {
    let received = capture("spd").received;
    let empty = Message::new(MessageType::SPDDUMP, 0).refusal(rustix::io::Errno::NOENT);
    assert_captured(&empty, &received[0]);
    for (policy, captured) in policies().iter().rev().zip(&received[8..15]) {
        let references = Message::decode(captured).unwrap().reserved;
        let entry = entry(policy, index(captured));
        let message = spd::message(MessageType::SPDDUMP, &entry, references).unwrap();
        assert_captured(&message, captured);
    }
}

#[test]
fn update_delete_and_no_such_policy() {
    let Capture { sent, received } = capture("spd");
    let entry = entry(&samples::updated(), index(&received[15]));
    let updated = spd::message(MessageType::SPDUPDATE, &entry, 3).unwrap();
    assert_captured(&updated, &received[15]);
    let deleted = spd::message(MessageType::SPDDELETE, &entry, 1).unwrap();
    assert_captured(&deleted, &received[16]);
    let again = Message::decode(sent.last().unwrap()).unwrap();
    assert_captured(&again.refusal(rustix::io::Errno::NOENT), &received[17]);
}

#[test]
fn a_sockets_policy_has_directions_of_its_own() {
    let captured = &capture("spd_socket").received[0];
    let mut policy = policies()[0].clone();
    policy.id.selector = samples::selector("0.0.0.0/0", "0.0.0.0/0", Upper::Any, (0, 0));
    policy.priority = Priority(0);
    let mut entry = entry(&policy, index(captured));
    entry.socket = true;
    assert_captured(&spd::message(MessageType::SPDDUMP, &entry, 1).unwrap(), captured);
    assert_eq!(spd::read(&Message::decode(captured).unwrap()).unwrap().policy, policy);
}

#[test]
fn captured_policies_are_read_back() {
    let spd = capture("spd");
    for ((policy, answer), request) in policies().iter().zip(&spd.received[1..]).zip(&spd.sent[1..])
    {
        let read = |bytes: &[u8]| spd::read(&Message::decode(bytes).unwrap()).unwrap();
        assert_eq!(read(answer).policy, entry(policy, 0).policy);
        assert_eq!(read(request).policy, *policy);
    }
}

#[test]
fn ipsec_without_requests_is_none() {
    let mut policy = policies()[0].clone();
    policy.action = Action::Ipsec(Vec::new());
    let message = spd::message(MessageType::SPDDUMP, &entry(&policy, 8), 2).unwrap();
    assert_eq!(spd::read(&message).unwrap().policy.action, Action::None);
}

#[test]
fn unique_without_a_number_asks_for_one() {
    let mut policy = policies()[0].clone();
    let unique = samples::request(Proto::Esp, TemplateMode::Transport, Level::Unique(None));
    policy.action = Action::Ipsec(vec![unique]);
    policy.id.direction = Direction::In;
    let message = spd::message(MessageType::SPDADD, &entry(&policy, 8), 2).unwrap();
    assert_eq!(message.policy().unwrap().requests[0].level, 3);
    assert_eq!(spd::read(&message).unwrap().policy, policy);
}
