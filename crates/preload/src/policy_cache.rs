//! What this process has set, for getsockopt(2): the kernel does not report the policies of a socket.
//!
//! By the kernel's number of the socket, so it does not matter by which descriptor. There is room for
//! so many and no more; then the oldest is forgotten. No lock: a child of a program with threads could
//! find it taken for ever.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use model::Direction;
use sockpolicy::Cookie;

/// How many policies there is room for.
const MANY: usize = 512;

/// The longest policy, in words: six requests with the addresses of tunnels are 448 bytes.
const WORDS: usize = 64;

static CACHE: [Cached; MANY] = [const { Cached::new() }; MANY];
/// The place that is taken next.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// One policy.
struct Cached {
    /// How often it was written, twice; odd: it is being written.
    version: AtomicU32,
    socket: AtomicU64,
    /// Of the direction, from 1; 0: there is none.
    direction: AtomicU32,
    length: AtomicUsize,
    words: [AtomicU64; WORDS],
}

/// Keeps the policy of a socket, as it was given.
pub(crate) fn keep(socket: Cookie, direction: Direction, policy: &[u8]) {
    let place = CACHE.iter().find(|cached| cached.is_of(socket, Some(direction)));
    let free = || CACHE.iter().find(|cached| cached.direction.load(Ordering::Relaxed) == 0);
    let oldest = || &CACHE[NEXT.fetch_add(1, Ordering::Relaxed) % MANY];
    place.or_else(free).unwrap_or_else(oldest).write(socket, number(direction), policy);
}

/// The policy that was set last.
pub(crate) fn policy(socket: Cookie, direction: Direction) -> Option<Vec<u8>> {
    CACHE.iter().find_map(|cached| cached.read(socket, direction))
}

/// Forgets those of both directions: they were taken away, or others were set by an option of which
/// nothing is known here.
pub(crate) fn forget(socket: Cookie) {
    for cached in CACHE.iter().filter(|cached| cached.is_of(socket, None)) {
        cached.write(socket, 0, &[]);
    }
}

fn number(direction: Direction) -> u32 {
    match direction {
        Direction::In => 1,
        _ => 2,
    }
}

impl Cached {
    const fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            socket: AtomicU64::new(0),
            direction: AtomicU32::new(0),
            length: AtomicUsize::new(0),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn is_of(&self, socket: Cookie, direction: Option<Direction>) -> bool {
        let number_here = self.direction.load(Ordering::Relaxed);
        self.socket.load(Ordering::Relaxed) == socket.number()
            && direction.map_or(number_here != 0, |direction| number(direction) == number_here)
    }

    fn write(&self, socket: Cookie, direction: u32, policy: &[u8]) {
        let version = self.version.load(Ordering::Relaxed);
        let is_free = version.is_multiple_of(2)
            && self
                .version
                .compare_exchange(version, version + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        // Another thread writes it, or did when this process was forked.
        if !is_free {
            return;
        }
        fence(Ordering::Release);
        let fits = policy.len() <= 8 * WORDS;
        self.socket.store(socket.number(), Ordering::Relaxed);
        self.direction.store(if fits { direction } else { 0 }, Ordering::Relaxed);
        self.length.store(policy.len(), Ordering::Relaxed);
        for (word, bytes) in self.words.iter().zip(policy.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    fn read(&self, socket: Cookie, direction: Direction) -> Option<Vec<u8>> {
        let version = self.version.load(Ordering::Acquire);
        if !version.is_multiple_of(2) || !self.is_of(socket, Some(direction)) {
            return None;
        }
        let mut policy = vec![0; 8 * WORDS];
        for (bytes, word) in policy.chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        policy.truncate(self.length.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(policy)
    }
}
