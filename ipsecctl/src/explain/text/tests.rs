use std::collections::HashMap;

use explain::{Flow, Mtu, Surroundings, Tables, explain_forwarded, explain_in, explain_out};
use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, Current, HashTable, Installation, Key, Keyed,
    Level, Mode, Policy, PolicyId, Prefix, Priority, Proto, ReqId, Sa, SaEntry, SaState, SadInfo,
    Selector, Spi, Template, TemplateMode,
};

use super::*;

fn ends() -> AddressPair {
    AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap()
}

fn policy(direction: Direction, index: u32, dst: u8) -> PolicyEntry {
    let prefix = |third| Prefix::new([10, 0, third, 0].into(), Some(24)).unwrap();
    let selector = Selector::new(prefix(0), prefix(dst)).unwrap();
    let mode = TemplateMode::Tunnel(ends());
    let template = Template::new(Proto::Esp, mode, Level::Unique(ReqId::new(7)));
    let policy = Policy {
        priority: Priority(100),
        ..Policy::new(PolicyId::new(selector, direction), Action::Ipsec(vec![template]))
    };
    let installation = Installation::plain(&policy);
    PolicyEntry { policy, installation, index, socket: false, current: Current::default() }
}

fn sa(reqid: u32) -> SaEntry {
    let keyed =
        |kind, name| Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(Vec::new()));
    let sa = Sa {
        mode: Mode::Tunnel.into(),
        reqid: ReqId::new(reqid),
        crypt: Some(keyed(AlgorithmKind::Crypt, "aes-cbc")),
        auth: Some(keyed(AlgorithmKind::Auth, "hmac-sha1")),
        ..Sa::bare(ends(), Proto::Esp, Spi(0x1001))
    };
    SaEntry::new(sa, SaState::Mature, Current::default())
}

fn tables(policies: Vec<PolicyEntry>, sas: Vec<SaEntry>) -> Tables {
    let table = HashTable { buckets: 8, max_buckets: 8 };
    Tables { policies, sas, sad: SadInfo { sas: 0, table }, ..Tables::default() }
}

fn flow() -> Flow {
    let mut flow = Flow::new([10, 0, 0, 1].into(), [10, 0, 1, 2].into()).unwrap();
    (flow.upper, flow.dst_port) = (Some(6), Some(80));
    flow
}

fn text(explained: &Explanation<'_>) -> String {
    let routing = Routing::of(
        crate::explain::routing::Given {
            direction: Direction::Out,
            device: None,
            uid: None,
            local: None,
            through: None,
            is_decapsulated: false,
            outer: None,
            is_captured: false,
        },
        &mut None,
    );
    let mtu = Mtu { link: 1500, own: None };
    let subject = ExplainBasis {
        requested: &HashMap::new(),
        not_installed: Vec::new(),
        length: Some(84),
        mtu,
        routing: &routing,
        transformed: None,
        other: None,
        oddity: None,
        inside: None,
        counts_no_ports: false,
        is_for_others: false,
    };
    let text = explanation(explained, &subject, Some(80));
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    text
}

#[test]
fn a_packet_that_leaves_is_shown_step_by_step() {
    let tables =
        tables(vec![policy(Direction::Out, 9, 1), policy(Direction::Out, 17, 2)], vec![sa(7)]);
    let text = text(&explain_out(&tables, flow(), None, &Surroundings::default()));
    let expected = "\
The packet passes, protected by esp 0x1001.

packet    10.0.0.1 > 10.0.1.2 tcp ? > 80
policy    9 out 10.0.0.0/24 > 10.0.1.0/24 any, priority 100, ipsec
template  esp/tunnel/192.0.2.1-192.0.2.2/unique:7, required
          uses esp 0x1001 192.0.2.1 > 192.0.2.2 tunnel, reqid 7
wire      IP 192.0.2.1 > 192.0.2.2, esp 0x1001, IP 10.0.0.1 > 10.0.1.2
overhead  58 to 73 bytes, by padding
          84 bytes become 152
mtu       1438 bytes for a link of 1500
";
    assert_eq!(text, expected);
}

#[test]
fn a_drop_is_shown_with_what_differs_and_what_mends_it() {
    let tables = tables(vec![policy(Direction::Out, 9, 1)], vec![sa(5)]);
    let text = text(&explain_out(&tables, flow(), None, &Surroundings::default()));
    for part in [
        "The packet is dropped: no SA serves a template of its policy (XfrmOutNoStates).\n",
        "no SA\n          not esp 0x1001 192.0.2.1 > 192.0.2.2 tunnel, reqid 5: reqid differs: 5\n",
        "to mend   delete the SA 0x1001 and add it with -u 7, or set the level of the\n          template to unique:5\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_limit_is_shown_with_its_values() {
    let shown = |change: fn(&mut SaEntry)| {
        let mut entry = sa(7);
        change(&mut entry);
        let tables = tables(vec![policy(Direction::Out, 9, 1)], vec![entry]);
        text(&explain_out(&tables, flow(), None, &Surroundings::default()))
    };
    let expired = shown(|entry| {
        entry.sa.lifetimes.hard.packets = std::num::NonZeroU64::new(2);
        entry.current.packets = 2;
    });
    assert!(
        expired.contains("\n          its hard limit is reached: 2 of 2 packets\n"),
        "{expired}"
    );
    let spent = shown(|entry| entry.sa.replay_state.sent = u32::MAX.into());
    assert!(spent.contains("its last sequence number is sent: 4294967295\n"), "{spent}");
    let larval = shown(|entry| entry.state = SaState::Larval);
    assert!(larval.contains(" is larval: "), "{larval}");
}

#[test]
fn a_policy_for_forwarded_packets_is_made_of_that_for_received_ones() {
    let tables = tables(vec![policy(Direction::In, 8, 1)], vec![sa(7)]);
    let arrival = explain::Arrival {
        spi: Spi(0x1001),
        proto: None,
        dst: None,
        sequence: None,
        encapsulation: None,
        integrity: None,
        inside: None,
    };
    let text =
        text(&explain_forwarded(&tables, &[arrival], Some(flow()), 0, &Surroundings::default()));
    for part in [
        "(XfrmInNoPols)",
        "not 8 in 10.0.0.0/24 > 10.0.1.0/24 any, priority 100, ipsec: direction",
        "to mend   spdadd 10.0.0.0/24 10.0.1.0/24 any -P fwd ipsec",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let unknown =
        verdict(&explain_in(&tables, &[arrival], None, 0, None, &Surroundings::default()));
    assert!(unknown.contains("is not known: the packet inside is encrypted"), "{unknown}");
}
