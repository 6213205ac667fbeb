//! Memory for the few allocations of the library. malloc(3) has locks, which a signal handler may
//! interrupt; mmap(2) has none.

use std::{
    alloc::{GlobalAlloc, Layout},
    ptr,
};

/// The least size of a page: mappings are aligned to it.
const PAGE: usize = 4096;

/// A mapping for each allocation.
pub(crate) struct Mappings;

// SAFETY: a new mapping overlaps no other memory, is as long as the layout, and is aligned to a page.
unsafe impl GlobalAlloc for Mappings {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > PAGE {
            return ptr::null_mut();
        }
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous mapping at an address that the kernel chooses.
        let start = unsafe { libc::mmap(ptr::null_mut(), layout.size(), protection, flags, -1, 0) };
        if start == libc::MAP_FAILED { ptr::null_mut() } else { start.cast() }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees that `alloc` has returned it for this layout.
        unsafe { libc::munmap(start.cast(), layout.size()) };
    }
}
