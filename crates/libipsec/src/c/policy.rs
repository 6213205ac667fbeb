//! `ipsec_set_policy` and its inverse.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};

use pfkey::Extension;

use super::{call, contained, memory};
use crate::{
    compile::compile,
    describe::describe,
    error::{Code, Error},
};

/// Makes a `sadb_x_policy`, to be freed by the caller, of a policy's text. The text ends with its
/// NUL; as in the original its length is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_set_policy(text: *const c_char, _length: c_int) -> *mut c_char {
    call(ptr::null_mut(), || {
        if text.is_null() {
            return Err(Code::InvalidArgument.into());
        }
        // SAFETY: it is not null, so it is a string of C.
        let text = unsafe { CStr::from_ptr(text) };
        let policy = Extension::Policy(compile(text.to_bytes())?);
        Ok(memory::hand_out(&policy.encode()?)?.cast())
    })
}

/// The length of a policy in bytes; -1 without one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_get_policylen(policy: *const c_char) -> c_int {
    contained(-1, || {
        // SAFETY: it is a `sadb_x_policy` or null.
        let policy = unsafe { memory::extension(policy.cast()) };
        policy.ok().and_then(|policy| policy.len().try_into().ok()).unwrap_or(-1)
    })
}

/// The text of a policy, to be freed by the caller, its requests behind a delimiter each; without
/// one a space.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_dump_policy(
    policy: *const c_char,
    delimiter: *const c_char,
) -> *mut c_char {
    // SAFETY: the prototype is the same.
    call(ptr::null_mut(), || unsafe { text(policy.cast(), delimiter, false) })
}

/// The same with the ports of the requests' addresses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_dump_policy_withports(
    policy: *const c_void,
    delimiter: *const c_char,
) -> *mut c_char {
    // SAFETY: the prototype is the same.
    call(ptr::null_mut(), || unsafe { text(policy, delimiter, true) })
}

/// # Safety
///
/// `policy` is null or leads to a `sadb_x_policy`; `delimiter` is null or a string of C.
unsafe fn text(
    policy: *const c_void,
    delimiter: *const c_char,
    ports: bool,
) -> Result<*mut c_char, Error> {
    // SAFETY: the caller's promise.
    let policy = unsafe { memory::extension(policy) }?;
    let delimiter = if delimiter.is_null() {
        c" "
    } else {
        // SAFETY: it is not null, so it is a string of C.
        unsafe { CStr::from_ptr(delimiter) }
    };
    let mut text = describe(policy, delimiter.to_bytes(), ports)?;
    text.push(0);
    Ok(memory::hand_out(&text)?.cast())
}
