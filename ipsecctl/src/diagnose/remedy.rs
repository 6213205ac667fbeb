//! What mends a cause: a statement of setkey(8) or a command where one is known.

mod clear;
mod discarded;
mod routes;

use std::net::IpAddr;

use ::diagnose::{Cause, EndField, IcmpKind, NearSpi, PeerDifference};
use explain::{Arrival, Flow, Reason};
use model::{
    AddressPair, DeviceName, Direction, Mark, Mode, NAT_T_PORT, Policy, PolicyEntry, Sa, SaEntry,
    SaField, SaFlags, Template, Visible,
};

use super::words::{policy as name_of, templates};
use crate::statements::{
    add, delete, in_direction, mirrored, other_algorithms, replacing, statement, with_ends,
};
use clear::{leaves_in_clear, passes_in_clear};
use discarded::{default_drops, discards, let_encapsulation_pass};
use routes::{no_answer, not_forwarding, or, route, too_big, wrong_source};

/// What to do, without a full stop.
pub fn of(cause: &Cause<'_>) -> String {
    match cause {
        Cause::NoSa { is_requested: true, .. } => {
            "start the key management, or read its log: `ipsecctl monitor` shows what it is asked"
                .to_owned()
        }
        Cause::NoSa { policy, template, near, .. } => no_sa(policy, template, *near),
        Cause::Expired(sa) => expired(sa),
        Cause::UnknownSpi { arrival, ends, near } => unknown_spi(*arrival, *ends, *near),
        Cause::Mode { sa, there: Some(there) } => mode(sa, *there),
        Cause::Integrity(sa) | Cause::Decryption(Some(sa)) | Cause::Mode { sa, there: None } => {
            compare_ends(sa)
        }
        Cause::Decryption(None) => "`ipsecctl diagnose --peer FILE` compares the ends".to_owned(),
        Cause::Replay { sa, are_old } => replay(sa, *are_old),
        Cause::Sequence(sa) => extend_sequence(sa),
        Cause::Refused(sa, reason) => refused(sa, *reason),
        Cause::InClear { policy, .. } => {
            format!("at the peer: {}", statement(&in_direction(&policy.policy, Direction::Out)))
        }
        Cause::CatchesEncapsulation { ends, .. } => let_encapsulation_pass(*ends),
        Cause::Mismatch { policy, sa, field } => mismatch(policy, sa, *field),
        Cause::NoInbound { sa, flow } => no_inbound(sa, flow.as_ref()),
        Cause::NoForward { policy, .. } => statement(&in_direction(&policy.policy, Direction::Fwd)),
        Cause::Discards { policy, .. } => discards(policy),
        Cause::DefaultDrops { direction, is_kernels, .. } => default_drops(*direction, *is_kernels),
        Cause::LeavesInClear { policy, near, .. } => {
            leaves_in_clear(policy, near.as_ref().map(|(near, _)| *near))
        }
        Cause::PassesInClear { by, policy, .. } => passes_in_clear(by, policy),
        Cause::WithoutXfrm { device, .. } => format!(
            "sysctl net.ipv4.conf.{}.disable_xfrm=0 net.ipv4.conf.all.disable_xfrm=0",
            key(device)
        ),
        Cause::ReversePath { device, .. } => reverse_path(device.as_ref()),
        Cause::TooBig { mtu, flow, .. } => too_big(flow.as_ref(), *mtu),
        Cause::NoRoute(addr) => format!("ip route add {} via GATEWAY", or("ADDRESS", *addr)),
        Cause::NoRouteOf { policy, flow, gateway } => route(policy, flow.as_ref(), *gateway),
        Cause::NoAnswer { policy, flow, own } => no_answer(policy, flow, *own),
        Cause::WrongSource { policy, template, own } => wrong_source(policy, template, *own),
        Cause::NotForwarding(policy) => not_forwarding(policy).to_owned(),
        Cause::NotReceived(sa) => firewall("input", sa, sa.sa.ends.src()),
        Cause::NotSent(sa) => firewall("output", sa, sa.sa.ends.dst()),
        Cause::Unreachable { kind, dst, .. } => unreachable(*kind, *dst),
        Cause::NoUdpSocket(sa) => no_udp_socket(sa),
        Cause::Peer(difference) => peer(difference),
        Cause::Counted(counter) => counter.remedy().to_owned(),
    }
}

fn compare_ends(sa: &SaEntry) -> String {
    format!(
        "`ipsecctl diagnose --peer ssh:{}` compares the ends; then, with what the peer has: {} {}",
        sa.sa.ends.src(),
        delete(sa),
        add(&sa.sa)
    )
}

fn extend_sequence(sa: &SaEntry) -> String {
    let extended = Sa { esn: true, ..sa.sa.clone() };
    format!("at both ends, with a new SPI and new keys: {}", add(&extended))
}

fn no_udp_socket(sa: &SaEntry) -> String {
    format!(
        "start the key management, which has the UDP socket of NAT traversal, or at both ends: {} {}",
        delete(sa),
        add(&Sa { encap: None, ..sa.sa.clone() })
    )
}

