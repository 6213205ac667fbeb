//! What is recorded of an SA or policy: its name, what else distinguishes it, and when it was added.

use hmac::{Hmac, KeyInit, Mac};
use model::{Keyed, Policy, PolicyEntry, PolicyId, ReqId, Sa, SaEntry, Selector, Template};
use sha2::Sha256;
use sys::memory::wipe_stack;
use zeroize::Zeroizing;

use crate::{FingerprintSecret, policy::installed::depends};

/// An SA or policy that is the run's own. Nothing in it is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// By what the kernel finds it.
    pub(crate) name: String,
    /// What no update of it in place changes.
    pub(crate) contents: String,
    /// The MAC of an SA's keys; empty: it is a policy, or has none, or the kernel does not show them.
    pub(crate) keys: Vec<u8>,
    /// The index of a policy; 0: an SA, or a policy that the kernel has not yet.
    pub(crate) index: u32,
    /// The first and last second in which it may have been added, Unix time.
    pub(crate) added: (u64, u64),
}

/// The latest time, as SQLite can have it.
const ALWAYS: u64 = i64::MAX.unsigned_abs();

impl Record {
    /// An SA that is to be added within this time.
    pub(crate) fn of_sa(sa: &Sa, secret: &FingerprintSecret, added: (u64, u64)) -> Self {
        let Sa { ends, proto, spi, mark, reqid, if_id, .. } = sa;
        let name = format!(
            "{} {} 0x{:x} mark {:#x}/{:#x}",
            proto.word(),
            ends.dst(),
            spi.0,
            mark.value,
            mark.mask
        );
        let algorithms = keyed(sa).map(|it| format!("{}/{}", it.algorithm.kernel, it.icv_bits));
        let compression = sa.comp.map(|it| it.kernel.to_owned());
        let contents = format!(
            "{} {} reqid {} if_id {} {}",
            ends.src(),
            sa.mode.installed().word(),
            reqid.map_or(0, ReqId::number),
            if_id.map_or(0, std::num::NonZero::get),
            algorithms.chain(compression).collect::<Vec<_>>().join(" ")
        );
        Self { name, contents, keys: mac_of_keys(sa, secret), index: 0, added }
    }

    /// An SA of the kernel.
    pub(crate) fn of_sa_entry(entry: &SaEntry, secret: &FingerprintSecret) -> Self {
        Self::of_sa(&entry.sa, secret, (entry.current.add_time, entry.current.add_time))
    }

    /// A policy that is to be added within this time.
    pub(crate) fn of_policy(policy: &Policy, added: (u64, u64)) -> Self {
        let templates = policy.action.templates().iter().map(template);
        let contents = format!(
            "{} {} {}",
            policy.priority.0,
            policy.action.kind().word(),
            templates.collect::<Vec<_>>().join(" ")
        );
        Self { name: name(&policy.id), contents, keys: Vec::new(), index: 0, added }
    }

    /// A policy of the kernel, as it was requested. The reconciler may replace it, which sets its time.
    pub(crate) fn of_policy_entry(entry: &PolicyEntry) -> Self {
        let time = entry.current.add_time;
        let last = if depends(&entry.policy) { ALWAYS } else { time };
        Self { index: entry.index, ..Self::of_policy(&entry.policy, (time, last)) }
    }

    /// Whether it is the record of what this one is made of, an entry of the kernel.
    pub(crate) fn is_of(&self, entry: &Self) -> bool {
        let (first, last) = self.added;
        self.is_like(entry) && (first..=last).contains(&entry.added.0)
    }

    /// The same, whenever it was added.
    pub(crate) fn is_like(&self, entry: &Self) -> bool {
        self.name == entry.name
            && self.contents == entry.contents
            && (self.keys == entry.keys || entry.keys.is_empty())
            && (self.index == 0 || self.index == entry.index)
    }
}

fn keyed(sa: &Sa) -> impl Iterator<Item = &Keyed> {
    [&sa.auth, &sa.crypt, &sa.aead].into_iter().flatten()
}

/// The MAC of all keys of an SA; empty where the kernel shows none.
fn mac_of_keys(sa: &Sa, secret: &FingerprintSecret) -> Vec<u8> {
    let is_shown = |it: &Keyed| it.key.bytes().iter().any(|byte| *byte != 0);
    if !keyed(sa).any(is_shown) {
        return Vec::new();
    }
    let mac = hashed(sa, secret);
    wipe_stack();
    mac
}

