//! `XFRM_MSG_MIGRATE`: `xfrm_userpolicy_id` with the paths of a policy, old and new.

use model::{AddressPair, IpVersion, Migration, PathChange, ReqId};
use netlink_packet_core::{DecodeError, DefaultNla, Emitable};
use netlink_packet_xfrm::{
    Address, MigrateMessage, UserKmAddress, UserMigrate, UserPolicyId, XFRM_USER_POLICY_ID_LEN,
    XFRMA_MIGRATE, XfrmAttrs,
};

use super::{AddressFamily, attributes, number, selector};
use crate::{Error, KernelRefusal, device::Devices};

/// The message that moves a policy, refused if its device is not there.
pub(crate) fn message(
    migration: &Migration,
    devices: &Devices,
) -> Result<MigrateMessage, KernelRefusal> {
    let user_policy_id = UserPolicyId {
        selector: selector::write(&migration.selector, devices)?,
        index: 0,
        direction: migration.direction.xfrm(),
    };
    let key_management = migration.key_management.map(|ends| {
        XfrmAttrs::KmAddress(UserKmAddress {
            local: Address::from_ip(&ends.src()),
            remote: Address::from_ip(&ends.dst()),
            reserved: 0,
            family: IpVersion::of(ends.src()).family(),
        })
    });
    let paths = XfrmAttrs::Other(DefaultNla::new(XFRMA_MIGRATE, paths(&migration.changes)));
    let nlas = std::iter::once(paths).chain(key_management).collect();
    Ok(MigrateMessage { user_policy_id, nlas })
}

/// The array in the one attribute of a request. A notification has an attribute for each element.
fn paths(changes: &[PathChange]) -> Vec<u8> {
    let mut array = Vec::new();
    for change in changes {
        let wire = UserMigrate {
            old_daddr: Address::from_ip(&change.old.dst()),
            old_saddr: Address::from_ip(&change.old.src()),
            new_daddr: Address::from_ip(&change.new.dst()),
            new_saddr: Address::from_ip(&change.new.src()),
            proto: change.proto.number(),
            mode: change.mode.xfrm(),
            reserved: 0,
            reqid: change.reqid.map_or(0, ReqId::number),
            old_family: IpVersion::of(change.old.src()).family(),
            new_family: IpVersion::of(change.new.src()).family(),
        };
        let start = array.len();
        array.resize(start + wire.buffer_len(), 0);
        wire.emit(&mut array[start..]);
    }
    array
}

/// Reads the notification of a policy that has moved.
pub(super) fn read(object: &[u8], devices: &Devices) -> Result<Migration, Error> {
    let id = UserPolicyId::parse(object)?;
    let (mut changes, mut key_management) = (Vec::new(), None);
    for attribute in attributes(object, XFRM_USER_POLICY_ID_LEN) {
        match attribute? {
            XfrmAttrs::Migrate(wire) => changes.push(path_change(&wire)?),
            XfrmAttrs::KmAddress(wire) => {
                key_management = Some(pair(wire.family, &wire.local, &wire.remote));
            }
            _ => {}
        }
    }
    Ok(Migration {
        selector: selector::read(&id.selector, None, devices)?,
        direction: number::direction(id.direction)?,
        changes,
        key_management,
    })
}

fn path_change(wire: &UserMigrate) -> Result<PathChange, DecodeError> {
    Ok(PathChange {
        proto: number::proto(wire.proto)?,
        mode: number::mode(wire.mode)?,
        reqid: ReqId::new(wire.reqid),
        old: pair(wire.old_family, &wire.old_saddr, &wire.old_daddr),
        new: pair(wire.new_family, &wire.new_saddr, &wire.new_daddr),
    })
}

fn pair(family: u16, src: &Address, dst: &Address) -> AddressPair {
    let family = IpVersion::from_family(family).unwrap_or_else(|| IpVersion::guess(src, dst));
    family.pair(src, dst)
}

#[cfg(test)]
mod tests {
    use model::{Direction, Mode, Prefix, Proto, Selector};

    use super::*;
    use crate::wire::testing::bytes;

    fn ends(src: [u8; 4], dst: [u8; 4]) -> AddressPair {
        AddressPair::new(src.into(), dst.into()).unwrap()
    }

    fn change(proto: Proto, new: [u8; 4]) -> PathChange {
        let old = ends([198, 51, 100, 1], [198, 51, 100, 9]);
        let new = ends(new, [198, 51, 100, 9]);
        PathChange { proto, mode: Mode::Tunnel, reqid: ReqId::new(5), old, new }
    }

    /// Requests and notifications differ in how they hold several paths, and in nothing else.
    #[test]
    fn one_path_is_written_as_given() {
        let prefix = |ip: [u8; 4]| Prefix::new(ip.into(), Some(24)).unwrap();
        let selector = Selector::new(prefix([192, 0, 2, 0]), prefix([203, 0, 113, 0])).unwrap();
        let mut migration = Migration {
            selector,
            direction: Direction::Out,
            changes: vec![change(Proto::Esp, [203, 0, 113, 1])],
            key_management: Some(ends([203, 0, 113, 1], [198, 51, 100, 9])),
        };
        let one = bytes(&message(&migration, &Devices::UNNAMED).unwrap());
        assert_eq!(read(&one, &Devices::UNNAMED).unwrap(), migration);

        migration.changes.push(change(Proto::Ah, [203, 0, 113, 2]));
        let two = bytes(&message(&migration, &Devices::UNNAMED).unwrap());
        assert_eq!(two.len(), one.len() + 76);
        assert_eq!(two[..XFRM_USER_POLICY_ID_LEN], one[..XFRM_USER_POLICY_ID_LEN]);
        assert_eq!(two[XFRM_USER_POLICY_ID_LEN..][..4], [4 + 2 * 76, 0, 17, 0]);
    }
}
