//! One thread at a time replaces sockets. No lock: its holder may be interrupted by a signal
//! handler that needs it, or be left behind by fork(2).

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::thread::gettid;

use crate::time::pause;

/// The thread that has the guard; 0: none.
static HOLDER: AtomicU32 = AtomicU32::new(0);

/// How often to look whether it is free.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Held until it is dropped.
pub(crate) struct Guard;

impl Guard {
    /// Waits for it. None: this thread has it, and was interrupted.
    pub(crate) fn take() -> Option<Self> {
        let thread = gettid().as_raw_nonzero().get().cast_unsigned();
        loop {
            match HOLDER.compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Self),
                Err(holder) if holder == thread => return None,
                Err(_) => pause(A_MOMENT),
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        HOLDER.store(0, Ordering::Release);
    }
}

/// In the child of fork(2), the thread that had it does not exist.
pub(crate) fn forget() {
    HOLDER.store(0, Ordering::Release);
}
