use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ipsec::{
    Action, AddressPair, Encap, EncapKind, Key, Keyed, Level, PolicyEntry, Sa, SaEntry, SaId,
};
use pfkey::{
    Message, MessageType,
    event::{self, Migrate, Move},
    ext::Proposal,
    sad::{self, Limit},
    spd,
};
use xfrm::{Acquire, Connection, Event, Mapping, Migration, Origin};

use super::broadcast::Audience;

/// AF_KEY's reference count of a policy that was just added or replaced, and of one that was
/// deleted.
const REFERENCES_ADDED: u16 = 3;
const REFERENCES_DELETED: u16 = 1;

/// SAs with limits that are remembered.
const MOST_DYING: usize = 1 << 16;

/// What AF_KEY says of an event, and to whom; nothing for what it keeps to itself, as the end of a
/// policy. `seq` and `pid` are those of whoever caused it.
pub(super) fn of_event(event: &Event) -> Result<Option<(Message, Audience)>, pfkey::Error> {
    let by = |message: Message, origin: &Origin| message.numbered(origin.seq, origin.pid);
    let policy = |msg_type, entry: &PolicyEntry, references| {
        spd::message(msg_type, &as_af_key_says(entry.clone()), references)
    };
    let message = match event {
        Event::SaAdded { entry, origin } => by(sad::message(MessageType::ADD, entry)?, origin),
        Event::SaUpdated { entry, origin } => by(sad::message(MessageType::UPDATE, entry)?, origin),
        Event::SaDeleted { entry, origin } => by(sad::message(MessageType::DELETE, entry)?, origin),
        Event::SadFlushed { proto, origin } => by(event::flush(*proto), origin),
        Event::PolicyAdded { entry, origin } => {
            by(policy(MessageType::SPDADD, entry, REFERENCES_ADDED)?, origin)
        }
        Event::PolicyUpdated { entry, origin } => {
            by(policy(MessageType::SPDUPDATE, entry, REFERENCES_ADDED)?, origin)
        }
        Event::PolicyDeleted { entry, by_index, origin } => {
            let delete2 = by_index.then_some(MessageType::SPDDELETE2);
            let msg_type = delete2.unwrap_or(MessageType::SPDDELETE);
            by(policy(msg_type, entry, REFERENCES_DELETED)?, origin)
        }
        Event::SpdFlushed { origin } => by(event::spd_flush(), origin),
        Event::Migrated(migration) => migrated(migration)?,
        Event::SaExpired { entry, hard, .. } => {
            let limit = if *hard { Limit::Hard } else { Limit::Soft };
            return Ok(Some((sad::expire(entry, limit)?, Audience::Registered(None))));
        }
        Event::Acquire(wish) => return Ok(Some((acquire(wish), Audience::Registered(None)))),
        Event::MappingChanged(_)
        | Event::PolicyExpired { .. }
        | Event::CatchAllDeleted { .. }
        | Event::MonitorLost
        | Event::Other { .. } => return Ok(None),
    };
    Ok(Some((message, Audience::All)))
}

/// Who caused an event, where the kernel says so.
pub(super) fn origin(event: &Event) -> Option<Origin> {
    match event {
        Event::SaAdded { origin, .. }
        | Event::SaUpdated { origin, .. }
        | Event::SaDeleted { origin, .. }
        | Event::SadFlushed { origin, .. }
        | Event::PolicyAdded { origin, .. }
        | Event::PolicyUpdated { origin, .. }
        | Event::PolicyDeleted { origin, .. }
        | Event::CatchAllDeleted { origin }
        | Event::SpdFlushed { origin } => Some(*origin),
        _ => None,
    }
}

/// Whether policies are not what they were.
pub(super) fn changes_spd(event: &Event) -> bool {
    matches!(
        event,
        Event::PolicyAdded { .. }
            | Event::PolicyUpdated { .. }
            | Event::PolicyDeleted { .. }
            | Event::PolicyExpired { hard: true, .. }
            | Event::SpdFlushed { .. }
            | Event::Migrated(_)
            | Event::MonitorLost
    )
}

