//! What this process has set, for getsockopt(2): the kernel does not report the policies of a socket.
//!
//! By the kernel's number of the socket, so it does not matter by which descriptor. There is room for
//! so many and no more; then the oldest is lost. No lock: a child of a program with threads could find
//! it taken for ever, and a signal handler by the code that it interrupts.

use std::{
    hint,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

use model::Direction;
use sockpolicy::{
    Cookie,
    option::{OptionChange, Stored},
};

/// How many policies there is room for.
const MANY: usize = 2048;

/// The longest policy, in words: six requests with the addresses of tunnels are 448 bytes.
const WORDS: usize = 64;

/// In place of the length of a policy that is not known.
const UNKNOWN: usize = usize::MAX;

/// How often a record is tried that another thread writes.
const TRIES: u32 = 1000;

static RECORDS: [Record; MANY] = [const { Record::new() }; MANY];

/// How many records were taken, those that took the place of older ones included.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A record was lost: a socket without one may have a policy.
static LOST: AtomicBool = AtomicBool::new(false);

/// One policy.
struct Record {
    /// How often it was written, twice; odd: it is being written.
    version: AtomicU32,
    /// A write of it was given up, since another one had begun and did not end.
    is_stale: AtomicBool,
    socket: AtomicU64,
    /// Of the direction, from 1; 0: there is none.
    direction: AtomicU32,
    length: AtomicUsize,
    words: [AtomicU64; WORDS],
}

/// Stores what a call has changed.
pub(crate) fn store(socket: Cookie, change: &OptionChange) {
    let all = [Direction::In, Direction::Out];
    match change {
        OptionChange::Set(direction, policy) => write(socket, *direction, Some(policy)),
        OptionChange::Unknown => {
            for direction in all {
                write(socket, direction, None);
            }
        }
        OptionChange::Cleared => all.into_iter().for_each(|direction| clear(socket, direction)),
    }
}

/// What is stored of the policy of a direction.
pub(crate) fn stored(socket: Cookie, direction: Direction) -> Option<Stored> {
    for _ in 0..TRIES {
        let Some(record) = used().find(|record| record.is_of(socket, direction)) else {
            return LOST.load(Ordering::Relaxed).then_some(Stored::Unknown);
        };
        if let Some(stored) = record.read(socket, direction) {
            return Some(stored);
        }
        hint::spin_loop();
    }
    Some(Stored::Unknown)
}

/// In the child of fork(2) there is no thread that goes on to write a record.
pub(crate) fn forget_writers() {
    for record in used().filter(|record| record.version.load(Ordering::Relaxed) % 2 == 1) {
        record.direction.store(0, Ordering::Relaxed);
        record.version.fetch_add(1, Ordering::Release);
        LOST.store(true, Ordering::Relaxed);
    }
}

fn used() -> impl Iterator<Item = &'static Record> {
    RECORDS.iter().take(TAKEN.load(Ordering::Relaxed))
}

/// Without a policy: it is not known.
fn write(socket: Cookie, direction: Direction, policy: Option<&Vec<u8>>) {
    let policy = policy.filter(|policy| policy.len() <= 8 * WORDS);
    let (bytes, length) = policy.map_or((&[][..], UNKNOWN), |policy| (policy, policy.len()));
    let write = |record: &Record, is_wanted: &dyn Fn() -> bool| {
        record.write_if(is_wanted, socket, number(direction), bytes, length)
    };
    for _ in 0..TRIES {
        let written = if let Some(own) = used().find(|record| record.is_of(socket, direction)) {
            write(own, &|| own.is_of(socket, direction))
        } else if let Some(free) = used().find(|record| record.is_idle() && record.is_free()) {
            write(free, &|| free.is_free())
        } else {
            let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
            LOST.fetch_or(taken >= MANY, Ordering::Relaxed);
            write(&RECORDS[taken % MANY], &|| true)
        };
        if written {
            return;
        }
        hint::spin_loop();
    }
    give_up(socket, direction);
}

/// Forgets the policy of a direction.
fn clear(socket: Cookie, direction: Direction) {
    for _ in 0..TRIES {
        let Some(record) = used().find(|record| record.is_of(socket, direction)) else { return };
        record.write_if(|| record.is_of(socket, direction), socket, 0, &[], 0);
        hint::spin_loop();
    }
    give_up(socket, direction);
}

/// The record is another writer's all the time. It may be this thread that writes it, and was
/// interrupted: what the record has then is not known.
fn give_up(socket: Cookie, direction: Direction) {
    LOST.store(true, Ordering::Relaxed);
    for record in used().filter(|record| record.is_of(socket, direction)) {
        record.is_stale.store(true, Ordering::Relaxed);
    }
}

fn number(direction: Direction) -> u32 {
    match direction {
        Direction::In => 1,
        _ => 2,
    }
}

impl Record {
    const fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            is_stale: AtomicBool::new(false),
            socket: AtomicU64::new(0),
            direction: AtomicU32::new(0),
            length: AtomicUsize::new(0),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn is_of(&self, socket: Cookie, direction: Direction) -> bool {
        self.direction.load(Ordering::Relaxed) == number(direction)
            && self.socket.load(Ordering::Relaxed) == socket.number()
    }

    fn is_free(&self) -> bool {
        self.direction.load(Ordering::Relaxed) == 0
    }

    /// Whether no thread writes it.
    fn is_idle(&self) -> bool {
        self.version.load(Ordering::Relaxed).is_multiple_of(2)
    }

    /// Writes it unless another thread does, or it is not wanted any more. Whether it was written.
    fn write_if(
        &self,
        is_wanted: impl Fn() -> bool,
        socket: Cookie,
        direction: u32,
        policy: &[u8],
        length: usize,
    ) -> bool {
        let version = self.version.load(Ordering::Relaxed);
        let is_claimed = version.is_multiple_of(2)
            && self
                .version
                .compare_exchange(
                    version,
                    version.wrapping_add(1),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok();
        if !is_claimed {
            return false;
        }
        fence(Ordering::Release);
        let is_wanted = is_wanted();
        if is_wanted {
            self.is_stale.store(false, Ordering::Relaxed);
            self.socket.store(socket.number(), Ordering::Relaxed);
            self.direction.store(direction, Ordering::Relaxed);
            self.length.store(length, Ordering::Relaxed);
            for (word, bytes) in self.words.iter().zip(policy.chunks(8)) {
                let mut whole = [0; 8];
                whole[..bytes.len()].copy_from_slice(bytes);
                word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
            }
        }
        self.version.store(version.wrapping_add(2), Ordering::Release);
        is_wanted
    }

    /// `None`: it is being written, or has become that of another socket.
    fn read(&self, socket: Cookie, direction: Direction) -> Option<Stored> {
        let version = self.version.load(Ordering::Acquire);
        if !version.is_multiple_of(2) || !self.is_of(socket, direction) {
            return None;
        }
        let length = self.length.load(Ordering::Relaxed);
        let is_unknown = length == UNKNOWN || self.is_stale.load(Ordering::Relaxed);
        let stored = if is_unknown {
            Stored::Unknown
        } else {
            let words = self.words.iter().map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
            let mut policy: Vec<u8> = words.flatten().collect();
            policy.truncate(length);
            Stored::Value(policy)
        };
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(stored)
    }
}