fn no_sa(
    entry: &PolicyEntry,
    template: &Template,
    near: Option<(&SaEntry, Option<SaField>)>,
) -> String {
    let id = &entry.policy.id;
    if let Some((near, Some(field))) = near {
        let mut sa = near.sa.clone();
        match field {
            SaField::ReqId => sa.reqid = template.reqid(),
            SaField::Mark => sa.mark = id.mark,
            SaField::IfId => sa.if_id = id.if_id,
            SaField::Mode => sa.mode = template.mode.mode().into(),
            SaField::Protocol => sa.proto = template.proto,
            SaField::Direction => sa.direction = None,
            SaField::Selector => sa.selector = None,
            SaField::Spi => sa.spi = template.details.spi.unwrap_or(sa.spi),
            SaField::Flags => sa.flags = sa.flags.without(SaFlags::WILD_RECEIVE),
            SaField::Auth => return other_algorithms(&entry.policy),
            SaField::Src | SaField::Dst => return other_ends(&entry.policy, template, near, field),
        }
        return format!("{} {}", delete(near), add(&sa));
    }
    let ends = template.mode.endpoints();
    let (src, dst) = match ends {
        Some(ends) => (ends.src(), ends.dst()),
        None => (id.selector.src().addr(), id.selector.dst().addr()),
    };
    let reqid = template.reqid().map_or(String::new(), |id| format!(" -u {}", id.number()));
    format!(
        "add {src} {dst} {} SPI -m {}{reqid} KEYS;",
        template.proto.word(),
        template.mode.mode().word()
    )
}

/// The SA between the ends of the template, or the template between those of the SA.
fn other_ends(policy: &Policy, template: &Template, near: &SaEntry, field: SaField) -> String {
    let Some(ends) = template.mode.endpoints() else {
        let (delete, add) = (delete(near), add(&near.sa));
        return format!("{delete} {add}, with the {} that the template has", field.word());
    };
    let moved = Sa { ends, ..near.sa.clone() };
    let other = with_ends(policy, ends, near.sa.ends);
    format!("{} {}, or the ends of the SA: {}", delete(near), add(&moved), replacing(&other))
}

/// The mode of the peer for an SA, and for its policies.
fn mode(entry: &SaEntry, there: Mode) -> String {
    format!(
        "`ipsecctl diagnose --peer ssh:{}` compares the modes of both ends; if they differ, the same mode at both, in policies too: {} {}",
        entry.sa.ends.src(),
        delete(entry),
        add(&Sa { mode: there.into(), ..entry.sa.clone() })
    )
}

fn expired(entry: &SaEntry) -> String {
    let sa = &entry.sa;
    format!(
        "at both ends, with a new SPI and new keys, and without a limit or by key management: add {} {} {} SPI -m {} KEYS;",
        sa.ends.src(),
        sa.ends.dst(),
        sa.proto.word(),
        sa.mode.installed().word()
    )
}

fn unknown_spi(
    arrival: Option<Arrival>,
    ends: Option<(IpAddr, IpAddr)>,
    near: Option<NearSpi<'_>>,
) -> String {
    if let Some(NearSpi { sa, field: SaField::Mark }) = near {
        let without = Sa { mark: Mark::default(), ..sa.sa.clone() };
        return format!("{} and without the mark: {}", delete(sa), add(&without));
    }
    let (Some(arrival), Some((src, dst))) = (arrival, ends) else {
        return "run `ipsecctl diagnose` with CAP_NET_RAW, which shows the SPI".to_owned();
    };
    let Some(NearSpi { sa, .. }) = near else {
        let proto = arrival.proto.map_or("esp", |proto| proto.word());
        return format!("add {src} {dst} {proto} {:#x} KEYS;", arrival.spi.0);
    };
    let ends = AddressPair::new(src, dst).unwrap_or(sa.sa.ends);
    let proto = arrival.proto.unwrap_or(sa.sa.proto);
    let other = Sa { spi: arrival.spi, ends, proto, ..sa.sa.clone() };
    format!("{} {}, or at the peer: the SPI {:#x}", delete(sa), add(&other), sa.sa.spi.0)
}

fn no_inbound(entry: &SaEntry, flow: Option<&Flow>) -> String {
    let packets =
        flow.map_or("SRC DST".to_owned(), |flow| format!("{} {}", flow.src(), flow.dst()));
    let sa = &entry.sa;
    format!(
        "spdadd {packets} any -P in ipsec {}/{}/{}-{}/require;",
        sa.proto.word(),
        sa.mode.installed().word(),
        sa.ends.src(),
        sa.ends.dst()
    )
}

