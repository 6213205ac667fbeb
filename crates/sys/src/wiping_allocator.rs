//! An allocator for programs that handle keys.
//!
//! Hand-written because zeroize and secrecy wipe what their types own. Parsers, line editors and buffered readers of
//! libraries free copies of a statement, and a string that grows leaves one behind.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement; explicit_bzero(3)")]

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which wipes memory when it is freed, and what is left behind when it moves.
pub struct WipingAllocator;

// SAFETY: every block comes from `System` and goes back to it with the layout that it was allocated with. The provided
// `realloc` allocates, copies and frees.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up the block, which has the size of its layout.
        unsafe {
            libc::explicit_bzero(block.cast(), layout.size());
            System.dealloc(block, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_wiped_as_it_is_freed() {
        // So small that the system keeps them: it returns a large block to the kernel.
        for size in [24, 4096] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            // SAFETY: the layout has a size. Each block is used within it, and freed once with it; what is read of the
            // last one was written when it was the first.
            unsafe {
                let block = WipingAllocator.alloc(layout);
                block.write_bytes(7, size);
                // With one behind it, the first is not returned to the kernel.
                let other = WipingAllocator.alloc(layout);
                WipingAllocator.dealloc(block, layout);
                // It comes back. The system has written links into its first bytes, and nothing else.
                let again = WipingAllocator.alloc(layout);
                assert_eq!(again, block);
                let bytes = std::slice::from_raw_parts(again, size);
                assert!(!bytes.windows(4).any(|bytes| bytes == [7; 4]), "{size} bytes");
                WipingAllocator.dealloc(again, layout);
                WipingAllocator.dealloc(other, layout);
            }
        }
    }
}
