//! `xfrm_userpolicy_info` with its attributes, and `xfrm_userpolicy_id`.

use std::num::{NonZeroU32, NonZeroU64};

use model::{
    Action, Attribute, DeviceName, Direction, Installation, IpVersion, MAX_DEPTH, Mark, Policy,
    PolicyAddresses, PolicyEntry, PolicyFlags, PolicyHead, PolicyId, PolicyType, Prefix, Priority,
    SecCtx, Template,
};
use netlink_packet_core::{DecodeError, Emitable, Nla, NlasIterator, Parseable};
use netlink_packet_xfrm::{
    Lifetime, Selector, UserPolicyId, UserPolicyInfo, UserPolicyType, UserTemplate,
    XFRM_POLICY_ALLOW, XFRM_POLICY_BLOCK, XFRM_POLICY_MAX, XFRM_SELECTOR_LEN,
    XFRM_USER_POLICY_ID_LEN, XFRM_USER_POLICY_INFO_LEN, XFRMA_IF_ID, XFRMA_MARK, XFRMA_POLICY,
    XFRMA_POLICY_TYPE, XFRMA_SEC_CTX, XFRMA_TMPL, XfrmAttrs,
    policy::{DelGetMessage, ModifyMessage},
};

use super::{
    AddressFamily, attributes, image, lifetime, mark, nested, number, offload, raw, sec_ctx,
    selector, template, unknown,
};
use crate::{Error, InstalledPolicy, KernelRefusal, catch_all, device::Devices};

/// One template more than the kernel takes: enough for it to say so.
const MOST_TEMPLATES: usize = MAX_DEPTH + 1;

/// The flag of a policy some of whose templates the kernel cannot have just now. Another program's policy
/// may have it too: only the store knows which are partial.
const PARTIAL: PolicyFlags = PolicyFlags::LOCAL_OK;

/// The message that adds or updates a policy, refused if its device is not there.
pub(crate) fn message(
    installed: &InstalledPolicy<'_>,
    devices: &Devices,
) -> Result<ModifyMessage, KernelRefusal> {
    let selector = selector::write(&installed.policy.id.selector, devices)?;
    let mut message = with_selector(installed, selector);
    let offload = installed.policy.offload.map(|device| offload::of_policy(device, devices));
    message.nlas.extend(offload.transpose()?);
    Ok(message)
}

/// The message for a policy with this selector.
pub(super) fn with_selector(
    &InstalledPolicy { policy, installation, index }: &InstalledPolicy<'_>,
    selector: Selector,
) -> ModifyMessage {
    let version = policy.id.selector.version();
    let templates = policy.action.templates().iter().take(MOST_TEMPLATES);
    let mut wire_templates = template::write_all(templates, installation, version);
    let unused = policy.unused_templates.iter().take(MOST_TEMPLATES);
    wire_templates.extend(template::write_all(unused, policy.unused_installation(), version));
    let wire_templates =
        (!wire_templates.is_empty()).then_some(XfrmAttrs::Template(wire_templates));
    let mut lifetime_cfg = lifetime::config(&policy.lifetimes);
    lifetime::set_zero(&mut lifetime_cfg, policy.zero_limits);
    let partial = if installation.is_partial { PARTIAL } else { PolicyFlags::default() };
    ModifyMessage {
        user_policy_info: UserPolicyInfo {
            selector,
            lifetime_cfg,
            priority: policy.priority.0,
            index,
            flags: (policy.flags | partial).bits(),
            direction: policy.id.direction.xfrm(),
            action: match policy.action {
                Action::Discard => XFRM_POLICY_BLOCK,
                Action::None | Action::Ipsec(_) => XFRM_POLICY_ALLOW,
            },
            ..UserPolicyInfo::default()
        },
        nlas: wire_templates
            .into_iter()
            .chain(name(&policy.id))
            .chain(policy.unknown.iter().map(unknown))
            .collect(),
    }
}

/// The message that names a policy, refused if its device is not there.
pub(crate) fn id_message(id: &PolicyId, devices: &Devices) -> Result<DelGetMessage, KernelRefusal> {
    Ok(id_with_selector(id, selector::write(&id.selector, devices)?))
}

/// The message that names a policy with this selector.
pub(super) fn id_with_selector(id: &PolicyId, selector: Selector) -> DelGetMessage {
    let direction = id.direction.xfrm();
    let user_policy_id = UserPolicyId { selector, index: 0, direction };
    DelGetMessage { user_policy_id, nlas: name(id).collect() }
}

/// The message that names a policy by its index, whose low three bits are the direction.
pub(crate) fn index_message(index: u32) -> DelGetMessage {
    let direction = index.to_le_bytes()[0] & 7;
    let user_policy_id = UserPolicyId { index, direction, ..UserPolicyId::default() };
    DelGetMessage { user_policy_id, nlas: Vec::new() }
}

