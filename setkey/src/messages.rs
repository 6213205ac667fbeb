//! What AF_KEY would have said of an event, for `-x` and `-v`.

use engine::{Event, Migration, Origin};
use ipsec::{AddressPair, Encap, EncapKind, Sa};
use pfkey::{
    Message, MessageType,
    event::{Acquire, Migrate, Move},
    ext::Proposal,
    sad::{self, Limit},
    spd,
};

/// AF_KEY's reference count of a policy just added or deleted, which netlink does not tell.
const REFERENCES: u16 = 3;

/// The message of an event and who caused it; none for what AF_KEY keeps to itself.
pub fn of_event(event: &Event) -> Result<Option<Message>, pfkey::Error> {
    let from = |message: Message, origin: &Origin| message.numbered(origin.seq, origin.pid);
    Ok(Some(match event {
        Event::SaAdded { entry, origin } => from(sad::message(MessageType::ADD, entry)?, origin),
        Event::SaUpdated { entry, origin } => {
            from(sad::message(MessageType::UPDATE, entry)?, origin)
        }
        Event::SaDeleted { entry, origin } => {
            from(sad::message(MessageType::DELETE, entry)?, origin)
        }
        Event::SadFlushed { proto, origin } => from(pfkey::event::flush(*proto), origin),
        Event::SaExpired { entry, hard, .. } => {
            sad::expire(entry, if *hard { Limit::Hard } else { Limit::Soft })?
        }
        Event::PolicyAdded { entry, origin } => {
            from(spd::message(MessageType::SPDADD, entry, REFERENCES)?, origin)
        }
        Event::PolicyUpdated { entry, origin } => {
            from(spd::message(MessageType::SPDUPDATE, entry, REFERENCES)?, origin)
        }
        Event::PolicyDeleted { entry, by_index, origin } => {
            let kind = if *by_index { MessageType::SPDDELETE2 } else { MessageType::SPDDELETE };
            from(spd::message(kind, entry, REFERENCES)?, origin)
        }
        Event::SpdFlushed { origin } => from(pfkey::event::spd_flush(), origin),
        Event::Acquire(wish) => acquire(wish),
        Event::Migrated(migration) => migrate(migration)?,
        Event::MappingChanged(mapping) => {
            let Ok(ends) = AddressPair::new(mapping.old.ip(), mapping.dst) else { return Ok(None) };
            let (src_port, kind) = (mapping.old.port(), EncapKind::EspInUdp);
            let encap = Some(Encap { kind, src_port, dst_port: 0 });
            let sa = Sa { encap, ..Sa::bare(ends, mapping.proto, mapping.spi) };
            return Ok(pfkey::event::new_mapping(&sa, mapping.new));
        }
        Event::CatchAllDeleted { .. }
        | Event::PolicyExpired { .. }
        | Event::MonitorLost
        | Event::Other { .. } => return Ok(None),
    }))
}

/// Who caused an event, where the kernel says so.
pub fn origin(event: &Event) -> Option<Origin> {
    match event {
        Event::SaAdded { origin, .. }
        | Event::SaUpdated { origin, .. }
        | Event::SaDeleted { origin, .. }
        | Event::SadFlushed { origin, .. }
        | Event::PolicyAdded { origin, .. }
        | Event::PolicyUpdated { origin, .. }
        | Event::PolicyDeleted { origin, .. }
        | Event::SpdFlushed { origin } => Some(*origin),
        _ => None,
    }
}

fn acquire(wish: &engine::Acquire) -> Message {
    pfkey::event::acquire(&Acquire {
        ends: wish.ends,
        proto: wish.proto,
        index: wish.policy.index,
        priority: wish.policy.policy.priority,
        proposal: Proposal::offered(wish.proto, wish.auth_mask, wish.crypt_mask),
        sec_ctx: wish.sec_ctx.clone(),
    })
    .numbered(wish.seq, 0)
}

fn migrate(migration: &Migration) -> Result<Message, pfkey::Error> {
    let moves = migration.changes.iter().map(|change| Move {
        proto: change.proto,
        mode: change.mode,
        reqid: change.reqid,
        old: change.old,
        new: change.new,
    });
    pfkey::event::migrate(&Migrate {
        selector: migration.selector,
        direction: migration.direction,
        moves: moves.collect(),
        km_address: migration.key_management,
    })
}
