//! Policy text to `sadb_x_policy`.

use std::{
    io::{Write, stderr},
    net::SocketAddr,
};

use dns_lookup::{AddrInfoHints, getaddrinfo};
use grammar::{
    Fault, parse_policy,
    tree::{Endpoint, Ends, Level, Node, Offset, Policy, Priority, Template},
};
use model::{ActionKind, Direction, LevelKind, Mode, PriorityBase, ReqId};
use pfkey::ext::{self, IpsecRequest};

use crate::error::{Code, Error};

/// Makes of a policy what `ipsec_set_policy` of ipsec-tools 0.8.2 made of it. A syntax error is
/// printed on standard error, as there.
pub(crate) fn compile(text: &[u8]) -> Result<ext::Policy, Error> {
    let policy = parse_policy(text).map_err(|error| {
        if let Some(detail) = error.detail() {
            complain(&detail);
        }
        match error.kind() {
            Fault::TooFewArguments => Code::TooFewArguments,
            _ => Code::InvalidArgument,
        }
    })?;
    // What is in this project's language only has no place in `sadb_x_policy`.
    let is_original =
        |it: &Node<Template>| it.value.details.is_empty() && it.value.proto.sa_type().is_some();
    if !policy.templates.iter().all(is_original) {
        return Err(Code::InvalidArgument.into());
    }
    let direction = policy.direction.value;
    let bare = ext::Policy::bare(direction.pfkey_number());
    // Without an action the kernel is to look at the direction only: SPDDELETE.
    let Some(action) = policy.action.as_ref().map(|action| action.value) else { return Ok(bare) };
    let requests = policy.templates.iter().map(|request| self::request(request, &policy, action));
    Ok(ext::Policy {
        policy_type: action.pfkey_number(),
        priority: priority(policy.priority.as_ref().map(|priority| priority.value))?,
        requests: requests.collect::<Result<_, Error>>()?,
        ..bare
    })
}

fn complain(detail: &str) {
    // If it cannot be written, the caller still has the error's number.
    let _ = writeln!(stderr(), "{detail}");
}

fn priority(priority: Option<Priority>) -> Result<u32, Error> {
    let (base, offset) = match priority {
        None => return Ok(model::Priority::DEFAULT.0),
        Some(Priority::Number(_)) => return Err(Code::InvalidArgument.into()),
        Some(Priority::From { base, offset }) => (base, offset),
    };
    let start = base.map_or(model::Priority::DEFAULT, PriorityBase::priority).0;
    let Some(Offset { later, by }) = offset else { return Ok(start) };
    let most = if later { model::Priority::MOST_LATER } else { model::Priority::MOST_EARLIER };
    if base.is_some() && by > most {
        return Err(Code::InvalidPriorityBaseOffset.into());
    }
    let by = u32::try_from(by).ok();
    let moved = by.and_then(|by| if later { start.checked_add(by) } else { start.checked_sub(by) });
    moved.ok_or(Code::InvalidPriorityOffset.into())
}

/// One request. Those that follow another action than `ipsec` are passed on as well, tunnels
/// without ends among them.
fn request(
    request: &Node<Template>,
    policy: &Policy,
    action: ActionKind,
) -> Result<IpsecRequest, Error> {
    let request = &request.value;
    let ends = match &request.ends {
        Some(ends) => self::ends(&ends.value, policy.direction.value)?,
        None => None,
    };
    if request.mode != Mode::Transport && ends.is_none() && action == ActionKind::Ipsec {
        return Err(Code::InvalidAddress.into());
    }
    let (level, reqid) = match request.level {
        None => (LevelKind::Default, None),
        Some(Level { kind, number }) => (kind, number),
    };
    let reqid = reqid.map(u32::try_from).transpose().map_err(|_| Code::InvalidLevel)?;
    let level = level.with(reqid.and_then(ReqId::new));
    Ok(IpsecRequest::new(request.proto, request.mode, level, ends)?)
}

/// The ends of a request, source first; none of `me-any` and `any-me`.
fn ends(ends: &Ends, direction: Direction) -> Result<Option<(SocketAddr, SocketAddr)>, Error> {
    match (ends, direction) {
        (Ends::Addresses(src, dst), _) => {
            let (src, dst) = (address(src)?, address(dst)?);
            if src.is_ipv4() != dst.is_ipv4() {
                return Err(Code::FamilyMismatch.into());
            }
            Ok(Some((src, dst)))
        }
        (Ends::MeAny, Direction::Out) | (Ends::AnyMe, Direction::In) => Ok(None),
        _ => Err(Code::InvalidDirection.into()),
    }
}

/// A numeric address in any form that getaddrinfo(3) takes, scope included, with its port.
fn address(endpoint: &Endpoint) -> Result<SocketAddr, Error> {
    let word = &endpoint.address.value;
    let refuse = |error| {
        complain(&format!("libipsec: invalid IP address while parsing \"{word}\""));
        Error::LookUp(error)
    };
    let hints = AddrInfoHints {
        flags: libc::AI_NUMERICHOST,
        socktype: libc::SOCK_DGRAM,
        ..AddrInfoHints::default()
    };
    let mut found = getaddrinfo(Some(word), None, Some(hints))
        .map_err(|error| refuse(error.error_num()))?
        .filter_map(Result::ok);
    let mut address = found.next().ok_or_else(|| refuse(libc::EAI_NONAME))?.sockaddr;
    let port = endpoint.port.map(u16::try_from).transpose();
    address.set_port(port.map_err(|_| refuse(libc::EAI_SERVICE))?.unwrap_or(0));
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_distances_from_a_base() {
        let compiled = |text: &str| compile(format!("out {text} none").as_bytes());
        let priority = |text| compiled(text).map(|policy| policy.priority);
        for (text, number) in [
            ("", 0x8000_0000),
            ("prio low", 0xC000_0000),
            ("priority high + 7", 0x3fff_fff9),
            ("prio low - 1073741823", 0xffff_ffff),
            ("prio high + 1073741824", 0),
            ("prio 2147483648", 0),
            ("prio -2147483647", 0xffff_ffff),
        ] {
            assert_eq!(priority(text), Ok(number), "{text}");
        }
        for (text, code) in [
            ("prio 2147483649", Code::InvalidPriorityOffset),
            ("prio -2147483648", Code::InvalidPriorityOffset),
            ("prio 99999999999999999999", Code::InvalidPriorityOffset),
            ("prio def + 1073741825", Code::InvalidPriorityBaseOffset),
            ("prio def - 1073741824", Code::InvalidPriorityBaseOffset),
        ] {
            assert_eq!(priority(text), Err(code.into()), "{text}");
        }
    }

    #[test]
    fn an_address_keeps_its_scope() {
        let policy = compile(b"out ipsec esp/tunnel/fe80::1%lo-fe80::2%lo/require").unwrap();
        let (src, _) = policy.requests[0].ends.unwrap();
        let SocketAddr::V6(src) = src else { panic!("{src}") };
        assert_eq!((src.ip().to_string().as_str(), src.scope_id()), ("fe80::1", 1));
    }
}
