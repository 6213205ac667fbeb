//! The value of `IP_XFRM_POLICY`: `xfrm_userpolicy_info`, and the templates right behind it
//! (`xfrm_compile_policy`, net/xfrm/xfrm_user.c).

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{
    Action, Direction, Installation, IpVersion, Policy, PolicyEntry, PolicyId, Prefix, Priority,
    Selector,
};
use netlink_packet_core::{DefaultNla, Emitable, Nla};
use netlink_packet_xfrm::{
    self as xfrm, UserPolicyInfo, XFRM_USER_POLICY_INFO_LEN, XFRM_USER_TEMPLATE_LEN, XFRMA_TMPL,
    XfrmAttrs,
};

use super::{policy, selector};
use crate::{Error, InstalledPolicy, SocketPolicyEntry, catch_all::OWNER, device::Devices};

/// The value that sets a socket's policy.
pub(crate) fn value(policy: &Policy, installation: Installation, owner: u32) -> Vec<u8> {
    let selector = xfrm::Selector { user: owner, ..selector::of_any_device(&policy.id.selector) };
    let installed = InstalledPolicy { policy, installation, index: 0 };
    let message = policy::with_selector(&installed, selector);
    let mut value = emitted(&message.user_policy_info);
    for attribute in &message.nlas {
        if let XfrmAttrs::Template(_) = attribute {
            let start = value.len();
            value.resize(start + attribute.value_len(), 0);
            attribute.emit_value(&mut value[start..]);
        }
    }
    value
}

/// The value that leaves packets of a direction to the SPD: a policy that sees none, since no
/// packet goes from nowhere to nowhere. As with catch-alls, no dump and no event shows it.
pub(crate) fn no_policy(direction: Direction, version: IpVersion) -> Vec<u8> {
    let nowhere = Prefix::host(match version {
        IpVersion::V4 => Ipv4Addr::UNSPECIFIED.into(),
        IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
    });
    let policy = Policy {
        priority: Priority(u32::MAX),
        ..Policy::new(PolicyId::new(Selector::within(nowhere), direction), Action::None)
    };
    value(&policy, Installation::default(), OWNER)
}

/// Reads a policy of the SPD, if it is a socket's.
pub(crate) fn read(object: &[u8], devices: &Devices) -> Result<Option<SocketPolicyEntry>, Error> {
    let owner = UserPolicyInfo::parse(object)?.selector.user;
    let entry = policy::read(object, devices)?.filter(|entry: &PolicyEntry| entry.socket);
    Ok(entry.map(|entry| SocketPolicyEntry { owner: (owner != 0).then_some(owner), entry }))
}

/// Reads a value with which a program has set a policy; nothing for one that no PF_KEY policy of a
/// socket is like, since its selector does not match all packets.
pub(crate) fn read_value(value: &[u8]) -> Result<Option<Policy>, Error> {
    let direction = Direction::from_xfrm(UserPolicyInfo::parse(value)?.direction);
    let (info, templates) = value.split_at(XFRM_USER_POLICY_INFO_LEN);
    // The kernel passes over what is too short for a template.
    let count = templates.len() / XFRM_USER_TEMPLATE_LEN;
    let templates =
        DefaultNla::new(XFRMA_TMPL, templates[..count * XFRM_USER_TEMPLATE_LEN].to_vec());
    let entry = policy::read(&[info, &emitted(&templates)].concat(), &Devices::UNNAMED)?;
    Ok(entry.zip(direction).and_then(|(PolicyEntry { mut policy, .. }, direction)| {
        let version = policy.id.selector.version();
        (policy.id.direction, policy.id.selector.user) = (direction, 0);
        let all = PolicyId::new(Selector::within(Prefix::everything(version)), direction);
        (policy.id == all).then_some(policy)
    }))
}

fn emitted(part: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; part.buffer_len()];
    part.emit(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use model::{Level, Proto, Template, TemplateMode};

    use super::*;
    use crate::wire::testing::hex;

    fn everything(action: Action, version: IpVersion) -> Policy {
        Policy::new(
            PolicyId::new(Selector::within(Prefix::everything(version)), Direction::Out),
            action,
        )
    }

    #[test]
    fn the_value_is_the_structure_and_its_templates() {
        let level = Level::Use;
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, level);
        let policy = everything(Action::Ipsec(vec![esp]), IpVersion::V4);
        let value = value(&policy, Installation::plain(&policy), 0x1234_5678);
        // By hand from linux/xfrm.h: selector, limits, counters, priority, index, dir, action, ...
        let expected = hex("
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            02000000 00000000 00000000 78563412
            ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000080 00000000 01000000 00000000
            00000000 00000000 00000000 00000000 00000000 32000000 02000000
            00000000 00000000 00000000 00000000 00000000 00020100
            ffffffff ffffffff ffffffff");
        assert_eq!(value, expected);
    }

    /// With an index as the kernel gives it to a socket's policy.
    fn as_dumped(mut value: Vec<u8>, index: u32) -> Vec<u8> {
        value[156..160].copy_from_slice(&index.to_ne_bytes());
        value.truncate(168);
        value
    }

    #[test]
    fn the_owner_comes_back_with_the_policy() {
        let policy = everything(Action::Discard, IpVersion::V6);
        for (owner, read_back) in [(7, Some(7)), (0, None)] {
            let dumped = as_dumped(value(&policy, Installation::default(), owner), 12);
            let read = read(&dumped, &Devices::UNNAMED).unwrap().unwrap();
            assert_eq!((read.owner, read.entry.policy), (read_back, policy.clone()));
        }
        let of_spd = as_dumped(value(&policy, Installation::default(), 7), 9);
        assert_eq!(read(&of_spd, &Devices::UNNAMED).unwrap(), None);
    }

    #[test]
    fn a_value_is_read_back() {
        let esp = |level| Template::new(Proto::Esp, TemplateMode::Transport, level);
        for action in [
            Action::None,
            Action::Discard,
            Action::Ipsec(vec![esp(Level::Use), esp(Level::Require)]),
        ] {
            let policy = everything(action, IpVersion::V4);
            let mut value = value(&policy, Installation::plain(&policy), 7);
            assert_eq!(read_value(&value).unwrap(), Some(policy.clone()));
            value.push(0);
            assert_eq!(read_value(&value).unwrap(), Some(policy));
        }
        assert_eq!(read_value(&no_policy(Direction::In, IpVersion::V4)).unwrap(), None);
        let host = Selector::within(Prefix::host(Ipv4Addr::LOCALHOST.into()));
        let of_host = Policy {
            id: PolicyId::new(host, Direction::Out),
            ..everything(Action::Discard, IpVersion::V4)
        };
        assert_eq!(read_value(&value(&of_host, Installation::default(), 7)).unwrap(), None);
        assert!(read_value(&[0; 20]).is_err());
    }

    #[test]
    fn what_leaves_packets_to_the_spd_is_not_shown() {
        for version in IpVersion::ALL {
            let dumped = as_dumped(no_policy(Direction::In, version), 3);
            assert_eq!(read(&dumped, &Devices::UNNAMED).unwrap(), None);
        }
    }
}
