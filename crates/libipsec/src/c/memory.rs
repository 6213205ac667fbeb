//! Memory of C's: read where a program's pointers lead, and handed out for free(3).

use std::{
    ffi::c_void,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    ptr, slice,
};

use libc::{AF_INET, AF_INET6, sockaddr, sockaddr_in, sockaddr_in6};
use pfkey::{HEADER_LENGTH, UNIT};

use crate::{error::Code, request::Ends};

/// # Safety
///
/// `pointer` is null or leads to `length` bytes, which stay as they are during the call.
pub(super) unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Result<&'a [u8], Code> {
    if pointer.is_null() {
        return Err(Code::InvalidArgument);
    }
    // SAFETY: it is not null, and the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(pointer.cast(), length) })
}

/// # Safety
///
/// `pointer` is null or leads to a `sadb_msg` and the bytes of its length.
pub(super) unsafe fn message<'a>(pointer: *const c_void) -> Result<&'a [u8], Code> {
    // SAFETY: a message has a header.
    let header = unsafe { bytes(pointer, HEADER_LENGTH) }?;
    let length = usize::from(u16::from_ne_bytes([header[4], header[5]])) * UNIT;
    if length < header.len() {
        return Err(Code::InvalidMessage);
    }
    // SAFETY: the message has this length.
    unsafe { bytes(pointer, length) }
}

/// # Safety
///
/// `pointer` is null or leads to a `sadb_ext` and the bytes of its length.
pub(super) unsafe fn extension<'a>(pointer: *const c_void) -> Result<&'a [u8], Code> {
    // SAFETY: length and type are 4 bytes.
    let header = unsafe { bytes(pointer, 4) }?;
    let length = usize::from(u16::from_ne_bytes([header[0], header[1]])) * UNIT;
    // SAFETY: the extension has this length.
    unsafe { bytes(pointer, length) }
}

/// # Safety
///
/// Each pointer is null or leads to a `sockaddr` as long as its family makes it.
pub(super) unsafe fn ends(src: *const sockaddr, dst: *const sockaddr) -> Result<Ends, Code> {
    // SAFETY: every `sockaddr` has a family.
    let families = unsafe { (family(src)?, family(dst)?) };
    if families.0 != families.1 {
        return Err(Code::FamilyMismatch);
    }
    // SAFETY: the caller's promise.
    unsafe { Ends::new(address(src)?, address(dst)?) }
}

/// # Safety
///
/// `pointer` is null or leads to a `sockaddr` as long as its family makes it.
pub(super) unsafe fn address(pointer: *const sockaddr) -> Result<SocketAddr, Code> {
    // SAFETY: every `sockaddr` has a family.
    match i32::from(unsafe { family(pointer) }?) {
        AF_INET => {
            // SAFETY: it is a `sockaddr_in` by its family.
            let address = unsafe { pointer.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from_bits(u32::from_be(address.sin_addr.s_addr));
            Ok(SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into())
        }
        AF_INET6 => {
            // SAFETY: it is a `sockaddr_in6` by its family.
            let address = unsafe { pointer.cast::<sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            let port = u16::from_be(address.sin6_port);
            Ok(SocketAddrV6::new(ip, port, address.sin6_flowinfo, address.sin6_scope_id).into())
        }
        _ => Err(Code::InvalidFamily),
    }
}

/// # Safety
///
/// `pointer` is null or leads to a `sockaddr`, at least its family.
unsafe fn family(pointer: *const sockaddr) -> Result<u16, Code> {
    // SAFETY: the family is the first field, of 2 bytes.
    let family = unsafe { bytes(pointer.cast(), 2) }?;
    Ok(u16::from_ne_bytes([family[0], family[1]]))
}

/// A copy that belongs to the program, which frees it.
pub(super) fn hand_out(bytes: &[u8]) -> Result<*mut c_void, Code> {
    // SAFETY: malloc(3) takes any length.
    let copy = unsafe { libc::malloc(bytes.len().max(1)) };
    if copy.is_null() {
        return Err(Code::NoBuffers);
    }
    // SAFETY: the copy has room for all bytes, and there is no other reference to it.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), copy.cast(), bytes.len()) };
    Ok(copy)
}
