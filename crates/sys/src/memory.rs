//! Memory of the allocator.
//!
//! Hand-written because no library has malloc_trim(3): an allocator of its own that returns memory by
//! itself would end it.
#![allow(unsafe_code, reason = "malloc_trim(3)")]

/// Returns memory that was freed to the kernel. The allocator of the C library keeps it otherwise, if
/// anything above it is in use.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and may be called by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
