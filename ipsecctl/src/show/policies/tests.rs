use std::num::NonZeroU64;

use cli::Choice;
use model::{
    Action, AddressPair, Current, Direction, Installation, Level, Mode, Policy, PolicyId, Prefix,
    Priority, Proto, ReqId, Sa, SaEntry, SaState, Selector, Spi, TemplateMode, Upper,
};

use super::*;

const NOW: u64 = 1_000_000;

fn entry(templates: &[Template]) -> PolicyEntry {
    let host = |last| Prefix::host([192, 0, 2, last].into());
    let mut selector = Selector::new(host(1), host(2)).unwrap();
    (selector.upper, selector.dst_port) = (Upper::Number(6), 80);
    let id = PolicyId::new(selector, Direction::Out);
    let policy = Policy::new(id, Action::Ipsec(templates.to_vec()));
    let installation = Installation::plain(&policy);
    PolicyEntry { policy, installation, index: 9, socket: false, current: Current::default() }
}

fn ends() -> AddressPair {
    AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap()
}

/// The lines of a listing of these columns without its heading.
fn lines(names: &str, requested: PolicyEntry, installed: &PolicyEntry) -> String {
    let mut offers = Offers::default();
    let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends(), Proto::Esp, Spi(0x1000)) };
    offers.add(0, &SaEntry::new(sa, SaState::Mature, Current::default()));
    let shown = ShownPolicy::new(Requested(requested), installed, &offers, NOW);
    let mut out = Vec::new();
    let names = names.split(',').map(str::to_owned).collect();
    let mut listing = Listing::new(&mut out, &COLUMNS, Choice::Named(names, None), "");
    listing.entry(&shown).unwrap();
    listing.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

#[test]
fn templates_are_shown_with_how_they_are_installed_and_their_sas() {
    let template = Template::new;
    let mut requested = [
        template(Proto::Esp, TemplateMode::Tunnel(ends()), Level::Use),
        template(Proto::Ah, TemplateMode::Transport, Level::Default),
        template(Proto::IpComp, TemplateMode::Transport, Level::Use),
        template(Proto::Esp, TemplateMode::Transport, Level::Require),
    ];
    (requested[2].details.reqid, requested[2].details.spi) = (ReqId::new(7), Some(Spi(0x100)));
    let text = lines("templates", entry(&requested), &entry(&requested[1..]));
    let expected = "esp/tunnel/10.0.0.1-10.0.0.2/use (not installed) sas=0x1000\n\
        ah/transport//default (required) sas=none\n\
        ipcomp/transport//use reqid=7 spi=0x100 (optional) sas=none\n\
        esp/transport//require sas=none\n";
    assert_eq!(text, expected);
    let words = installation(&requested, &entry(&requested[1..])).collect::<Vec<_>>();
    assert_eq!(words, ["not installed", "required", "optional", "required"]);
}

#[test]
fn types_and_keys_follow_the_protocol() {
    let mut policy = entry(&[]);
    policy.policy.action = Action::None;
    let names = "direction,src,dst,protocol,priority,action,last_used";
    assert_eq!(
        lines(names, policy.clone(), &policy),
        "out 192.0.2.1 192.0.2.2[80] tcp def none -\n"
    );
    let selector = &mut policy.policy.id.selector;
    (selector.upper, selector.src_port, selector.dst_port) = (Upper::ICMPV6, 135, 0);
    policy.policy.priority = Priority(100);
    policy.current.use_time = NonZeroU64::new(NOW - 3);
    assert_eq!(
        lines(names, policy.clone(), &policy),
        "out 192.0.2.1 192.0.2.2 ipv6-icmp/135,0 100 none 3s\n"
    );
    let selector = &mut policy.policy.id.selector;
    (selector.upper, selector.src_port, selector.dst_port) = (Upper::GRE, 1, 2);
    assert_eq!(
        lines("src,dst,protocol", policy.clone(), &policy),
        "192.0.2.1 192.0.2.2 gre/65538\n"
    );
}
