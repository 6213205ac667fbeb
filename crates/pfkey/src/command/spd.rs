use model::{Action, ActionKind, AddressPair, Direction, Policy, PolicyId, Priority, Template};

use super::extensions::Extensions;
use crate::{
    Error,
    entry::{fields, spd, templates},
    ext::{Address, IpsecRequests},
    wire::numbers,
};

/// The policy of an SPDADD, SPDUPDATE or SPDSETIDX (`pfkey_spdadd`).
pub(super) fn policy(extensions: &Extensions<'_>) -> Result<Policy, Error> {
    let (src, _) = extensions.addresses()?;
    let (policy, requests) = extensions.policy()?;
    let number = policy.policy_type.into();
    let unknown = || Error::UnknownNumber { field: "policy type", number };
    let kind = ActionKind::from_pfkey(policy.policy_type).ok_or_else(unknown)?;
    let direction = direction(policy.dir)?;
    let message = &extensions.message;
    let action = match kind {
        ActionKind::Discard => Action::Discard,
        ActionKind::None => Action::None,
        ActionKind::Ipsec => Action::Ipsec(accept(requests, direction, unspecified(src)?)?),
        // Those of sockets.
        ActionKind::Entrust | ActionKind::Bypass => return Err(unknown()),
    };
    let sec_ctx = message.sec_ctx().map(Into::into);
    let id = PolicyId { sec_ctx, ..PolicyId::new(spd::read_selector(message)?, direction) };
    Ok(Policy {
        priority: Priority(policy.priority),
        lifetimes: fields::limits(message),
        ..Policy::new(id, action)
    })
}

/// The name of the policy of an SPDDELETE (`pfkey_spddelete`).
pub(super) fn id(extensions: &Extensions<'_>) -> Result<PolicyId, Error> {
    extensions.addresses()?;
    let (policy, _) = extensions.policy()?;
    let direction = direction(policy.dir)?;
    let message = &extensions.message;
    let sec_ctx = message.sec_ctx().map(Into::into);
    Ok(PolicyId { sec_ctx, ..PolicyId::new(spd::read_selector(message)?, direction) })
}

/// The index of the policy of an SPDGET or SPDDELETE2 (`pfkey_spdget`), whose low three bits are a
/// direction, and not a socket's.
pub(super) fn index(extensions: &Extensions<'_>) -> Result<u32, Error> {
    let (policy, _) = extensions.policy()?;
    match policy.id & 7 {
        0..3 => Ok(policy.id),
        _ => Err(Error::UnknownNumber { field: "policy index", number: policy.id }),
    }
}

/// A direction of the SPD: those of sockets have numbers too, and are not for requests.
pub(super) fn direction(number: u8) -> Result<Direction, Error> {
    match numbers::direction(number)? {
        (direction, false) => Ok(direction),
        (_, true) => Err(Error::UnknownNumber { field: "direction", number: number.into() }),
    }
}

/// All zeros, of the family of an address.
fn unspecified(address: &Address) -> Result<AddressPair, Error> {
    let any = fields::unspecified(address.sockaddr.ip());
    Ok(AddressPair::new(any, any)?)
}

/// `parse_ipsecrequests`: bytes behind the last that are too few for another are passed over.
fn accept(
    requests: IpsecRequests<'_>,
    direction: Direction,
    beet_ends: AddressPair,
) -> Result<Vec<Template>, Error> {
    let mut accepted = Vec::new();
    for request in requests {
        let (request, _) = request?;
        if accepted.len() == model::MAX_DEPTH {
            return Err(model::Error::TooManyTemplates(model::MAX_DEPTH + 1).into());
        }
        accepted.push(templates::accept(&request, direction, beet_ends)?);
    }
    Ok(accepted)
}
