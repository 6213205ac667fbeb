//! The program's memory behind a pointer that may be wrong. The kernel reports EFAULT then, and so does
//! the library: no SIGSEGV.

use std::{
    ffi::{c_ulong, c_void},
    mem::MaybeUninit,
    ptr, slice,
};

use rustix::{io::Errno, process::getpid};

use crate::errno;

/// process_vm_readv(2) or process_vm_writev(2).
type Transfer = unsafe extern "C" fn(
    libc::pid_t,
    *const libc::iovec,
    c_ulong,
    *const libc::iovec,
    c_ulong,
    c_ulong,
) -> libc::ssize_t;

/// C structures of which any bytes make one.
///
/// # Safety
///
/// They consist of integers and pointers.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: see their manual pages.
unsafe impl Plain for libc::iovec {}
// SAFETY: the same.
unsafe impl Plain for libc::msghdr {}
// SAFETY: a number.
unsafe impl Plain for u32 {}

/// Reads a structure at a pointer.
///
/// Errors: EFAULT.
pub(crate) fn copy<T: Plain>(from: *const T) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: zeroed above, and as long as this.
    let bytes = unsafe { slice::from_raw_parts_mut(value.as_mut_ptr().cast(), size_of::<T>()) };
    read(from.cast(), bytes)?;
    // SAFETY: `Plain` guarantees that any bytes are a value.
    Ok(unsafe { value.assume_init() })
}

/// Writes a structure at a pointer.
///
/// Errors: EFAULT.
pub(crate) fn store<T: Plain>(value: &T, to: *mut T) -> Result<(), Errno> {
    // SAFETY: the bytes of a value; between members they are what the program had there, or zero.
    let bytes = unsafe { slice::from_raw_parts(ptr::from_ref(value).cast(), size_of::<T>()) };
    write(bytes, to.cast())
}

/// Reads bytes at a pointer.
///
/// Errors: EFAULT.
pub(crate) fn read(from: *const c_void, bytes: &mut [u8]) -> Result<(), Errno> {
    let (room, length) = (bytes.as_mut_ptr(), bytes.len());
    if !transfer(libc::process_vm_readv, room.cast(), from.cast_mut(), length)? {
        // SAFETY: the program guarantees that there are as many bytes; here the kernel cannot be asked.
        unsafe { ptr::copy_nonoverlapping(from.cast(), room, length) };
    }
    Ok(())
}

/// Writes bytes at a pointer.
///
/// Errors: EFAULT.
pub(crate) fn write(bytes: &[u8], to: *mut c_void) -> Result<(), Errno> {
    let (start, length) = (bytes.as_ptr(), bytes.len());
    if !transfer(libc::process_vm_writev, start.cast_mut().cast(), to, length)? {
        // SAFETY: the program guarantees that there is room; here the kernel cannot be asked.
        unsafe { ptr::copy_nonoverlapping(start, to.cast(), length) };
    }
    Ok(())
}

/// Whether it was done; not where a filter of the process or an old kernel has no such call.
fn transfer(
    call: Transfer,
    own: *mut c_void,
    other: *mut c_void,
    length: usize,
) -> Result<bool, Errno> {
    let process = getpid().as_raw_nonzero().get();
    let own = libc::iovec { iov_base: own, iov_len: length };
    let other = libc::iovec { iov_base: other, iov_len: length };
    // SAFETY: `own` is of a slice that outlives the call and is not used meanwhile. `other` is checked
    // by the kernel, and is the program's to be read or written.
    match unsafe { call(process, &raw const own, 1, &raw const other, 1, 0) } {
        -1 => match errno::last() {
            Errno::NOSYS | Errno::PERM | Errno::ACCESS => Ok(false),
            _ => Err(Errno::FAULT),
        },
        done if done.cast_unsigned() == length => Ok(true),
        _ => Err(Errno::FAULT),
    }
}