/// The attributes of a policy's name: the kernel compares them with selector and direction.
fn name(id: &PolicyId) -> impl Iterator<Item = XfrmAttrs> {
    let sec_ctx = id.sec_ctx.as_ref().map(sec_ctx::attribute);
    let if_id = id.if_id.map(|number| XfrmAttrs::IfId(number.get()));
    [sec_ctx, mark::attribute(id.mark), if_id, type_attribute(id.policy_type)].into_iter().flatten()
}

/// The attribute of a type, unless it is the one that the kernel takes without it.
pub(crate) fn type_attribute(kind: PolicyType) -> Option<XfrmAttrs> {
    let wire = UserPolicyType { ptype: kind.xfrm(), ..UserPolicyType::default() };
    (kind != PolicyType::Main).then_some(XfrmAttrs::PolicyType(wire))
}

/// Reads a policy; nothing for a catch-all.
pub(crate) fn read(object: &[u8], devices: &Devices) -> Result<Option<PolicyEntry>, Error> {
    let info = UserPolicyInfo::parse(object)?;
    entry(&info, attributes(object, XFRM_USER_POLICY_INFO_LEN), devices)
}

/// Reads the addresses of a policy and no more; none: it is a catch-all, a socket's, without a family or malformed, which
/// [`read_head`] finds out.
pub(crate) fn read_addresses(object: &[u8]) -> Option<PolicyAddresses> {
    const INDEX: usize = 156;
    let selector = Selector::parse(object.get(..XFRM_SELECTOR_LEN)?).ok()?;
    let index = u32::from_ne_bytes(*object.get(INDEX..)?.first_chunk()?);
    let (direction, is_of_socket) = place(index);
    if is_of_socket || selector.user == catch_all::OWNER {
        return None;
    }
    let version = IpVersion::from_family(selector.family)?;
    let prefix = |address, length: u8| Prefix::new(version.address(address), Some(length.into()));
    let src = prefix(&selector.saddr, selector.prefixlen_s).ok()?;
    let dst = prefix(&selector.daddr, selector.prefixlen_d).ok()?;
    Some(PolicyAddresses { src, dst, direction })
}