/// A policy as AF_KEY shows it, which knows no `default`: what a template is comes from its form.
pub(super) fn as_af_key_says(mut entry: PolicyEntry) -> PolicyEntry {
    if let Action::Ipsec(requests) = &mut entry.policy.action {
        for (place, request) in requests.iter_mut().enumerate() {
            if request.level == Level::Default {
                let is_optional = entry.form.is_optional(place);
                request.level = if is_optional { Level::Use } else { Level::Require };
            }
        }
    }
    entry
}

/// AF_KEY's reference count of a policy in the SPD: 1, and 1 more while its timer runs, in its
/// first second and as long as it has a limit in seconds (`xfrm_policy_insert`).
pub(super) fn references(entry: &PolicyEntry) -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let lifetimes = &entry.policy.lifetimes;
    let is_limited = [lifetimes.hard, lifetimes.soft]
        .iter()
        .any(|limit| limit.add_seconds != 0 || limit.use_seconds != 0);
    1 + u16::from(is_limited || entry.current.add_time >= now)
}

fn acquire(wish: &Acquire) -> Message {
    event::acquire(&event::Acquire {
        ends: wish.ends,
        proto: wish.proto,
        index: wish.policy.index,
        priority: wish.policy.policy.priority,
        proposal: Proposal::offered(wish.proto, wish.auth_mask, wish.crypt_mask),
        sec_ctx: wish.sec_ctx.clone(),
    })
    .numbered(wish.seq, 0)
}

fn migrated(migration: &Migration) -> Result<Message, pfkey::Error> {
    let moves = migration.changes.iter().map(|change| Move {
        proto: change.proto,
        mode: change.mode,
        reqid: change.reqid,
        old: change.old,
        new: change.new,
    });
    event::migrate(&Migrate {
        selector: migration.selector,
        direction: migration.direction,
        moves: moves.collect(),
        km_address: migration.key_management,
    })
}

/// The migration that a request asks for.
pub(super) fn migration(asked: &Migrate) -> Migration {
    let changes = asked.moves.iter().map(|moved| xfrm::PathChange {
        proto: moved.proto,
        mode: moved.mode,
        reqid: moved.reqid,
        old: moved.old,
        new: moved.new,
    });
    Migration {
        selector: asked.selector,
        direction: asked.direction,
        changes: changes.collect(),
        key_management: asked.km_address,
    }
}

/// NAT_T_NEW_MAPPING with the `seq` of the SA's ADD, which the event does not tell.
pub(super) fn new_mapping(mapping: &Mapping, kernel: &mut Connection) -> Option<Message> {
    let ends = AddressPair::new(mapping.old.ip(), mapping.dst).ok()?;
    let (src_port, kind) = (mapping.old.port(), EncapKind::EspInUdp);
    let encap = Some(Encap { kind, src_port, dst_port: 0 });
    let sa = Sa { encap, ..Sa::bare(ends, mapping.proto, mapping.spi) };
    let there = kernel.get_sa(&sa.id()).ok().and_then(Result::ok);
    let message = event::new_mapping(&sa, mapping.new)?;
    Some(message.numbered(there.map_or(0, |entry| entry.sa.seq), 0))
}

/// What the kernel does not say of an SA that expires: its algorithms, encapsulation and context.
/// At the soft limit it can still be asked; at the hard one serves what it said then, or when the SA
/// was added. Of an SA that is older than this and has no soft limit they are not known.
#[derive(Default)]
pub(super) struct Dying(HashMap<SaId, Sa>);

impl Dying {
    /// The SA of an expiry with all that is known of it.
    pub(super) fn complete(&mut self, entry: &mut SaEntry, hard: bool, kernel: &mut Connection) {
        let id = entry.sa.id();
        let known = if hard { self.0.remove(&id) } else { self.ask(id, kernel) };
        if let Some(known) = known {
            entry.sa = Sa { lifetimes: entry.sa.lifetimes, ..known };
        }
    }

    fn ask(&mut self, id: SaId, kernel: &mut Connection) -> Option<Sa> {
        let sa = without_keys(kernel.get_sa(&id).ok()?.ok()?.sa);
        self.remember(&sa);
        Some(sa)
    }

    fn remember(&mut self, sa: &Sa) {
        if !sa.lifetimes.hard.is_unlimited() && self.0.len() < MOST_DYING {
            self.0.insert(sa.id(), without_keys(sa.clone()));
        }
    }

