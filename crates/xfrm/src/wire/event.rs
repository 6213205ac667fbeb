//! The kernel's notifications (`xfrm_send_state_notify` and its like, net/xfrm/xfrm_user.c).

use std::{net::SocketAddr, num::NonZeroU32};

use model::{
    Acquire, AddressPair, Event, IpVersion, Mapping, Mark, Origin, PolicyEntry, Proto, ReqId,
    SaCount, SaEntry, SaId, SaState, Spi,
};
use netlink_packet_core::{DecodeError, NetlinkBuffer};
use netlink_packet_xfrm::{
    Address, AsyncEventId, UserAcquire, UserExpire, UserMapping, UserPolicyExpire, UserPolicyId,
    UserReport, XFRM_ASYNC_EVENT_ID_LEN, XFRM_MSG_ACQUIRE, XFRM_MSG_DELPOLICY, XFRM_MSG_DELSA,
    XFRM_MSG_EXPIRE, XFRM_MSG_FLUSHPOLICY, XFRM_MSG_FLUSHSA, XFRM_MSG_MAPPING, XFRM_MSG_MIGRATE,
    XFRM_MSG_NEWAE, XFRM_MSG_NEWPOLICY, XFRM_MSG_NEWSA, XFRM_MSG_POLEXPIRE, XFRM_MSG_REPORT,
    XFRM_MSG_UPDPOLICY, XFRM_MSG_UPDSA, XFRM_POLICY_TYPE_SUB, XFRM_USER_ACQUIRE_LEN,
    XFRM_USER_EXPIRE_LEN, XFRM_USER_POLICY_EXPIRE_LEN, XfrmAttrs,
};

use super::{
    AddressFamily, attributes, catch_all, lifetime, mark, migration, number, policy, replay, sa,
    selector, template,
};
use crate::{Error, device::Devices};

/// Reads one message, header included, as it is at `now`, Unix seconds; it is called if it matters.
pub(crate) fn read(message: &[u8], now: fn() -> u64, devices: &Devices) -> Result<Event, Error> {
    let message = NetlinkBuffer::new_checked(message)?;
    let origin = Origin { seq: message.sequence_number(), pid: message.port_number() };
    let (kind, object) = (message.message_type(), message.payload());
    let sa = |read: fn(&[u8], u64, &Devices) -> Result<SaEntry, Error>| {
        read(object, now(), devices).map(Box::new)
    };
    let policy = |read: fn(&[u8], &Devices) -> Result<Option<PolicyEntry>, Error>| {
        read(object, devices).map(|entry| entry.map(Box::new))
    };
    let event = match kind {
        XFRM_MSG_NEWSA => Some(Event::SaAdded { entry: sa(sa::read)?, origin }),
        XFRM_MSG_UPDSA => Some(Event::SaUpdated { entry: sa(sa::read)?, origin }),
        XFRM_MSG_DELSA => Some(Event::SaDeleted { entry: sa(sa::read_deleted)?, origin }),
        XFRM_MSG_EXPIRE => Some(sa_expired(object, origin, now(), devices)?),
        XFRM_MSG_FLUSHSA => sad_flushed(object, origin)?,
        XFRM_MSG_ACQUIRE => acquire(object, devices)?,
        XFRM_MSG_NEWPOLICY => {
            policy(policy::read)?.map(|entry| Event::PolicyAdded { entry, origin })
        }
        XFRM_MSG_UPDPOLICY => {
            policy(policy::read)?.map(|entry| Event::PolicyUpdated { entry, origin })
        }
        XFRM_MSG_DELPOLICY if catch_all::was_deleted(object) => {
            Some(Event::CatchAllDeleted { origin })
        }
        XFRM_MSG_DELPOLICY => {
            let by_index = UserPolicyId::parse(object)?.index != 0;
            policy(policy::read_deleted)?.map(|entry| Event::PolicyDeleted {
                entry,
                by_index,
                origin,
            })
        }
        XFRM_MSG_POLEXPIRE => policy_expired(object, origin, devices)?,
        XFRM_MSG_FLUSHPOLICY => spd_flushed(object, origin)?,
        XFRM_MSG_MAPPING => Some(mapping(object)?),
        XFRM_MSG_NEWAE => Some(counted(object)?),
        XFRM_MSG_REPORT => Some(reported(object, devices)?),
        XFRM_MSG_MIGRATE => Some(Event::Migrated(Box::new(migration::read(object, devices)?))),
        _ => None,
    };
    Ok(event.unwrap_or(Event::Other { kind }))
}

/// The notification holds no algorithms, so the state is what the limit makes of it.
fn sa_expired(object: &[u8], origin: Origin, now: u64, devices: &Devices) -> Result<Event, Error> {
    let UserExpire { state, hard } = UserExpire::parse(object)?;
    let hard = hard != 0;
    let entry = sa::entry(&state, attributes(object, XFRM_USER_EXPIRE_LEN), now, devices)?;
    let state = if hard { SaState::Dead } else { SaState::Dying };
    Ok(Event::SaExpired { entry: Box::new(SaEntry { state, ..entry }), hard, origin })
}

/// `xfrm_usersa_flush`: the protocol's number, 0 or 255 for every one.
fn sad_flushed(object: &[u8], origin: Origin) -> Result<Option<Event>, Error> {
    let number = object.first().ok_or_else(|| DecodeError::buffer_too_small(0, 1))?;
    Ok(match (number, Proto::from_number(*number)) {
        (0, _) | (_, Some(Proto::Any)) => Some(Event::SadFlushed { proto: None, origin }),
        (_, proto) => proto.map(|_| Event::SadFlushed { proto, origin }),
    })
}

