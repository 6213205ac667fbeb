//! Catch-alls: policies for every packet, or for all of the loopback address, at the end of the SPD.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipsec::{Action, Form, IpVersion, Lifetimes, Policy, PolicyId, Prefix, Priority, Selector};
use netlink_packet_xfrm::{
    UserPolicyId,
    policy::{DelGetMessage, ModifyMessage},
};

use super::policy;
use crate::{
    CatchAll, HeldPolicy,
    catch_all::{OWNER, Scope},
};

/// The message that adds or renews it.
pub(crate) fn message(it: CatchAll) -> ModifyMessage {
    let (priority, action) = match it.scope {
        Scope::Everything => (Priority(u32::MAX), Action::Discard),
        Scope::Loopback => (Priority(u32::MAX - 1), Action::None),
    };
    let policy = Policy { id: id(it), priority, action, lifetimes: Lifetimes::default() };
    let held = HeldPolicy { policy: &policy, form: Form::default(), index: 0 };
    let mut message = policy::message(&held);
    message.user_policy_info.selector.user = OWNER;
    message
}

/// The message that names it.
pub(crate) fn id_message(it: CatchAll) -> DelGetMessage {
    let mut message = policy::id_message(&id(it));
    message.user_policy_id.selector.user = OWNER;
    message
}

/// Whether an object that begins with `xfrm_userpolicy_id` names a catch-all.
pub(crate) fn is_named_by(object: &[u8]) -> bool {
    UserPolicyId::parse(object).is_ok_and(|id| id.selector.user == OWNER)
}

fn id(it: CatchAll) -> PolicyId {
    let prefix = match (it.scope, it.version) {
        (Scope::Everything, version) => Prefix::everything(version),
        (Scope::Loopback, IpVersion::V4) => Prefix::host(Ipv4Addr::LOCALHOST.into()),
        (Scope::Loopback, IpVersion::V6) => Prefix::host(Ipv6Addr::LOCALHOST.into()),
    };
    PolicyId::new(Selector::within(prefix), it.direction)
}
