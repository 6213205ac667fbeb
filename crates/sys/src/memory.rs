//! Memory: returned to the kernel, and wiped.
//!
//! Hand-written because no library has malloc_trim(3): an allocator of its own that returns memory by
//! itself would end it. The crate zeroize writes byte by byte, which takes as long as the kernel needs to fill a
//! dump.
#![allow(unsafe_code, reason = "malloc_trim(3), explicit_bzero(3)")]

/// Overwrites bytes with zeros, even if they are never read again.
pub fn wipe(bytes: &mut [u8]) {
    // SAFETY: the bytes are borrowed mutably, and zero is a value of each.
    unsafe { libc::explicit_bzero(bytes.as_mut_ptr().cast(), bytes.len()) };
}

/// Returns memory that was freed to the kernel. The allocator of the C library keeps it otherwise, if
/// anything above it is in use.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and may be called by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
/// Overwrites the 16 KiB of the stack below the frame of the caller, where functions that it has called had their variables. A
/// value that is moved leaves its bytes there, and so does a library that wipes none of its own.
#[inline(never)]
pub fn wipe_stack() {
    let mut bytes = [0_u8; 16 << 10];
    wipe(std::hint::black_box(&mut bytes));
}
