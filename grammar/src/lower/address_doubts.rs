//! What of addresses is not what it seems to be.

use std::net::{IpAddr, Ipv6Addr};

use model::{Direction, Mode, names::LookUp};

use super::{Doubt, Lowering, hosts::End, selector::PolicyName};
use crate::{
    tree::{
        Command, Ends, Extension, Node, Policy, Port, SaEnds, SaProto, Selection, Selector,
        Template, Upper,
    },
    warning::{Warning, WarningKind},
};

impl Lowering<'_> {
    /// The warnings about how the addresses of a statement are written.
    pub(super) fn doubts_of_writing(&self, command: &Command) -> Vec<Warning> {
        let found = addresses(command).into_iter().filter_map(|address| {
            let kind = self.doubt_of_writing(&address.value)?;
            Some(Warning::new(kind, self.source, address.span, address.span))
        });
        found.collect()
    }

    fn doubt_of_writing(&self, text: &str) -> Option<WarningKind> {
        if text.parse::<IpAddr>().is_ok() {
            return None;
        }
        if text.split_once('%').is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
            return Some(WarningKind::Zone);
        }
        let is_number = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | 'x' | 'X'));
        let numeric = LookUp { version: None, numeric: true };
        let found = is_number.then(|| self.names.addresses(text, numeric).ok()).flatten()?;
        match found.as_slice() {
            [IpAddr::V4(address)] if text.split('.').count() == address.octets().len() => {
                Some(WarningKind::OctalAddress(*address))
            }
            [IpAddr::V4(address)] => Some(WarningKind::ShortAddress(*address)),
            _ => None,
        }
    }

    /// The warning about a port of an SA that has no use for it.
    pub(super) fn doubt_of_port(&self, ends: &SaEnds) -> Option<Warning> {
        let is_in_udp =
            matches!(&ends.proto, Some(proto) if matches!(proto.value, SaProto::EspUdp(_)));
        let port = ends.src.port.as_ref().or(ends.dst.port.as_ref()).filter(|_| !is_in_udp)?;
        let is_given = !matches!(port.value, Port::Any | Port::Number(0));
        is_given.then(|| Warning::new(WarningKind::PortOfSa, self.source, port.span, port.span))
    }

    /// The warning about the ends of an SA.
    pub(super) fn doubt_of_ends(&self, ends: &SaEnds, src: &End, dst: &End) -> Option<Warning> {
        let ([src], [dst]) = (src.addresses.as_slice(), dst.addresses.as_slice()) else {
            return None;
        };
        let kind = if dst.is_unspecified() {
            WarningKind::NoHost
        // A group has one SA for both directions, from its address to its address.
        } else if src == dst && !src.is_loopback() && !src.is_multicast() {
            WarningKind::SameEnds
        } else {
            return None;
        };
        let span = ends.dst.address.span;
        Some(Warning::new(kind, self.source, span, span))
    }
}

/// All addresses of a statement.
fn addresses(command: &Command) -> Vec<&Node<String>> {
    match command {
        Command::Add(name, _)
        | Command::Update(name, _)
        | Command::GetSpi(name)
        | Command::Get(name)
        | Command::Delete(name) => {
            let natt = name.extensions.iter().filter_map(|option| match &option.value {
                Extension::Natt(ends) => Some([&ends.0.address, &ends.1.address]),
                _ => None,
            });
            let ends = [&name.ends.src.address, &name.ends.dst.address];
            [ends].into_iter().chain(natt).flatten().collect()
        }
        Command::DeleteAll(ends, _) => vec![&ends.src.address, &ends.dst.address],
        Command::SpdDelete(selector, _) => vec![&selector.src.address, &selector.dst.address],
        Command::SpdAdd(selection, policy) | Command::SpdUpdate(selection, policy) => {
            let ends = match selection {
                Selection::Packets(selector) => {
                    vec![&selector.src.address, &selector.dst.address]
                }
                Selection::Tagged(_) => Vec::new(),
            };
            ends.into_iter().chain(ends_of_tunnels(&policy.value)).collect()
        }
        _ => Vec::new(),
    }
}

/// The endpoints of a policy's templates.
fn ends_of_tunnels(policy: &Policy) -> impl Iterator<Item = &Node<String>> {
    let ends = policy.templates.iter().filter_map(|template| template.value.ends.as_ref());
    let addresses = ends.filter_map(|ends| match &ends.value {
        Ends::Addresses(src, dst) => Some([&src.address, &dst.address]),
        _ => None,
    });
    addresses.flatten()
}

/// A policy for one host that is none. A packet of DHCP, or to a group, may come from `0.0.0.0` or `::`.
pub(super) fn no_host(selector: &Selector, name: &PolicyName<'_>) -> Option<Doubt> {
    let (src, dst) = name.addresses();
    let is_one = |prefix: Option<&Node<u64>>| {
        prefix.is_none_or(|length| length.value == if src.is_ipv4() { 32 } else { 128 })
    };
    let is_dst = dst.is_unspecified() && is_one(selector.dst.prefix.as_ref());
    let is_plain = selector.upper.value == Upper::Any && !dst.is_multicast();
    let is_src = src.is_unspecified() && is_one(selector.src.prefix.as_ref()) && is_plain;
    let is_broadcast = matches!(dst, IpAddr::V4(dst) if dst.is_broadcast());
    if is_dst {
        Some((WarningKind::NoHost, selector.dst.address.span))
    } else {
        (is_src && !is_broadcast).then_some((WarningKind::NoHost, selector.src.address.span))
    }
}

/// Endpoints that AF_KEY drops, and so does the lowering: a template with details keeps them.
pub(super) fn ends_of_transport(policy: &Policy) -> Option<Doubt> {
    policy.templates.iter().find_map(|template| {
        let Template { mode, details, ends, .. } = &template.value;
        let ends = ends.as_ref().filter(|_| *mode == Mode::Transport && details.is_empty())?;
        let is_given = matches!(ends.value, Ends::Addresses(..));
        is_given.then_some((WarningKind::EndsOfTransport, ends.span))
    })
}

/// A tunnel that leads nowhere.
pub(super) fn tunnel_ends(policy: &Policy) -> Option<Doubt> {
    policy.templates.iter().find_map(|template| {
        let Some(Node { value: Ends::Addresses(src, dst), .. }) = &template.value.ends else {
            return None;
        };
        let [from, to] = [src, dst].map(|end| end.address.value.parse::<IpAddr>().ok());
        let (from, to) = (from?, to?);
        if to.is_unspecified() && policy.direction.value == Direction::Out {
            Some((WarningKind::NoHost, dst.address.span))
        } else if from.is_multicast() {
            Some((WarningKind::MulticastSource, src.address.span))
        } else {
            let is_same = from == to && !from.is_loopback() && !from.is_unspecified();
            is_same.then_some((WarningKind::SameEnds, dst.address.span))
        }
    })
}
