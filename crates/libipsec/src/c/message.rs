//! `pfkey_align` and `pfkey_check`: a message taken apart in place.

use std::{
    ffi::{c_int, c_void},
    ptr,
};

use pfkey::{HEADER_LENGTH, ext_type};

use super::{call, memory};
use crate::{
    align::{TABLE, align},
    check::{Address, Header, check},
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
        let header = Header::of(unsafe { memory::bytes(entry(0), HEADER_LENGTH) }?);
        // SAFETY: these entries are addresses or null.
        let ends = unsafe {
            (
                address(entry(ext_type::ADDRESS_SRC.into())),
                address(entry(ext_type::ADDRESS_DST.into())),
            )
        };
        check(header, ends.0.zip(ends.1))?;
        Ok(0)
    })
}

/// # Safety
///
/// `pointer` is null or leads to a `sadb_address` with its `sockaddr`.
unsafe fn address(pointer: *const c_void) -> Option<Address> {
    // SAFETY: 8 bytes of `sadb_address`, then the family.
    let address = unsafe { memory::bytes(pointer, 10) }.ok()?;
    Some(Address { proto: address[4], family: u16::from_ne_bytes([address[8], address[9]]) })
}
