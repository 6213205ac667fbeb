use model::{AlgorithmKind, Mode, Proto, Sa, SaEntry, SaState, Upper};
use pfkey::{Error, Message, MessageType, sad};

use crate::{
    capture::{assert_captured, capture},
    samples,
};

#[test]
fn an_sa_is_reported_as_it_was_added() {
    for (name, sa) in [
        ("esp", samples::esp()),
        ("ah", samples::ah()),
        ("ipcomp", samples::ipcomp()),
        ("esp_null", samples::esp_null()),
        ("esp_udp", samples::esp_udp()),
        ("esp_tunnel6", samples::esp_tunnel6()),
    ] {
        let entry = samples::mature(sa);
        let message = sad::message(MessageType::ADD, &entry).unwrap();
        assert_captured(&message, &capture(name).received[0]);
    }
}

#[test]
fn get_dump_delete_and_their_refusals() {
    let received = capture("esp").received;
    let entry = samples::mature(samples::esp());
    let reported = |msg_type| sad::message(msg_type, &entry).unwrap();
    assert_captured(&reported(MessageType::GET), &received[2]);
    assert_captured(&reported(MessageType::DUMP), &received[3]);
    assert_captured(&reported(MessageType::DELETE), &received[4]);

    let exists = reported(MessageType::ADD).refusal(rustix::io::Errno::EXIST);
    assert_captured(&exists, &received[1]);
    let missing = reported(MessageType::GET).refusal(rustix::io::Errno::SRCH);
    assert_captured(&missing, &received[5]);
}

#[test]
fn a_dump_counts_up_to_its_last_which_is_0() {
    let received = capture("dump").received;
    let empty = Message::new(MessageType::DUMP, 0).refusal(rustix::io::Errno::NOENT);
    assert_captured(&empty, &received[0]);

    let esp = Sa { crypt: samples::null(), ..samples::bare(Proto::Esp, 1) };
    let ah = Sa { auth: samples::sha1(), ..samples::bare(Proto::Ah, 2) };
    let ends = samples::pair("2001:db8::1", "2001:db8::2");
    let comp = Sa {
        mode: Mode::Tunnel.into(),
        comp: samples::deflate(),
        ..samples::bare(Proto::IpComp, 3)
    };
    let dump = [Sa { ends, ..comp }, ah.clone(), esp, ah];
    for ((sa, seq), captured) in dump.into_iter().zip([1, 2, 0, 0]).zip(&received[4..]) {
        let message = sad::message(MessageType::DUMP, &samples::mature(sa)).unwrap();
        assert_captured(&message, captured);
        assert_eq!(Message::decode(captured).unwrap().seq, seq);
    }
}

#[test]
fn a_larval_sa_has_no_algorithms_and_no_proxy() {
    let received = capture("getspi").received;
    let mut sa = samples::bare(Proto::Esp, 0x2000);
    sa.lifetimes.hard.add_seconds = std::num::NonZeroU64::new(30);
    // The kernel makes it the SA's addresses.
    sa.selector = Some(samples::selector("192.0.2.1/32", "192.0.2.2/32", Upper::Any, (0, 0)));
    let larval = SaEntry { state: SaState::Larval, ..samples::mature(sa) };
    assert_captured(&sad::message(MessageType::GETSPI, &larval).unwrap(), &received[0]);

    let sa = Sa { crypt: samples::null(), ..samples::bare(Proto::Esp, 0x2000) };
    let message = sad::message(MessageType::UPDATE, &samples::mature(sa)).unwrap();
    assert_captured(&message, &received[1]);
}

#[test]
fn a_limit_reached_is_reported_without_keys() {
    let received = capture("expire").received;
    let limit = |seconds| model::Lifetime::from_numbers([0, 0, seconds, 0]);
    let mut entry = samples::mature(samples::esp_transport(limit(3), limit(1)));
    entry.state = SaState::Dying;
    assert_captured(&sad::expire(&entry, sad::ReachedLimit::Soft).unwrap(), &received[2]);
    assert_captured(&sad::expire(&entry, sad::ReachedLimit::Hard).unwrap(), &received[3]);
}

#[test]
fn algorithms_without_number() {
    let received = capture("netlink").received;
    let key = |bytes| 0..bytes;
    let cmac = Sa {
        crypt: samples::aes(16),
        auth: samples::keyed(AlgorithmKind::Auth, "aes-cmac", key(16)),
        ..samples::bare(Proto::Esp, 0x3001)
    };
    let reported = |sa| sad::message(MessageType::ADD, &samples::mature(sa)).unwrap();
    assert_captured(&reported(cmac), &received[1]);

    // AF_KEY is silent about all AEAD; here only about those without number.
    let aead = |name, bytes| Sa {
        aead: samples::keyed(AlgorithmKind::Aead, name, key(bytes)),
        ..samples::bare(Proto::Esp, 0x3000)
    };
    assert_captured(&reported(aead("chacha20-poly1305", 36)), &received[0]);
    let gcm = aead("aes-gcm-16", 20);
    assert_eq!(sad::read(&reported(gcm.clone())).unwrap().sa, gcm);
}

#[test]
fn what_pf_key_cannot_say() {
    let wide = Sa { replay_window: 1024, ..samples::esp() };
    let message = sad::message(MessageType::ADD, &samples::mature(wide)).unwrap();
    assert_eq!(message.sa().unwrap().replay, 255);
    let tfs = Sa { mode: Mode::IpTfs.into(), ..samples::esp() };
    let error = sad::message(MessageType::ADD, &samples::mature(tfs)).unwrap_err();
    assert_eq!(error, Error::ModeNotInPfKey(Mode::IpTfs));
}

#[test]
fn captured_sas_are_read_back() {
    for (name, sa) in [
        ("esp", samples::esp()),
        ("ah", samples::ah()),
        ("ipcomp", samples::ipcomp()),
        ("esp_null", samples::esp_null()),
        ("esp_udp", samples::esp_udp()),
        ("esp_tunnel6", samples::esp_tunnel6()),
    ] {
        let captured = capture(name);
        let answer = sad::read(&Message::decode(&captured.received[0]).unwrap()).unwrap();
        assert_eq!((&answer.sa, answer.state), (&sa, SaState::Mature));
        assert!(answer.current.add_time > 1_000_000_000, "{name}");
        let requested = sad::read(&Message::decode(&captured.sent[0]).unwrap()).unwrap();
        assert_eq!((requested.sa, requested.state), (sa, SaState::Larval));
    }
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let bytes = &capture("esp").sent[0];
    let whole = Message::decode(bytes).unwrap();
    let without = |number| {
        let mut message = whole.clone();
        message.extensions.retain(|extension| extension.number() != number);
        message
    };
    assert_eq!(sad::read(&without(1)), Err(Error::Missing("SA")));
    assert_eq!(sad::read(&without(6)), Err(Error::Missing("destination address")));
    let bare = sad::read(&without(19)).unwrap().sa;
    assert_eq!((bare.mode, bare.reqid), (Mode::Transport.into(), None));
    let unknown = Message { satype: 5, ..whole.clone() };
    assert!(matches!(sad::read(&unknown), Err(Error::UnknownNumber { number: 5, .. })));
}
