use model::{AddressPair, Mark, Operation, Proto, Sa, SaId, SaMode, Spi};
use pfkey::request::{CYCLIC_SEQUENCE, PfKeyExtras, message};

use crate::{
    capture::{PID, capture},
    samples,
};

/// The request of an operation is the captured one, to the byte.
#[track_caller]
fn assert_sent(operation: &Operation, extras: &PfKeyExtras, seq: u32, captured: &[u8]) {
    let message = message(operation, extras).unwrap().numbered(seq, PID);
    assert_eq!(message.encode().unwrap(), captured.to_vec().into(), "{message:?}");
}

fn without_mode(sa: Sa) -> Sa {
    Sa { mode: SaMode::ANY, ..sa }
}

#[test]
fn add() {
    let add = |sa| Operation::AddSa(Box::new(sa));
    assert_sent(&add(samples::esp()), &PfKeyExtras::default(), 5, &capture("esp").sent[0]);
    let tunnel = add(samples::esp_tunnel6());
    assert_sent(&tunnel, &PfKeyExtras::default(), 0, &capture("esp_tunnel6").sent[0]);
    for (name, sa) in
        [("ah", samples::ah()), ("ipcomp", samples::ipcomp()), ("esp_null", samples::esp_null())]
    {
        assert_sent(&add(without_mode(sa)), &PfKeyExtras::default(), 0, &capture(name).sent[0]);
    }
    let ports = PfKeyExtras { ports: (4500, 4501), ..PfKeyExtras::default() };
    assert_sent(&add(without_mode(samples::esp_udp())), &ports, 0, &capture("esp_udp").sent[0]);
}

#[test]
fn without_cyclic_sequence() {
    let extras = PfKeyExtras { flags: 0, ..PfKeyExtras::default() };
    let flags = |extras: PfKeyExtras, sa: Sa| {
        let message = message(&Operation::AddSa(Box::new(sa)), &extras).unwrap();
        message.sa().unwrap().flags
    };
    assert_eq!(flags(extras, samples::esp()), 0);
    assert_eq!(flags(PfKeyExtras::default(), samples::esp()), CYCLIC_SEQUENCE);
    assert_eq!(flags(PfKeyExtras::default(), samples::ah()), 0x8000_0040);
}

#[test]
fn get_delete_dump_and_flush() {
    let sent = capture("esp").sent;
    let dst = [192, 0, 2, 2].into();
    let id = SaId { dst, proto: Proto::Esp, spi: Spi(0x1000), mark: Mark::default() };
    let extras = PfKeyExtras { src: Some([192, 0, 2, 1].into()), ..PfKeyExtras::default() };
    assert_sent(&Operation::GetSa(id, None), &extras, 0, &sent[2]);
    assert_sent(&Operation::DumpSad(Some(Proto::Esp)), &extras, 0, &sent[3]);
    assert_sent(&Operation::DeleteSa(id, None), &extras, 0, &sent[4]);
    let ends = AddressPair::new([192, 0, 2, 1].into(), dst).unwrap();
    let group = model::SaGroup { ends, proto: Some(Proto::Esp), mark: None, if_id: None };
    assert_sent(&Operation::DeleteAllSa(group), &extras, 0, &sent[3]);

    let sent = capture("flush").sent;
    assert_sent(&Operation::FlushSad(Some(Proto::Esp)), &extras, 0, &sent[1]);
    assert_sent(&Operation::FlushSad(None), &extras, 0, &sent[2]);
    assert_sent(&Operation::FlushSpd(model::PolicyType::Main), &extras, 0, &sent[4]);
}

#[test]
fn policies() {
    let sent = capture("spd").sent;
    let extras = PfKeyExtras::default();
    assert_sent(&Operation::DumpSpd, &extras, 0, &sent[0]);
    for (policy, captured) in samples::policies().into_iter().zip(&sent[1..8]) {
        assert_sent(&Operation::AddPolicy(Box::new(policy)), &extras, 0, captured);
    }
    let updated = samples::updated();
    let id = updated.id.clone();
    assert_sent(&Operation::UpdatePolicy(Box::new(updated)), &extras, 0, &sent[9]);
    assert_sent(&Operation::DeletePolicy(id), &extras, 0, &sent[10]);
}
