use model::{Counter, Encap, Lifetime, Mark};

use super::*;
use crate::testing::{addr, ends, sa, tables};

fn arrival(spi: u32) -> Arrival {
    let (proto, dst) = (Some(Proto::Esp), Some(addr(8)));
    Arrival {
        spi: Spi(spi),
        proto,
        dst,
        sequence: Some(5),
        encapsulation: Some(None),
        integrity: None,
        inside: None,
    }
}

/// The counter that is raised, or how many SAs the packet has come through.
fn counted(sas: &[SaEntry], arrivals: &[Arrival]) -> Result<usize, Counter> {
    let tables = tables(Vec::new(), sas.to_vec());
    let input = decapsulate(&tables.sas, arrivals, 0, None);
    match input.stops {
        None => Ok(input.path.len()),
        Some(Verdict::Dropped { counters: [counter], .. }) => Err(*counter),
        Some(other) => panic!("{other:?}"),
    }
}

fn tunnel() -> SaEntry {
    sa(0x1001, Mode::Tunnel, ends(7, 8))
}

#[test]
fn spi_destination_protocol_and_mark_name_an_sa() {
    assert_eq!(counted(&[tunnel()], &[arrival(0x1001)]), Ok(1));
    let unknown = Err(Counter::InNoStates);
    assert_eq!(counted(&[tunnel()], &[arrival(0x1002)]), unknown);
    assert_eq!(
        counted(&[tunnel()], &[Arrival { proto: Some(Proto::Ah), ..arrival(0x1001) }]),
        unknown
    );
    assert_eq!(counted(&[tunnel()], &[Arrival { dst: Some(addr(9)), ..arrival(0x1001) }]), unknown);
    let mut marked = tunnel();
    marked.sa.mark = Mark { value: 1, mask: 1 };
    assert_eq!(counted(&[marked], &[arrival(0x1001)]), unknown);
}

#[test]
fn each_fault_has_its_counter() {
    let with = |change: &dyn Fn(&mut SaEntry)| {
        let mut entry = tunnel();
        change(&mut entry);
        counted(&[entry], &[arrival(0x1001)])
    };
    assert_eq!(with(&|it| it.state = SaState::Larval), Err(Counter::AcquireError));
    assert_eq!(with(&|it| it.state = SaState::Dead), Err(Counter::InStateInvalid));
    assert_eq!(with(&|it| it.sa.direction = Some(SaDirection::Out)), Err(Counter::InStateDirError));
    let encap = Encap { kind: EncapKind::EspInUdp, src_port: None, dst_port: None, original: None };
    assert_eq!(with(&|it| it.sa.encap = Some(encap)), Err(Counter::InStateMismatch));
    let old = |it: &mut SaEntry| (it.sa.replay_window, it.sa.replay_state.received) = (4, 9);
    assert_eq!(with(&old), Err(Counter::InStateSeqError));
    let expired = |it: &mut SaEntry| {
        (it.sa.lifetimes.hard, it.current.bytes) = (Lifetime::from_numbers([0, 100, 0, 0]), 100);
    };
    assert_eq!(with(&expired), Err(Counter::InStateExpired));
}

#[test]
fn ah_right_inside_esp_is_not_verified() {
    let esp = sa(0x1001, Mode::Transport, ends(7, 8));
    let mut ah = sa(0x1002, Mode::Transport, ends(7, 8));
    ah.sa.proto = Proto::Ah;
    let inside = Arrival { proto: Some(Proto::Ah), ..arrival(0x1002) };
    let sas = [esp, ah];
    assert_eq!(counted(&sas, &[arrival(0x1001), inside]), Err(Counter::InStateProtoError));
    assert_eq!(counted(&sas, &[inside, arrival(0x1001)]), Ok(2));
}

#[test]
fn several_sas_of_one_spi_are_a_doubt() {
    let tables = tables(Vec::new(), vec![tunnel(), sa(0x1001, Mode::Tunnel, ends(7, 9))]);
    let unknown = Arrival { dst: None, ..arrival(0x1001) };
    let stops = decapsulate(&tables.sas, &[unknown], 0, None).stops;
    assert!(matches!(stops, Some(Verdict::Unknown(Doubt::SeveralSas(sas))) if sas.len() == 2));
    assert_eq!(decapsulate(&tables.sas, &[arrival(0x1001)], 0, None).path.len(), 1);
}

#[test]
fn an_sa_sets_the_mark_that_the_next_header_is_looked_up_with() {
    let mark = |value| Mark { value, mask: 0xf };
    let inner = |value| {
        let mut entry = sa(0x1002, Mode::Transport, ends(7, 8));
        entry.sa.mark = mark(value);
        entry
    };
    for (mode, named_by) in [(Mode::Tunnel, 3), (Mode::Transport, 0)] {
        let mut outer = sa(0x1001, mode, ends(7, 8));
        outer.sa.output_mark = mark(3);
        for value in [0, 3] {
            let sas = [outer.clone(), inner(value)];
            let input = decapsulate(&sas, &[arrival(0x1001), arrival(0x1002)], 0x10, None);
            assert_eq!(input.stops.is_none(), value == named_by, "{mode:?} {value}");
            assert_eq!(input.mark, 0x13);
        }
    }
}

#[test]
fn an_ip_packet_inside_of_transport_mode_is_untaken() {
    let with = |mode, inside| {
        let sas = [sa(0x1001, mode, ends(7, 8))];
        let arrival = Arrival { inside: Some(inside), ..arrival(0x1001) };
        decapsulate(&sas, &[arrival], 0, None).untaken()
    };
    assert_eq!(with(Mode::Transport, Contained::Packet(4)), Some((0, Reason::IpInside)));
    assert_eq!(with(Mode::Transport, Contained::Garbage(200)), Some((0, Reason::Decryption)));
    for (mode, inside) in [
        (Mode::Transport, Contained::Packet(17)),
        (Mode::Transport, Contained::NoTrailer),
        (Mode::Tunnel, Contained::Packet(4)),
        (Mode::Tunnel, Contained::Garbage(4)),
    ] {
        assert_eq!(with(mode, inside), None, "{mode:?} {inside:?}");
    }
}
