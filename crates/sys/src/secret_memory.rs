//! Memory for keys: not in core dumps, not in swap as far as the limits allow, wiped in the end.
//!
//! Hand-written because memsec and secrecy allocate and wipe at once: a receive buffer is large, mostly
//! never used, and its pages are taken as they are first used. A `Mapping` in rustix that owns its memory would end it.
#![allow(unsafe_code, reason = "mmap(2), madvise(2), mlock2(2), munmap(2)")]

use std::{
    ffi::c_void,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::{
    io::Errno,
    mm::{Advice, MapFlags, MlockFlags, ProtFlags, madvise, mlock_with, mmap_anonymous, munmap},
};

/// What is locked at once, in bytes. Where RLIMIT_MEMLOCK is less than the whole, the first pieces are locked: they are
/// used first.
const PIECE: usize = 64 << 10;

/// The bytes of all memory so far that could not be locked.
static NOT_LOCKED: AtomicUsize = AtomicUsize::new(0);

/// Zeroed memory of its own mapping. The kernel leaves it out of core dumps (`MADV_DONTDUMP`) and of child processes
/// (`MADV_WIPEONFORK`), and keeps it out of swap within RLIMIT_MEMLOCK. Its pages are taken as they are first used.
///
/// It is unmapped when it is dropped, and the kernel zeroes a page before another process gets it. The
/// owner wipes what it has used while the memory is in use.
pub struct SecretMemory {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone, as that of a `Box<[u8]>`.
unsafe impl Send for SecretMemory {}
// SAFETY: as above; a shared reference reads only.
unsafe impl Sync for SecretMemory {}

impl SecretMemory {
    /// Maps `length` bytes, at least one.
    ///
    /// Errors: those of mmap(2).
    pub fn new(length: usize) -> Result<Self, Errno> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping, where the kernel chooses.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), length, access, flags) }?;
        let start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        let memory = Self { start, length };
        // Refused by a kernel without the call, and by RLIMIT_MEMLOCK: the memory works without them.
        // SAFETY: neither changes what the memory contains.
        let _ = unsafe { madvise(memory.address(), length, Advice::LinuxDontDump) };
        // SAFETY: as above; a child process has zeros in its place.
        let _ = unsafe { madvise(memory.address(), length, Advice::LinuxWipeOnFork) };
        NOT_LOCKED.fetch_add(memory.lock(), Ordering::Relaxed);
        Ok(memory)
    }

    /// How many bytes of all such memory could not be locked since this process began: they may be swapped.
    #[must_use]
    pub fn not_locked() -> usize {
        NOT_LOCKED.load(Ordering::Relaxed)
    }

    /// Locks as much as is allowed, from the beginning. Returns how many bytes are not.
    fn lock(&self) -> usize {
        for start in (0..self.length).step_by(PIECE) {
            let left = self.length - start;
            let piece = self.address().wrapping_byte_add(start);
            // SAFETY: a part of the mapping; what it contains does not change.
            if unsafe { mlock_with(piece, left.min(PIECE), MlockFlags::ONFAULT) }.is_err() {
                return left;
            }
        }
        0
    }

    fn address(&self) -> *mut c_void {
        self.start.as_ptr().cast()
    }
}

impl Drop for SecretMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and no reference to it is left.
        let _ = unsafe { munmap(self.address(), self.length) };
    }
}

impl Deref for SecretMemory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped, readable, initialised by the kernel, borrowed as long as `self`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for SecretMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, writable, and `self` is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use rustix::{
        process::{Resource, Rlimit, getrlimit, setrlimit},
        thread::{CapabilitySet, capabilities, set_capabilities},
    };

    use super::*;

    /// The flags of the mapping that begins at an address (`VmFlags`, proc(5)).
    fn flags(start: usize) -> String {
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = maps.lines().skip_while(|line| !line.starts_with(&format!("{start:x}-")));
        lines.find_map(|line| line.strip_prefix("VmFlags:")).unwrap().to_owned()
    }

    /// The limit is of this process, and a thread without CAP_IPC_LOCK is subject to it.
    #[test]
    fn under_a_limit_the_first_pieces_are_locked() {
        let limit = getrlimit(Resource::Memlock);
        let room = (8 * PIECE) as u64;
        setrlimit(Resource::Memlock, Rlimit { current: Some(room), ..limit }).unwrap();
        let limited = || {
            let mut sets = capabilities(None).unwrap();
            sets.effective.remove(CapabilitySet::IPC_LOCK);
            set_capabilities(None, sets).unwrap();
            let before = SecretMemory::not_locked();
            let memory = SecretMemory::new(16 * PIECE).unwrap();
            (flags(memory.as_ptr().addr()), SecretMemory::not_locked() - before)
        };
        let (flags, missing) = thread::scope(|scope| scope.spawn(limited).join()).unwrap();
        setrlimit(Resource::Memlock, limit).unwrap();
        assert!(flags.contains(" lo"), "the first pages are locked: {flags}");
        assert!((8 * PIECE..16 * PIECE).contains(&missing), "{missing}");
    }

    #[test]
    fn it_is_zeroed_and_neither_dumped_nor_swapped() {
        let mut memory = SecretMemory::new(100_000).unwrap();
        assert_eq!(memory.len(), 100_000);
        assert!(memory.iter().all(|&byte| byte == 0));
        memory[99_999] = 7;
        assert_eq!(memory.last(), Some(&7));
        let flags = flags(memory.as_ptr().addr());
        assert!(flags.contains(" dd"), "not dumped: {flags}");
        assert!(flags.contains(" wf"), "not of children: {flags}");
        assert!(flags.contains(" lo"), "locked: {flags}");
    }
}
