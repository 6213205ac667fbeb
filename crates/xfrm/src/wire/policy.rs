//! `xfrm_userpolicy_info` with its attributes, and `xfrm_userpolicy_id`.

use ipsec::{Action, Direction, Policy, PolicyEntry, PolicyId, Priority, Request};
use netlink_packet_xfrm::{
    UserPolicyId, UserPolicyInfo, XFRM_POLICY_ALLOW, XFRM_POLICY_BLOCK, XFRM_POLICY_MAX,
    XFRM_POLICY_TYPE_MAIN, XFRM_USER_POLICY_INFO_LEN, XfrmAttrs,
    policy::{DelGetMessage, ModifyMessage},
};

use super::{Family, attributes, lifetime, sec_ctx, selector, template};
use crate::Error;

/// One request more than the kernel takes (`XFRM_MAX_DEPTH`): enough for it to say so.
const MOST_TEMPLATES: usize = 7;

/// The message that adds or updates a policy.
pub(crate) fn message(policy: &Policy) -> ModifyMessage {
    let family = Family::of(policy.id.selector.src().addr());
    let requests = policy.action.requests().iter().take(MOST_TEMPLATES);
    let templates: Vec<_> = requests.map(|request| template::write(request, family)).collect();
    let templates = (!templates.is_empty()).then_some(XfrmAttrs::Template(templates));
    ModifyMessage {
        user_policy_info: UserPolicyInfo {
            selector: selector::write(&policy.id.selector),
            lifetime_cfg: lifetime::config(&policy.lifetimes),
            priority: policy.priority.0,
            direction: policy.id.direction.xfrm(),
            action: match policy.action {
                Action::Discard => XFRM_POLICY_BLOCK,
                Action::None | Action::Ipsec(_) => XFRM_POLICY_ALLOW,
            },
            ..UserPolicyInfo::default()
        },
        nlas: templates
            .into_iter()
            .chain(policy.id.sec_ctx.as_ref().map(sec_ctx::attribute))
            .collect(),
    }
}

/// The message that names a policy by selector, direction and security context.
pub(crate) fn id_message(id: &PolicyId) -> DelGetMessage {
    DelGetMessage {
        user_policy_id: UserPolicyId {
            selector: selector::write(&id.selector),
            index: 0,
            direction: id.direction.xfrm(),
        },
        nlas: id.sec_ctx.as_ref().map(sec_ctx::attribute).into_iter().collect(),
    }
}

/// Reads a policy; nothing for one of the sub-policies that Mobile IPv6 keeps.
pub(crate) fn read(object: &[u8]) -> Result<Option<PolicyEntry>, Error> {
    let info = UserPolicyInfo::parse(object)?;
    let (mut templates, mut sec_ctx) = (Vec::new(), None);
    for attribute in attributes(object, XFRM_USER_POLICY_INFO_LEN) {
        match attribute? {
            XfrmAttrs::Template(list) => templates = list,
            XfrmAttrs::SecurityContext(context) => sec_ctx = Some(sec_ctx::read(context)),
            XfrmAttrs::PolicyType(kind) if kind.ptype != XFRM_POLICY_TYPE_MAIN => return Ok(None),
            _ => {}
        }
    }
    let hint = templates.first().and_then(|template| Family::from_number(template.family));
    let selector = selector::read(&info.selector, hint)?;
    let family = Family::of(selector.src().addr());
    let requests = templates.iter().map(|template| template::read(template, family));
    let requests: Vec<Request> = requests.collect::<Result<_, _>>()?;
    let (direction, socket) = place(info.index);
    Ok(Some(PolicyEntry {
        policy: Policy {
            id: PolicyId { selector, direction, sec_ctx },
            priority: Priority(info.priority),
            action: match (info.action, requests.is_empty()) {
                (XFRM_POLICY_BLOCK, _) => Action::Discard,
                (_, true) => Action::None,
                (_, false) => Action::Ipsec(requests),
            },
            lifetimes: lifetime::lifetimes(&info.lifetime_cfg),
        },
        index: info.index,
        socket,
        current: lifetime::current(&info.lifetime_cur),
    }))
}

/// Direction, and whether a socket owns it, from the low three bits of an index
/// (`xfrm_gen_index`): in, out, fwd, then the same of sockets.
fn place(index: u32) -> (Direction, bool) {
    const DIRECTIONS: [Direction; 3] = [Direction::In, Direction::Out, Direction::Fwd];
    let bits = usize::from(index.to_le_bytes()[0] & 7);
    (DIRECTIONS[bits % DIRECTIONS.len()], bits >= usize::from(XFRM_POLICY_MAX))
}

#[cfg(test)]
mod tests;
