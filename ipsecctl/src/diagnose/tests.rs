use ::diagnose::Cause;
use model::{
    Action, AddressPair, Current, Direction, Installation, Level, Policy, PolicyEntry, PolicyId,
    Prefix, Proto, Sa, SaEntry, SaField, SaState, Selector, Template, TemplateMode,
};

use super::*;

#[test]
fn a_subject_is_an_address_an_spi_or_an_index() {
    assert_eq!(subject("192.0.2.2"), Ok(Subject::Peer([192, 0, 2, 2].into())));
    assert_eq!(subject("0x1001"), Ok(Subject::Spi(Spi(0x1001))));
    assert_eq!(subject("17"), Ok(Subject::Policy(17)));
    for wrong in ["", "0x", "gateway", "-1", "192.0.2"] {
        assert!(subject(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_protocol_that_the_peer_leaves_out_is_mended_at_the_peer() {
    let host = |last| Prefix::host([192, 0, 2, last].into());
    let template = |proto| Template::new(proto, TemplateMode::Transport, Level::Require);
    let policy = |protos: &[Proto]| {
        let id = PolicyId::new(Selector::new(host(2), host(1)).unwrap(), Direction::In);
        let templates = protos.iter().map(|&proto| template(proto)).collect();
        let policy = Policy::new(id, Action::Ipsec(templates));
        let installation = Installation::plain(&policy);
        PolicyEntry { policy, installation, index: 8, socket: false, current: Current::default() }
    };
    let ends = AddressPair::new([192, 0, 2, 2].into(), [192, 0, 2, 1].into()).unwrap();
    let sa = Sa::bare(ends, Proto::Esp, Spi(0x1002));
    let sa = SaEntry::new(sa, SaState::Mature, Current::default());
    let remedy = |policy: &PolicyEntry| {
        remedy::of(&Cause::Mismatch { policy, sa: &sa, field: Some(SaField::Protocol) })
    };
    let both = remedy(&policy(&[Proto::Esp, Proto::Ah]));
    assert_eq!(
        both,
        "at the peer, the templates that are demanded here: spdadd 192.0.2.2 192.0.2.1 any -P out \
         ipsec esp/transport//require ah/transport//require;"
    );
    assert!(remedy(&policy(&[Proto::Ah])).contains("delete 192.0.2.2 192.0.2.1 esp 0x1002;"));
}