/// Reads what a look-up compares of a policy, and no more: an SPD may have many that a packet has nothing to do
/// with. Nothing for a catch-all and the policy of a socket.
pub(crate) fn read_head(object: &[u8], devices: &Devices) -> Result<Option<PolicyHead>, Error> {
    let info = UserPolicyInfo::parse(object)?;
    let (direction, is_of_socket) = place(info.index);
    if is_of_socket || info.selector.user == catch_all::OWNER {
        return Ok(None);
    }
    let (mut sec_ctx, mut mark, mut if_id) = (None, Mark::default(), None);
    let (mut policy_type, mut hint) = (PolicyType::Main, None);
    for attribute in NlasIterator::new(object.get(XFRM_USER_POLICY_INFO_LEN..).unwrap_or_default())
    {
        let attribute = attribute?;
        match attribute.kind() {
            // The templates have a family where the selector has none.
            XFRMA_TMPL if IpVersion::from_family(info.selector.family).is_some() => {}
            XFRMA_TMPL | XFRMA_SEC_CTX | XFRMA_MARK | XFRMA_IF_ID | XFRMA_POLICY_TYPE => {
                match XfrmAttrs::parse(&attribute)? {
                    XfrmAttrs::Template(list) => {
                        hint = list.first().and_then(|it| IpVersion::from_family(it.family));
                    }
                    XfrmAttrs::SecurityContext(context) => sec_ctx = Some(sec_ctx::read(context)),
                    XfrmAttrs::Mark(wire) => mark = mark::read(wire),
                    XfrmAttrs::IfId(number) => if_id = NonZeroU32::new(number),
                    XfrmAttrs::PolicyType(kind) => policy_type = number::policy_type(kind.ptype)?,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let selector = selector::read(&info.selector, hint, devices)?;
    let id = PolicyId { selector, direction, sec_ctx, mark, if_id, policy_type };
    let (priority, flags) = (Priority(info.priority), PolicyFlags::from_bits(info.flags));
    Ok(Some(PolicyHead { id, priority, index: info.index, flags }))
}

/// The bytes of a policy with zeros for its counters and times, which packets change.
pub(crate) fn without_counters(object: &[u8]) -> Vec<u8> {
    let mut object = object.to_vec();
    if let Ok(info) = UserPolicyInfo::parse(&object) {
        UserPolicyInfo { lifetime_cur: Lifetime::default(), ..info }.emit(&mut object);
    }
    object
}

/// The bytes of a policy without `XFRMA_OFFLOAD_DEV`.
pub(crate) fn without_offload(object: &[u8]) -> Vec<u8> {
    let (info, attributes) = object.split_at(XFRM_USER_POLICY_INFO_LEN.min(object.len()));
    [info, &image::without_offload(attributes)].concat()
}

/// Reads the index of a policy, and when it was last used, if ever, in Unix seconds. The kernel sets that as it
/// looks a policy up (`xfrm_lookup_with_ifid`).
pub(crate) fn read_use(object: &[u8]) -> Result<Option<(u32, Option<NonZeroU64>)>, Error> {
    let info = UserPolicyInfo::parse(object)?;
    Ok(Some((info.index, NonZeroU64::new(info.lifetime_cur.use_time))))
}

/// Reads a policy that was deleted: its name, with the whole policy in attributes
/// (`xfrm_notify_policy`).
pub(crate) fn read_deleted(object: &[u8], devices: &Devices) -> Result<Option<PolicyEntry>, Error> {
    let info = nested(object, XFRM_USER_POLICY_ID_LEN, XFRMA_POLICY, UserPolicyInfo::parse)?;
    entry(&info, attributes(object, XFRM_USER_POLICY_ID_LEN), devices)
}

/// What the attributes of a policy are.
#[derive(Default)]
struct Parts {
    templates: Vec<UserTemplate>,
    sec_ctx: Option<SecCtx>,
    mark: Mark,
    if_id: Option<NonZeroU32>,
    policy_type: PolicyType,
    offload: Option<DeviceName>,
    unknown: Vec<Attribute>,
}

impl Parts {
    fn read(
        attributes: impl Iterator<Item = Result<XfrmAttrs, DecodeError>>,
        devices: &Devices,
    ) -> Result<Self, Error> {
        let mut parts = Self::default();
        for attribute in attributes {
            match attribute? {
                XfrmAttrs::Template(list) => parts.templates = list,
                XfrmAttrs::SecurityContext(context) => parts.sec_ctx = Some(sec_ctx::read(context)),
                XfrmAttrs::Mark(wire) => parts.mark = mark::read(wire),
                XfrmAttrs::IfId(number) => parts.if_id = NonZeroU32::new(number),
                XfrmAttrs::PolicyType(kind) => parts.policy_type = number::policy_type(kind.ptype)?,
                XfrmAttrs::OffloadDevice(wire) => parts.offload = Some(devices.name(wire.ifindex)),
                other if is_of_message(other.kind()) => {}
                other => parts.unknown.push(raw(&other)),
            }
        }
        Ok(parts)
    }
}

/// Reads a policy of this fixed structure and these attributes.
pub(super) fn entry(
    info: &UserPolicyInfo,
    attributes: impl Iterator<Item = Result<XfrmAttrs, DecodeError>>,
    devices: &Devices,
) -> Result<Option<PolicyEntry>, Error> {
    if info.selector.user == catch_all::OWNER {
        return Ok(None);
    }
    let parts = Parts::read(attributes, devices)?;
    let hint = parts.templates.first().and_then(|it| IpVersion::from_family(it.family));
    let mut selector = selector::read(&info.selector, hint, devices)?;
    let family = IpVersion::of(selector.src().addr());
    let read_all = |read: fn(&UserTemplate, IpVersion) -> Result<Template, DecodeError>| {
        parts.templates.iter().map(|it| read(it, family)).collect::<Result<Vec<_>, _>>()
    };
    let is_block = info.action == XFRM_POLICY_BLOCK;
    let (templates, unused_templates) = if is_block {
        (Vec::new(), read_all(template::read_unused)?)
    } else {
        (read_all(template::read)?, Vec::new())
    };
    let (direction, socket) = place(info.index);
    if socket {
        // The number that it was set with, which is no part of a name.
        selector.user = 0;
    }
    let Parts { sec_ctx, mark, if_id, policy_type, .. } = parts;
    let policy = Policy {
        id: PolicyId { selector, direction, sec_ctx, mark, if_id, policy_type },
        priority: Priority(info.priority),
        action: match (is_block, templates.is_empty()) {
            (true, _) => Action::Discard,
            (false, true) => Action::None,
            (false, false) => Action::Ipsec(templates),
        },
        lifetimes: lifetime::lifetimes(&info.lifetime_cfg),
        zero_limits: lifetime::zero_limits(&info.lifetime_cfg),
        flags: PolicyFlags::from_bits(info.flags),
        offload: parts.offload,
        unused_templates,
        unknown: parts.unknown,
    };
    let mut optional = parts.templates.iter().map(|template| template.optional != 0);
    let installation = Installation::whole(&policy, |_| optional.next().unwrap_or(false));
    Ok(Some(PolicyEntry {
        policy,
        installation,
        index: info.index,
        socket,
        current: lifetime::current(&info.lifetime_cur),
    }))
}

/// Whether an attribute is of a message, not of its policy: the fixed structure in the notification of a deletion,
/// padding, and the CPU of an ACQUIRE.
fn is_of_message(number: u16) -> bool {
    const XFRMA_PAD: u16 = 27;
    const XFRMA_SA_PCPU: u16 = 35;
    [XFRMA_POLICY, XFRMA_PAD, XFRMA_SA_PCPU].contains(&number)
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
