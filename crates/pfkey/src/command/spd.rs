use model::{
    Action, AddressPair, Direction, Level, Mode, Policy, PolicyId, Priority, Proto, ReqId, Request,
    RequestMode,
};

use super::extensions::Extensions;
use crate::{
    Error,
    ext::{Address, IpsecRequest},
    numbers, sad,
    spd::{self, MOST_REQUESTS},
};

/// `IPSEC_LEVEL_*`; every other number is `require`.
const DEFAULT: u8 = 0;
const USE: u8 = 1;
const UNIQUE: u8 = 3;

/// The policy of an SPDADD, SPDUPDATE or SPDSETIDX (`pfkey_spdadd`).
pub(super) fn policy(extensions: &Extensions<'_>) -> Result<Policy, Error> {
    let (src, _) = extensions.addresses()?;
    let (said, requests) = extensions.policy()?;
    if said.policy_type > numbers::IPSEC {
        let number = said.policy_type.into();
        return Err(Error::UnknownNumber { field: "policy type", number });
    }
    let direction = direction(said.dir)?;
    let message = &extensions.message;
    let action = match said.policy_type {
        numbers::DISCARD => Action::Discard,
        numbers::NONE => Action::None,
        _ => Action::Ipsec(requests_of(requests, direction, unspecified(src)?)?),
    };
    Ok(Policy {
        id: PolicyId {
            sec_ctx: message.sec_ctx().map(sad::read_sec_ctx),
            ..PolicyId::new(spd::read_selector(message)?, direction)
        },
        priority: Priority(said.priority),
        action,
        lifetimes: sad::read_lifetimes(message),
    })
}

/// The name of the policy of an SPDDELETE (`pfkey_spddelete`).
pub(super) fn id(extensions: &Extensions<'_>) -> Result<PolicyId, Error> {
    extensions.addresses()?;
    let (said, _) = extensions.policy()?;
    let direction = direction(said.dir)?;
    let message = &extensions.message;
    let sec_ctx = message.sec_ctx().map(sad::read_sec_ctx);
    Ok(PolicyId { sec_ctx, ..PolicyId::new(spd::read_selector(message)?, direction) })
}

/// The index of the policy of an SPDGET or SPDDELETE2 (`pfkey_spdget`), whose low three bits are a
/// direction, and not a socket's.
pub(super) fn index(extensions: &Extensions<'_>) -> Result<u32, Error> {
    let (said, _) = extensions.policy()?;
    match said.id & 7 {
        0..3 => Ok(said.id),
        _ => Err(Error::UnknownNumber { field: "policy index", number: said.id }),
    }
}

/// A direction of the SPD: those of sockets have numbers too, and are not for requests.
pub(super) fn direction(number: u8) -> Result<Direction, Error> {
    match numbers::direction(number)? {
        (direction, false) => Ok(direction),
        (_, true) => Err(Error::UnknownNumber { field: "direction", number: number.into() }),
    }
}

/// The protocol of a request, of whose 16 bits AF_KEY keeps the low ones.
pub(super) fn proto(said: &IpsecRequest) -> Option<Proto> {
    let [.., low] = said.proto.to_be_bytes();
    Proto::from_number(low)
}

/// All zeros, of the family of an address.
fn unspecified(address: &Address) -> Result<AddressPair, Error> {
    let any = sad::unspecified(address.sockaddr.ip());
    Ok(AddressPair::new(any, any)?)
}

/// `parse_ipsecrequests`: bytes behind the last that are too few for another are passed over.
fn requests_of(
    mut rest: &[u8],
    direction: Direction,
    no_ends: AddressPair,
) -> Result<Vec<Request>, Error> {
    let mut requests = Vec::new();
    while rest.len() >= IpsecRequest::HEADER {
        let (after, said) = IpsecRequest::parse(rest).map_err(|_| Error::Malformed(18))?;
        if requests.len() == MOST_REQUESTS {
            return Err(model::Error::TooManyRequests(MOST_REQUESTS + 1).into());
        }
        requests.push(request(&said, direction, no_ends)?);
        rest = after;
    }
    Ok(requests)
}

/// `parse_ipsecrequest`. A number beside another level than `unique` is ignored, one that is too
/// large lets the kernel choose; the addresses are looked at in tunnel mode only, so a BEET request
/// has `no_ends`.
fn request(
    said: &IpsecRequest,
    direction: Direction,
    no_ends: AddressPair,
) -> Result<Request, Error> {
    let mode = match numbers::mode(said.mode)? {
        Mode::Transport => RequestMode::Transport,
        Mode::Tunnel => {
            let (src, dst) = said.ends.ok_or(Error::Missing("tunnel address"))?;
            RequestMode::Tunnel(AddressPair::new(src.ip(), dst.ip())?)
        }
        Mode::Beet => RequestMode::Beet(no_ends),
        mode => RequestMode::Other(mode, None),
    };
    let proto = proto(said);
    // `xfrm_id_proto_valid`
    let proto = proto
        .filter(|&proto| proto != Proto::Any)
        .ok_or(Error::UnknownNumber { field: "request protocol", number: said.proto.into() })?;
    let level = match said.level {
        DEFAULT => Level::Default,
        USE => Level::Use,
        UNIQUE => {
            let chosen = 1..=ReqId::MANUAL_MAX.0;
            Level::Unique(chosen.contains(&said.reqid).then_some(ReqId(said.reqid)))
        }
        _ => Level::Require,
    };
    let beet = mode.mode() == Mode::Beet;
    if level == Level::Use && beet && direction == Direction::Out {
        return Err(model::Error::OptionalOutboundBeet.into());
    }
    Ok(Request { proto, mode, level })
}
