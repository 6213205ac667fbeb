//! What AF_KEY reports of a policy (`pfkey_xfrm_policy2msg`, net/key/af_key.c), and the policy of a
//! message (`pfkey_spdadd`).

use model::{
    Action, Installation, Level, Policy, PolicyEntry, PolicyId, Prefix, Priority, Selector, Upper,
};

use super::{fields, templates};
use crate::{
    Error, Extension, Message, MessageType,
    ext::{self, AddressKind, IpsecRequest, LifetimeKind},
    wire::numbers,
};

/// The message about a policy of the SPD: an entry of an SPDDUMP, the answer to
/// SPDGET, and the notification to every socket of an SPDADD, SPDUPDATE, SPDDELETE or SPDDELETE2.
/// `references` is the kernel's count of its users ([`crate::references`]).
///
/// What PF_KEY cannot express: marks and the interface are lost, as are the endpoints of a request
/// in BEET mode (AF_KEY passes none but a tunnel's); another mode than transport, tunnel and BEET
/// is an error. Levels are those of the entry: AF_KEY itself never answers `default`.
pub fn message(
    msg_type: MessageType,
    entry: &PolicyEntry,
    references: u16,
) -> Result<Message, Error> {
    let policy = &entry.policy;
    let mut extensions = Vec::from(selector(&policy.id.selector));
    for (kind, lifetime) in [
        (LifetimeKind::Hard, (&policy.lifetimes.hard).into()),
        (LifetimeKind::Soft, (&policy.lifetimes.soft).into()),
        (LifetimeKind::Current, (&entry.current).into()),
    ] {
        extensions.push(Extension::Lifetime(kind, lifetime));
    }
    let empty = policy.action == Action::Ipsec(Vec::new());
    extensions.push(Extension::Policy(ext::Policy {
        // Without requests the kernel knows `ipsec` and `none` no more apart.
        policy_type: if empty { numbers::NONE } else { policy.action.kind().pfkey_number() },
        dir: numbers::direction_number(policy.id.direction, entry.socket),
        id: entry.index,
        priority: policy.priority.0,
        requests: requests(policy)?,
    }));
    extensions.extend(sec_ctx(&policy.id));
    let message = Message { reserved: references, ..Message::new(msg_type, 0) };
    Ok(message.with(extensions))
}

/// SRC and DST of a policy.
pub(crate) fn selector(selector: &Selector) -> [Extension; 2] {
    let upper = fields::upper_number(selector.upper);
    let address =
        |kind, prefix, port| Extension::Address(kind, fields::prefix(prefix, upper, port));
    [
        address(AddressKind::Src, selector.src(), selector.src_port),
        address(AddressKind::Dst, selector.dst(), selector.dst_port),
    ]
}

pub(crate) fn sec_ctx(id: &PolicyId) -> Option<Extension> {
    id.sec_ctx.as_ref().map(|ctx| Extension::SecCtx(ctx.into()))
}

pub(crate) fn requests(policy: &Policy) -> Result<Vec<IpsecRequest>, Error> {
    policy.action.templates().iter().map(IpsecRequest::try_from).collect()
}

/// The policy that a message is about: a request, an answer or an entry of a dump. The upper-layer
/// protocol is the destination's, as for AF_KEY.
///
/// A tunnel without addresses, and what the SPD never holds (`entrust`, `bypass`, mode `any`), are
/// errors. A BEET request has no endpoints, whatever follows it.
pub fn read(message: &Message) -> Result<PolicyEntry, Error> {
    let parsed = message.policy().ok_or(Error::Missing("policy"))?;
    let (direction, socket) = numbers::direction(parsed.dir)?;
    let sec_ctx = message.sec_ctx().map(Into::into);
    let id = PolicyId { sec_ctx, ..PolicyId::new(read_selector(message)?, direction) };
    let policy = Policy {
        priority: Priority(parsed.priority),
        lifetimes: fields::limits(message),
        ..Policy::new(id, read_action(parsed)?)
    };
    let installation = Installation::plain(&policy);
    Ok(PolicyEntry {
        policy,
        installation,
        index: parsed.id,
        socket,
        current: fields::current(message),
    })
}

pub(crate) fn read_selector(message: &Message) -> Result<Selector, Error> {
    let src = message.address(AddressKind::Src).ok_or(Error::Missing("source address"))?;
    let dst = message.address(AddressKind::Dst).ok_or(Error::Missing("destination address"))?;
    let prefix = |address: &ext::Address| {
        Prefix::new(address.sockaddr.ip(), Some(address.prefix_len.into()))
    };
    let mut selector = Selector::new(prefix(src)?, prefix(dst)?)?;
    selector.upper = Upper::from_pfkey(dst.proto);
    selector.src_port = src.sockaddr.port();
    selector.dst_port = dst.sockaddr.port();
    Ok(selector)
}

fn read_action(policy: &ext::Policy) -> Result<Action, Error> {
    match policy.policy_type {
        numbers::DISCARD => Ok(Action::Discard),
        numbers::NONE => Ok(Action::None),
        numbers::IPSEC => {
            let requests = policy.requests.iter().map(templates::read);
            Ok(Action::Ipsec(requests.collect::<Result<_, _>>()?))
        }
        number => Err(Error::UnknownNumber { field: "policy type", number: number.into() }),
    }
}

/// A policy as AF_KEY reports it, whose level is `use` where packets may pass without an SA and never
/// `default`. Whether a template is optional comes from its form.
#[must_use]
pub fn without_default(mut entry: PolicyEntry) -> PolicyEntry {
    if let Action::Ipsec(requests) = &mut entry.policy.action {
        for (place, request) in requests.iter_mut().enumerate() {
            let is_optional = entry.installation.is_optional(place);
            // Of a partial policy, other templates have these places.
            let is_lenient = is_optional && !entry.installation.is_partial;
            request.level = match request.level {
                Level::Default if is_optional => Level::Use,
                Level::Default => Level::Require,
                Level::Require | Level::Unique(_) if is_lenient => Level::Use,
                level @ (Level::Use | Level::Require | Level::Unique(_)) => level,
            };
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use model::{Current, Direction, Proto, Template, TemplateMode};

    use super::*;

    fn policy(levels: &[Level], is_optional: bool) -> PolicyEntry {
        let any = Prefix::new([0; 4].into(), Some(0)).unwrap();
        let request = |&level| Template::new(Proto::Esp, TemplateMode::Transport, level);
        let policy = Policy {
            priority: Priority(0),
            ..Policy::new(
                PolicyId::new(Selector::within(any), Direction::In),
                Action::Ipsec(levels.iter().map(request).collect()),
            )
        };
        let installation = Installation::whole(&policy, |_| is_optional);
        PolicyEntry { policy, installation, index: 8, socket: false, current: Current::default() }
    }

    #[test]
    fn default_is_what_the_kernel_makes_of_it() {
        for (is_optional, level) in [(true, Level::Use), (false, Level::Require)] {
            let reported = without_default(policy(&[Level::Default, Level::Use], is_optional));
            let levels: Vec<_> =
                reported.policy.action.templates().iter().map(|it| it.level).collect();
            assert_eq!(levels, [level, Level::Use]);
            let reported = without_default(policy(&[Level::Require], is_optional));
            assert_eq!(reported.policy.action.templates()[0].level, level);
        }
    }
}