fn policy_expired(
    object: &[u8],
    origin: Origin,
    devices: &Devices,
) -> Result<Option<Event>, Error> {
    let UserPolicyExpire { pol, hard } = UserPolicyExpire::parse(object)?;
    let hard = hard != 0;
    let entry = policy::entry(&pol, attributes(object, XFRM_USER_POLICY_EXPIRE_LEN), devices)?;
    Ok(entry.map(|entry| Event::PolicyExpired { entry: Box::new(entry), hard, origin }))
}

fn spd_flushed(object: &[u8], origin: Origin) -> Result<Option<Event>, Error> {
    for attribute in attributes(object, 0) {
        if matches!(attribute?, XfrmAttrs::PolicyType(kind) if kind.ptype == XFRM_POLICY_TYPE_SUB) {
            return Ok(None);
        }
    }
    Ok(Some(Event::SpdFlushed { origin }))
}

/// The addresses are those of the SA, the selectors the packet's and the policy's; the security
/// context among the attributes is the packet's (`build_acquire`).
fn acquire(object: &[u8], devices: &Devices) -> Result<Option<Event>, Error> {
    let wire = UserAcquire::parse(object)?;
    let entry = policy::entry(&wire.policy, attributes(object, XFRM_USER_ACQUIRE_LEN), devices)?;
    let Some(mut policy) = entry else { return Ok(None) };
    let [auth_mask, crypt_mask, comp_mask] =
        if has_own_templates(object)? { [0; 3] } else { [wire.aalgos, wire.ealgos, wire.calgos] };
    let version = IpVersion::from_family(wire.policy.selector.family);
    let selector = selector::read(&wire.selector, version, devices)?;
    let family = acquired_family(&policy, &wire.id.daddr)
        .unwrap_or_else(|| IpVersion::of(selector.src().addr()));
    Ok(Some(Event::Acquire(Box::new(Acquire {
        ends: family.pair(&wire.saddr, &wire.id.daddr),
        proto: number::proto(wire.id.proto)?,
        selector,
        sec_ctx: policy.policy.id.sec_ctx.take(),
        policy,
        auth_mask,
        crypt_mask,
        comp_mask,
        seq: NonZeroU32::new(wire.seq),
    }))))
}

/// Whether the templates of an ACQUIRE's policy are those that this crate writes.
fn has_own_templates(object: &[u8]) -> Result<bool, Error> {
    for attribute in attributes(object, XFRM_USER_ACQUIRE_LEN) {
        if let XfrmAttrs::Template(templates) = attribute? {
            return Ok(templates.iter().all(template::is_own));
        }
    }
    Ok(false)
}

/// The family of an SA's addresses, if they are the endpoints of one of the policy's templates.
fn acquired_family(policy: &PolicyEntry, dst: &Address) -> Option<IpVersion> {
    let templates = policy.policy.action.templates().iter();
    let ends = templates.filter_map(|template| template.mode.endpoints()).map(AddressPair::dst);
    ends.filter(|end| Address::from_ip(end) == *dst).map(IpVersion::of).next()
}

fn mapping(object: &[u8]) -> Result<Event, Error> {
    let wire = UserMapping::parse(object)?;
    let family = IpVersion::from_family(wire.id.family)
        .unwrap_or_else(|| IpVersion::guess(&wire.old_saddr, &wire.id.daddr));
    Ok(Event::MappingChanged(Box::new(Mapping {
        dst: family.address(&wire.id.daddr),
        proto: number::proto(wire.id.proto)?,
        spi: Spi(wire.id.spi),
        reqid: ReqId::new(wire.reqid),
        old: SocketAddr::new(family.address(&wire.old_saddr), wire.old_sport),
        new: SocketAddr::new(family.address(&wire.new_saddr), wire.new_sport),
    })))
}

/// The counters are those of the SA; attributes that are not asked for are left out (`build_aevent`).
fn counted(object: &[u8]) -> Result<Event, Error> {
    let wire = AsyncEventId::parse(object)?;
    let family = IpVersion::from_family(wire.sa_id.family)
        .unwrap_or_else(|| IpVersion::guess(&wire.saddr, &wire.sa_id.daddr));
    let id = SaId {
        dst: family.address(&wire.sa_id.daddr),
        proto: number::proto(wire.sa_id.proto)?,
        spi: Spi(wire.sa_id.spi),
        mark: Mark::default(),
    };
    let mut count = SaCount {
        id,
        src: family.address(&wire.saddr),
        reqid: ReqId::new(wire.reqid),
        current: None,
        replay_state: None,
    };
    for attribute in attributes(object, XFRM_ASYNC_EVENT_ID_LEN) {
        match attribute? {
            XfrmAttrs::LifetimeBytes(current) => count.current = Some(lifetime::current(&current)),
            XfrmAttrs::ReplayState(state) => count.replay_state = Some(replay::read(&state)),
            XfrmAttrs::ReplayStateEsn(state) => {
                count.replay_state = Some(replay::read_wide(state));
            }
            XfrmAttrs::Mark(wire) => count.id.mark = mark::read(wire),
            _ => {}
        }
    }
    Ok(Event::SaCounted(Box::new(count)))
}

fn reported(object: &[u8], devices: &Devices) -> Result<Event, Error> {
    let wire = UserReport::parse(object)?;
    let version = IpVersion::from_family(wire.selector.family);
    let selector = Box::new(selector::read(&wire.selector, version, devices)?);
    Ok(Event::Reported { proto: number::proto(wire.proto)?, selector })
}

#[cfg(test)]
mod tests;