fn unreachable(kind: IcmpKind, dst: IpAddr) -> String {
    match kind {
        IcmpKind::NoProtocol => {
            "at the peer: load the modules esp4, esp6, ah4 and ah6, and add the SA".to_owned()
        }
        IcmpKind::NoPort => {
            "at the peer: start the key management, which has the UDP socket of NAT traversal"
                .to_owned()
        }
        IcmpKind::Prohibited => format!(
            "permit the protocols 50 and 51 and UDP port {NAT_T_PORT} in the firewall on the way"
        ),
        IcmpKind::NoRoute => format!("at the router: ip route add {dst} via GATEWAY"),
        IcmpKind::NoHost | IcmpKind::TooBig(_) => {
            format!("check the route to {dst}: ip route get {dst}")
        }
    }
}

fn mismatch(entry: &PolicyEntry, sa: &SaEntry, field: Option<SaField>) -> String {
    let templates = entry.policy.action.templates();
    match (field, templates) {
        // The peer has left a protocol out: an SA of another template is what fits best.
        (None, _) | (Some(SaField::Protocol), [_, _, ..]) => {
            let there = in_direction(&entry.policy, Direction::Out);
            format!("at the peer, the templates that are demanded here: {}", statement(&there))
        }
        (Some(_), [template]) => no_sa(entry, template, Some((sa, field))),
        (Some(field), _) => format!(
            "give SA and template the same {}: {} {}",
            field.word(),
            delete(sa),
            add(&sa.sa)
        ),
    }
}

fn replay(entry: &SaEntry, are_old: bool) -> String {
    const LEAST: u32 = 64;
    let mut sa = entry.sa.clone();
    if are_old {
        sa.replay_window = (sa.replay_window.max(LEAST) * 4).min(Sa::MAX_REPLAY_WINDOW);
    }
    format!(
        "at both ends, with a new SPI and new keys (the peer began again with sequence number 1, or packets are repeated or reordered): {}",
        add(&sa)
    )
}

fn refused(entry: &SaEntry, reason: Reason) -> String {
    let sa = entry.sa.clone();
    match reason {
        Reason::Encapsulation => {
            format!("the same encapsulation at both ends: {} {}", delete(entry), add(&sa))
        }
        Reason::SaDirection => {
            format!("{} {}", delete(entry), add(&Sa { direction: None, ..sa }))
        }
        Reason::SaSelector => {
            format!("{} {}", delete(entry), add(&Sa { selector: None, ..sa }))
        }
        Reason::Larval => "wait for the key management, or read its log".to_owned(),
        Reason::NestedAh => {
            "at both ends: put AH outside of ESP, or use ESP with authentication alone".to_owned()
        }
        _ => format!("at both ends, with a new SPI and new keys: {}", add(&sa)),
    }
}

fn firewall(chain: &str, entry: &SaEntry, peer: IpAddr) -> String {
    let sa = &entry.sa;
    let matched = if sa.encap.is_some() {
        format!("udp dport {NAT_T_PORT}")
    } else {
        format!("meta l4proto {}", sa.proto.word())
    };
    let (version, side) = (
        if peer.is_ipv4() { "ip" } else { "ip6" },
        if chain == "input" { "saddr" } else { "daddr" },
    );
    format!(
        "nft list ruleset; nft insert rule inet filter {chain} {version} {side} {peer} {matched} accept; ip neigh show"
    )
}

fn peer(difference: &PeerDifference<'_>) -> String {
    match difference {
        PeerDifference::SaLacksThere(sa, _) => format!("at the peer: {}", add(&sa.sa)),
        PeerDifference::SaLacksHere(end, _) => format!(
            "add {} {} {} {:#x} -m {} KEYS;",
            end.ends.src(),
            end.ends.dst(),
            end.proto.word(),
            end.spi.0,
            end.mode.word()
        ),
        PeerDifference::SaDiffers(sa, fields) => {
            let with = if fields.contains(&EndField::Keys) { "the same key" } else { "the same" };
            format!("{with} at both ends: {} {}", delete(sa), add(&sa.sa))
        }
        PeerDifference::PolicyLacksThere(entry) | PeerDifference::TemplatesDiffer(entry, _) => {
            let there = entry.policy.id.direction.at_other_end();
            format!("at the peer: {}", statement(&in_direction(&entry.policy, there)))
        }
        PeerDifference::PolicyLacksHere(end) => format!(
            "spdadd {}/{} {}/{} any -P {} ipsec {}/require;",
            end.selector.src().addr(),
            end.selector.src().length(),
            end.selector.dst().addr(),
            end.selector.dst().length(),
            end.direction.at_other_end().word(),
            templates(&end.templates)
        ),
    }
}

fn reverse_path(device: Option<&DeviceName>) -> String {
    let name = device.map_or("DEVICE".to_owned(), |it| Visible(it.as_str()).to_string());
    let key = device.map_or("DEVICE".to_owned(), key);
    format!(
        "sysctl net.ipv4.conf.{key}.rp_filter=2 net.ipv4.conf.all.rp_filter=0, or route the peer by {name}"
    )
}

/// The name of a device in a variable: sysctl(8) has slashes for its dots.
fn key(device: &DeviceName) -> String {
    Visible(&device.as_str().replace('.', "/")).to_string()
}
