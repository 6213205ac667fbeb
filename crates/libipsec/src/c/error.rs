//! The last error: `ipsec_strerror`, and the variable that it reads.

use std::{
    ffi::{c_char, c_int},
    ptr,
    sync::atomic::{AtomicI32, AtomicPtr, Ordering},
};

use crate::error::{Code, Error, TEXTS};

/// The number of the last error. Programs may write it.
#[unsafe(no_mangle)]
pub static __ipsec_errcode: AtomicI32 = AtomicI32::new(0);

/// The text of `EIPSEC_SYSTEM_ERROR`.
static SYSTEM_TEXT: AtomicPtr<c_char> = AtomicPtr::new(ptr::null_mut());

/// The text of the last error.
#[unsafe(no_mangle)]
pub extern "C" fn ipsec_strerror() -> *const c_char {
    let system = SYSTEM_TEXT.load(Ordering::Relaxed);
    let number = __ipsec_errcode.load(Ordering::Relaxed);
    if number == Code::System as c_int && !system.is_null() {
        return system;
    }
    let known = usize::try_from(number).ok().and_then(|number| TEXTS.get(number));
    let text = known.unwrap_or_else(|| {
        __ipsec_errcode.store(Code::Unknown as c_int, Ordering::Relaxed);
        &TEXTS[Code::Unknown as usize]
    });
    text.as_ptr()
}

/// Makes a text of the caller's, which has to stay where it is, the text of the last error.
#[unsafe(no_mangle)]
pub extern "C" fn __ipsec_set_strerror(text: *const c_char) {
    SYSTEM_TEXT.store(text.cast_mut(), Ordering::Relaxed);
    __ipsec_errcode.store(Code::System as c_int, Ordering::Relaxed);
}

/// Keeps the error of a function, and sets errno where it is the system's.
pub(super) fn keep(error: Error) {
    match error {
        Error::Own(code) => __ipsec_errcode.store(code as c_int, Ordering::Relaxed),
        Error::System(errno) => {
            let errno = errno.raw_os_error();
            // SAFETY: strerror(3) takes any number; glibc keeps the texts of errnos.
            __ipsec_set_strerror(unsafe { libc::strerror(errno) });
            // SAFETY: the C library has an errno for each thread, which lives as long as it.
            unsafe { *libc::__errno_location() = errno };
        }
        // SAFETY: gai_strerror(3) takes any number; its texts are constants.
        Error::LookUp(error) => __ipsec_set_strerror(unsafe { libc::gai_strerror(error) }),
    }
}
