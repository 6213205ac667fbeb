use super::*;
use crate::{AddressPair, Current, Level, Sa, TemplateMode};

fn addr(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn ends(src: u8, dst: u8) -> AddressPair {
    AddressPair::new(addr(src), addr(dst)).unwrap()
}

fn demand(direction: Direction, mode: TemplateMode, reqid: u32) -> Demand {
    let net = Prefix::new(addr(0), Some(24)).unwrap();
    let level = ReqId::new(reqid).map_or(Level::Require, |reqid| Level::Unique(Some(reqid)));
    let template = Template::new(Proto::Esp, mode, level);
    let id = PolicyId::new(Selector::within(net), direction);
    Demand::of(&id, &[template]).next().unwrap()
}

fn sa(ends: AddressPair, mode: Mode, change: impl Fn(&mut Sa)) -> Offer {
    let mut sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) };
    change(&mut sa);
    let current = Current::default();
    Offer::of(&SaEntry::new(sa, SaState::Mature, current)).unwrap()
}

#[test]
fn a_tunnel_has_its_own_ends() {
    let tunnel = TemplateMode::Tunnel(ends(1, 2));
    for (direction, served) in
        [(Direction::Out, [true, false, false]), (Direction::In, [true, true, false])]
    {
        let demand = demand(direction, tunnel, 0);
        let serves = |src, dst| demand.is_served_by(&sa(ends(src, dst), Mode::Tunnel, |_| ()));
        assert_eq!([serves(1, 2), serves(1, 3), serves(4, 2)], served);
        assert!(!demand.is_served_by(&sa(ends(1, 2), Mode::Transport, |_| ())));
    }
    let any = TemplateMode::Tunnel(AddressPair::UNSPECIFIED);
    assert!(demand(Direction::Out, any, 0).is_served_by(&sa(ends(7, 8), Mode::Tunnel, |_| ())));
}

#[test]
fn transport_is_between_the_packets_own_addresses() {
    let demand = demand(Direction::Out, TemplateMode::Transport, 0);
    assert!(demand.is_served_by(&sa(ends(1, 2), Mode::Transport, |_| ())));
    let elsewhere = AddressPair::new(addr(1), [198, 51, 100, 2].into()).unwrap();
    assert!(!demand.is_served_by(&sa(elsewhere, Mode::Transport, |_| ())));
}

#[test]
fn only_an_outbound_lookup_compares_a_reqid_of_none() {
    let seven = |sa: &mut Sa| sa.reqid = ReqId::new(7);
    for (direction, without) in [(Direction::Out, false), (Direction::In, true)] {
        let serves = |reqid| {
            let sa = sa(ends(1, 2), Mode::Transport, seven);
            demand(direction, TemplateMode::Transport, reqid).is_served_by(&sa)
        };
        assert_eq!([serves(0), serves(7), serves(8)], [without, true, false]);
    }
}

#[test]
fn mark_interface_direction_and_selector_count() {
    let demand = demand(Direction::Out, TemplateMode::Transport, 0);
    let serves = |demand: &Demand, change: fn(&mut Sa)| {
        demand.is_served_by(&sa(ends(1, 2), Mode::Transport, change))
    };
    for unfit in [
        (|sa| sa.mark = Mark { value: 1, mask: 1 }) as fn(&mut Sa),
        |sa| sa.if_id = NonZeroU32::new(1),
        |sa| sa.direction = Some(SaDirection::In),
        |sa| sa.selector = Some(Selector::within(Prefix::host([10, 0, 0, 1].into()))),
        |sa| sa.proto = Proto::Ah,
    ] {
        assert!(!serves(&demand, unfit));
    }
    let mut of_spi = demand;
    of_spi.template.details.spi = Some(Spi(0x1001));
    assert!(!serves(&of_spi, |_| ()) && serves(&of_spi, |sa| sa.spi = Spi(0x1001)));
    let marked = Demand { mark: Mark { value: 3, mask: 0xff }, ..demand };
    assert!(serves(&marked, |sa| sa.mark = Mark { value: 1, mask: 1 }));
    assert!(serves(&demand, |sa| sa.selector = Some(Selector::within(Prefix::host(addr(1))))));
}

#[test]
fn only_received_packets_are_checked_for_their_algorithm() {
    use crate::{Algorithm, AlgorithmKind, Key, Keyed};
    let sha1 = Algorithm::by_name(AlgorithmKind::Auth, "hmac-sha1").unwrap();
    let own = sa(ends(1, 2), Mode::Transport, |sa| {
        sa.auth = Some(Keyed::new(sha1, Key::new(Vec::new())));
    });
    let none = sa(ends(1, 2), Mode::Transport, |_| ());
    let serves = |direction, masks, sa: &Offer| {
        let mut demand = demand(direction, TemplateMode::Transport, 0);
        demand.template.details.algorithms = masks;
        demand.mismatches(sa).next()
    };
    let masks = |auth| AlgorithmMasks { auth, ..AlgorithmMasks::default() };
    // Bit 2 is hmac-md5, bit 3 hmac-sha1, bit 0 no algorithm.
    for direction in [Direction::In, Direction::Fwd] {
        assert_eq!(serves(direction, masks(4), &own), Some(SaField::Auth));
        assert_eq!(serves(direction, masks(8), &own), None);
        assert_eq!(
            [masks(4), masks(1)].map(|it| serves(direction, it, &none).is_none()),
            [false, true]
        );
        assert_eq!(serves(direction, AlgorithmMasks::OF_AF_KEY, &own), None);
        // Masks of encryption alone: the kernel compares the other one.
        let of_crypt = AlgorithmMasks { crypt: 1, ..AlgorithmMasks::default() };
        assert_eq!(serves(direction, of_crypt, &own), None);
    }
    assert_eq!(serves(Direction::Out, masks(4), &own), None);
}

#[test]
fn a_larval_sa_serves_nothing() {
    let sa = Sa::bare(ends(1, 2), Proto::Esp, Spi(0x1000));
    let entry = SaEntry::new(sa, SaState::Larval, Current::default());
    assert_eq!(Offer::of(&entry), None);
}
