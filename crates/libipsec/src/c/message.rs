//! `pfkey_align` and `pfkey_check`: a message taken apart in place.

use std::{
    ffi::{c_int, c_void},
    ptr,
};

use pfkey::{HEADER_LENGTH, ext_type};

use super::{call, memory};
use crate::{
    align::{TABLE, align},
    check::{Address, MessageHeader, check},
    error::Code,
};

/// Fills a table of `SADB_EXT_MAX + 1` pointers: the message itself, and its extensions by type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_align(message: *mut c_void, table: *mut *mut c_void) -> c_int {
    call(-1, || {
        if message.is_null() || table.is_null() {
            return Err(Code::InvalidArgument.into());
        }
        let set = |number: usize, pointer: *mut c_void| {
            // SAFETY: the table has as many entries, and this is one of them.
            unsafe { table.add(number).write(pointer) };
        };
        (0..TABLE).for_each(|number| set(number, ptr::null_mut()));
        set(0, message);
        // SAFETY: it is not null, so it is a message.
        let places = align(unsafe { memory::message(message) }?)?;
        for (number, place) in places.into_iter().enumerate() {
            if let Some(place) = place {
                // SAFETY: the place is inside the message.
                set(number, unsafe { message.byte_add(place) });
            }
        }
        Ok(0)
    })
}

/// Whether header and addresses of the message in such a table go together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_check(table: *const *mut c_void) -> c_int {
    call(-1, || {
        if table.is_null() {
            return Err(Code::InvalidArgument.into());
        }
        // SAFETY: the table has as many entries, and this is one of them.
        let entry = |number: usize| unsafe { table.add(number).read() };
        // SAFETY: the first entry is a message or null.
        let header = MessageHeader::of(unsafe { memory::bytes(entry(0), HEADER_LENGTH) }?);
        // SAFETY: these entries are addresses or null.
        let (src, dst) = unsafe {
            (
                address(entry(ext_type::ADDRESS_SRC.into()))?,
                address(entry(ext_type::ADDRESS_DST.into()))?,
            )
        };
        check(header, src.zip(dst))?;
        Ok(0)
    })
}

/// The fields of an address; none without one. One that is too short for the family of a `sockaddr`
/// is an error.
///
/// # Safety
///
/// `pointer` is null or leads to an extension, which is as long as its length field.
unsafe fn address(pointer: *const c_void) -> Result<Option<Address>, Code> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not null, and the rest is the caller's promise.
    let extension = unsafe { memory::extension(pointer) }?;
    // 8 bytes of `sadb_address`, then the family.
    let &[_, _, _, _, proto, _, _, _, family_0, family_1] =
        extension.first_chunk().ok_or(Code::InvalidAddress)?;
    Ok(Some(Address { proto, family: u16::from_ne_bytes([family_0, family_1]) }))
}