    /// Remembers what will have an end, and forgets what is no longer there.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::SaAdded { entry, .. } => {
                self.0.remove(&entry.sa.id());
                self.remember(&entry.sa);
            }
            // The kernel tells the update, and keeps the algorithms of a mature SA.
            Event::SaUpdated { entry, .. } if !self.0.contains_key(&entry.sa.id()) => {
                self.remember(&entry.sa);
            }
            Event::SaDeleted { entry, .. } => {
                self.0.remove(&entry.sa.id());
            }
            Event::SadFlushed { proto, .. } => {
                self.0.retain(|id, _| proto.is_some_and(|proto| proto != id.proto));
            }
            _ => {}
        }
    }
}

fn without_keys(mut sa: Sa) -> Sa {
    for keyed in [&mut sa.auth, &mut sa.crypt, &mut sa.aead].into_iter().flatten() {
        *keyed = Keyed { key: Key::default(), ..keyed.clone() };
    }
    sa
}

#[cfg(test)]
mod tests {
    use ipsec::{
        Algorithm, AlgorithmKind, Current, Direction, Form, Lifetimes, Policy, PolicyId, Prefix,
        Priority, Proto, Request, RequestMode, SaState, Selector, Spi,
    };

    use super::*;

    fn policy(levels: &[Level], is_optional: bool) -> PolicyEntry {
        let any = Prefix::new([0; 4].into(), Some(0)).unwrap();
        let request = |&level| Request { proto: Proto::Esp, mode: RequestMode::Transport, level };
        let policy = Policy {
            id: PolicyId::new(Selector::within(any), Direction::In),
            priority: Priority(0),
            action: Action::Ipsec(levels.iter().map(request).collect()),
            lifetimes: Lifetimes::default(),
        };
        let form = Form::whole(&policy, |_| is_optional);
        PolicyEntry { policy, form, index: 8, socket: false, current: Current::default() }
    }

    #[test]
    fn default_is_what_the_kernel_makes_of_it() {
        for (is_optional, level) in [(true, Level::Use), (false, Level::Require)] {
            let said = as_af_key_says(policy(&[Level::Default, Level::Use], is_optional));
            let levels: Vec<_> = said.policy.action.requests().iter().map(|it| it.level).collect();
            assert_eq!(levels, [level, Level::Use]);
        }
    }

    #[test]
    fn a_policy_with_a_timer_has_two_users() {
        let mut entry = policy(&[], false);
        assert_eq!(references(&entry), 1);
        entry.policy.lifetimes.soft.use_seconds = 9;
        assert_eq!(references(&entry), 2);
    }

    #[test]
    fn what_is_remembered_of_a_dying_sa_is_no_key() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let crypt = Some(Keyed::new(aes, Key::new(vec![1; 16])));
        let sa = without_keys(Sa { crypt, ..Sa::bare(ends, Proto::Esp, Spi(1)) });
        assert_eq!(sa.crypt.as_ref().map(|keyed| keyed.key.bits()), Some(0));

        let mut dying = Dying(HashMap::from([(sa.id(), sa.clone())]));
        let flushed = |proto| Event::SadFlushed { proto, origin: Origin::default() };
        dying.note(&flushed(Some(Proto::Ah)));
        assert_eq!(dying.0.len(), 1);
        let (state, current) = (SaState::Dead, Current::default());
        let entry = |sa: &Sa| Box::new(SaEntry { sa: sa.clone(), state, current });
        let origin = Origin::default();
        dying.note(&Event::SaDeleted { entry: entry(&sa), origin });
        assert!(dying.0.is_empty());

        dying.note(&Event::SaAdded { entry: entry(&sa), origin });
        assert!(dying.0.is_empty(), "it has no end");
        let mut limited = sa.clone();
        limited.lifetimes.hard.add_seconds = 9;
        dying.note(&Event::SaAdded { entry: entry(&limited), origin });
        dying.note(&Event::SaUpdated { entry: entry(&Sa { crypt: None, ..limited }), origin });
        assert!(dying.0[&sa.id()].crypt.is_some(), "an update changes no algorithm");
    }
}