/// The block that is hashed has keys: it is in this frame, which the caller wipes.
#[inline(never)]
fn hashed(sa: &Sa, secret: &FingerprintSecret) -> Vec<u8> {
    // A block of SHA-256: HMAC appends zeros to a shorter secret.
    let mut block = Zeroizing::new([0; 64]);
    block[..secret.len()].copy_from_slice(&secret[..]);
    let mut mac: Hmac<Sha256> = Hmac::new((&*block).into());
    mac.update(b"owned\0");
    for it in keyed(sa) {
        mac.update(&u64::try_from(it.key.bits()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(it.key.bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

/// The name of a policy: everything that the kernel compares, and nothing else.
fn name(id: &PolicyId) -> String {
    let PolicyId { selector, direction, sec_ctx, mark, if_id, policy_type } = id;
    let Selector { upper, src_port, dst_port, port_masks, device, user, .. } = selector;
    let [src, dst] = [selector.src(), selector.dst()].map(|it| (it.addr(), it.length()));
    let masks = port_masks.map_or(String::new(), |it| format!("{:#x} {:#x}", it.src, it.dst));
    let device = device.as_ref().map_or(String::new(), ToString::to_string);
    let context = sec_ctx
        .as_ref()
        .map_or(String::new(), |it| format!("{} {} {}", it.doi, it.alg, it.context.escape_ascii()));
    format!(
        "{} {} {}/{}[{src_port}] {}/{}[{dst_port}] {} masks {masks} dev {device} uid {user} mark {:#x}/{:#x} if_id {} {context}",
        policy_type.word(),
        direction.word(),
        src.0,
        src.1,
        dst.0,
        dst.1,
        upper.xfrm(),
        mark.value,
        mark.mask,
        if_id.map_or(0, std::num::NonZero::get),
    )
}

/// What a template has that the reconciler leaves as it is.
fn template(template: &Template) -> String {
    let ends = template.mode.endpoints();
    let ends = ends.map_or(String::new(), |ends| format!("{}-{}", ends.src(), ends.dst()));
    format!("{}/{}/{ends}", template.proto.word(), template.mode.mode().word())
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Algorithm, AlgorithmKind, Current, Direction, Installation, Key,
        Level, Mark, PolicyFlags, Prefix, Priority, Proto, SaState, Spi, TemplateMode,
    };

    use super::*;

    fn secret() -> FingerprintSecret {
        Zeroizing::new([1; 32])
    }

    fn sa(key: u8) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let crypt = Some(Keyed::new(aes, Key::new(vec![key; 16])));
        Sa { crypt, ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) }
    }

    fn sa_entry(sa: &Sa, add_time: u64) -> Record {
        let current = Current { add_time, ..Current::default() };
        let entry = SaEntry::new(sa.clone(), SaState::Mature, current);
        Record::of_sa_entry(&entry, &secret())
    }

    #[test]
    fn an_sa_is_known_by_its_keys_and_its_time() {
        let announced = Record::of_sa(&sa(1), &secret(), (100, 700));
        let made = sa_entry(&sa(1), 101);
        assert!(announced.is_of(&made) && made.is_of(&made));
        let later = sa_entry(&sa(1), 102);
        assert!(announced.is_of(&later) && !made.is_of(&later) && made.is_like(&later));
        for other in [
            sa(2),
            Sa { reqid: ReqId::new(7), ..sa(1) },
            Sa { spi: Spi(0x1001), ..sa(1) },
            Sa { mark: Mark { value: 1, mask: 1 }, ..sa(1) },
            Sa { if_id: std::num::NonZeroU32::new(7), ..sa(1) },
        ] {
            assert!(!announced.is_of(&sa_entry(&other, 101)), "{other:?}");
        }
        // Other limits, and the mode that the kernel has: the SA is the same.
        let mut limited = sa(1);
        limited.lifetimes.hard.packets = std::num::NonZeroU64::new(9);
        assert!(made.is_of(&sa_entry(&limited, 101)));
        // A key that is not shown.
        assert!(made.is_of(&sa_entry(&sa(0), 101)));
        assert!(!made.is_of(&sa_entry(&sa(0), 102)));
    }

    fn policy_entry(policy: &Policy, index: u32, add_time: u64) -> Record {
        let current = Current { add_time, ..Current::default() };
        let (policy, installation) = (policy.clone(), Installation::default());
        Record::of_policy_entry(&PolicyEntry {
            policy,
            installation,
            index,
            socket: false,
            current,
        })
    }

    fn policy(level: Level) -> Policy {
        let host = |end| Prefix::host([192, 0, 2, end].into());
        let id = PolicyId::new(Selector::new(host(1), host(2)).unwrap(), Direction::Out);
        let template = Template::new(Proto::Esp, TemplateMode::Transport, level);
        Policy::new(id, Action::Ipsec(vec![template]))
    }

    #[test]
    fn a_policy_is_known_by_its_index_and_its_time() {
        let required = policy(Level::Require);
        let made = policy_entry(&required, 8, 101);
        assert!(Record::of_policy(&required, (100, 700)).is_of(&made));
        assert!(made.is_of(&policy_entry(&required, 8, 101)));
        // The kernel has given its index to another, or it was replaced in place.
        assert!(!made.is_of(&policy_entry(&required, 16, 101)));
        assert!(!made.is_of(&policy_entry(&required, 8, 102)));
        let mut other = required.clone();
        other.priority = Priority(7);
        assert!(!made.is_of(&policy_entry(&other, 8, 101)));
        for change in [
            |id: &mut PolicyId| id.direction = Direction::In,
            |id: &mut PolicyId| id.if_id = std::num::NonZeroU32::new(9),
            |id: &mut PolicyId| id.mark = Mark { value: 1, mask: 1 },
            |id: &mut PolicyId| id.selector.user = 1,
            |id: &mut PolicyId| id.selector.device = Some("eth0".parse().unwrap()),
            |id: &mut PolicyId| id.selector.dst_port = 80,
            |id: &mut PolicyId| id.selector.upper = model::Upper::Number(6),
        ] {
            let mut other = required.clone();
            change(&mut other.id);
            assert!(!made.is_of(&policy_entry(&other, 8, 101)), "{other:?}");
        }
        let mut flagged = required.clone();
        flagged.flags = PolicyFlags::LOCAL_OK;
        assert!(made.is_of(&policy_entry(&flagged, 8, 101)));
        // The reconciler replaces it when variables change.
        let depending = policy(Level::Default);
        let made = policy_entry(&depending, 8, 101);
        assert!(made.is_of(&policy_entry(&depending, 8, 900)));
        assert!(!made.is_of(&policy_entry(&depending, 8, 100)));
    }
}
