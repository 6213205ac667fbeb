//! Catch-alls: policies for every packet, or for all of the loopback address, at the end of the SPD.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{Action, Installation, IpVersion, Policy, PolicyId, Prefix, Priority, Selector};
use netlink_packet_xfrm::{
    self as xfrm, UserPolicyInfo, XFRM_USER_POLICY_ID_LEN, XFRMA_POLICY,
    policy::{DelGetMessage, ModifyMessage},
};

use super::{nested, policy, selector};
use crate::{
    CatchAll, InstalledPolicy,
    catch_all::{CatchAllScope, OWNER},
};

/// The message that adds or renews it.
pub(crate) fn message(it: CatchAll) -> ModifyMessage {
    let (priority, action) = match it.scope {
        CatchAllScope::Everything => (Priority(u32::MAX), Action::Discard),
        CatchAllScope::Loopback => (Priority(u32::MAX - 1), Action::None),
    };
    let policy = Policy { priority, ..Policy::new(id(it), action) };
    let installed =
        InstalledPolicy { policy: &policy, installation: Installation::default(), index: 0 };
    policy::with_selector(&installed, selector(&policy.id))
}

/// The message that names it.
pub(crate) fn id_message(it: CatchAll) -> DelGetMessage {
    let id = id(it);
    policy::id_with_selector(&id, selector(&id))
}

/// Whether a notification of a deletion is about a catch-all. What was deleted by its index is named
/// by its index alone; the whole policy is in an attribute either way (`xfrm_notify_policy`).
pub(crate) fn was_deleted(object: &[u8]) -> bool {
    nested(object, XFRM_USER_POLICY_ID_LEN, XFRMA_POLICY, UserPolicyInfo::parse)
        .is_ok_and(|info| info.selector.user == OWNER)
}

fn selector(id: &PolicyId) -> xfrm::Selector {
    xfrm::Selector { user: OWNER, ..selector::of_any_device(&id.selector) }
}

fn id(it: CatchAll) -> PolicyId {
    let prefix = match (it.scope, it.version) {
        (CatchAllScope::Everything, version) => Prefix::everything(version),
        (CatchAllScope::Loopback, IpVersion::V4) => Prefix::host(Ipv4Addr::LOCALHOST.into()),
        (CatchAllScope::Loopback, IpVersion::V6) => Prefix::host(Ipv6Addr::LOCALHOST.into()),
    };
    PolicyId::new(Selector::within(prefix), it.direction)
}

#[cfg(test)]
mod tests {
    use model::Direction;

    use super::*;
    use crate::device::Devices;
    use crate::wire::testing::{bytes, hex};

    /// What ip xfrm sends, which cannot say whose a policy is: `xfrm_selector.user` is its last field.
    fn ours(captured: &str) -> Vec<u8> {
        let mut bytes = hex(captured);
        bytes[52..56].copy_from_slice(&OWNER.to_ne_bytes());
        bytes
    }

    #[test]
    fn everything_is_dropped() {
        // ip xfrm policy update src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd action block \
        //     priority 4294967295
        let captured = "
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 02000000 00000000 00000000 00000000
            ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            ffffffff 00000000 02010000 00000000";
        let (version, direction) = (IpVersion::V4, Direction::Fwd);
        let it = CatchAll { version, direction, scope: CatchAllScope::Everything };
        assert_eq!(bytes(&message(it)), ours(captured));
    }

    #[test]
    fn loopback_passes_above_it() {
        // ip xfrm policy update src ::1 dst ::1 dir in action allow priority 4294967294
        let captured = "
            00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000001
            00000000 00000000 0a008080 00000000 00000000 00000000
            ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            feffffff 00000000 00000000 00000000";
        let (version, direction) = (IpVersion::V6, Direction::In);
        let it = CatchAll { version, direction, scope: CatchAllScope::Loopback };
        assert_eq!(bytes(&message(it)), ours(captured));
    }

    #[test]
    fn its_name_is_no_users() {
        // ip xfrm policy delete src ::/0 dst ::/0 dir out
        let captured = "
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 0a000000 00000000 00000000 00000000 00000000 01000000";
        let (version, direction) = (IpVersion::V6, Direction::Out);
        let name = id_message(CatchAll { version, direction, scope: CatchAllScope::Everything });
        assert_eq!(bytes(&name), ours(captured));
    }

    #[test]
    fn a_deletion_by_index_does_not_name_it() {
        // What the kernel notifies of ip xfrm policy deleteall: an index, and XFRMA_POLICY.
        let deleted = |user: u32| {
            let (version, direction) = (IpVersion::V4, Direction::Out);
            let mut message =
                message(CatchAll { version, direction, scope: CatchAllScope::Everything });
            message.user_policy_info.selector.user = user;
            let policy = bytes(&message);
            let name = hex(&"00".repeat(56)).into_iter().chain(hex("09000000 01000000"));
            let length = u16::try_from(4 + policy.len()).unwrap();
            let attribute = [length, XFRMA_POLICY].map(u16::to_ne_bytes).concat();
            name.chain(attribute).chain(policy).collect::<Vec<u8>>()
        };
        assert!(was_deleted(&deleted(OWNER)));
        assert!(!was_deleted(&deleted(0)));
    }

    #[test]
    fn no_dump_shows_it() {
        let (version, direction) = (IpVersion::V4, Direction::In);
        for scope in [CatchAllScope::Everything, CatchAllScope::Loopback] {
            let mut message = message(CatchAll { version, direction, scope });
            assert_eq!(policy::read(&bytes(&message), &Devices::UNNAMED).unwrap(), None);
            message.user_policy_info.selector.user = 0;
            assert!(policy::read(&bytes(&message), &Devices::UNNAMED).unwrap().is_some());
        }
    }
}
