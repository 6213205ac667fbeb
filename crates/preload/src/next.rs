//! The functions that the library hides: those of the C library, or of the next one that is
//! preloaded.
//!
//! Some of them are points at which threads are cancelled, which glibc does by unwinding: hence
//! `C-unwind`. Where one is called, no value is alive that has something to do when it goes.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem,
};

use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};
use rustix::io::Errno;

use crate::errno::Failed;

macro_rules! functions {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        /// Where there is none, the call fails with ENOSYS.
        pub(crate) struct Next {
            $($name: Option<unsafe extern "C-unwind" fn($($kind),*) -> $result>,)*
        }

        impl Next {
            pub(crate) fn find() -> Self {
                Self {$(
                    // SAFETY: what dlsym(3) returns is null (`None`) or the address of a function
                    // of that name, whose prototype is this one.
                    $name: unsafe {
                        mem::transmute::<
                            *mut c_void,
                            Option<unsafe extern "C-unwind" fn($($kind),*) -> $result>,
                        >(symbol(concat!(stringify!($name), "\0")))
                    },
                )*}
            }

            $(
                #[allow(clippy::too_many_arguments, reason = "the function's own")]
                /// # Safety
                ///
                /// As for the function of that name in the C library.
                pub(crate) unsafe fn $name(&self, $($argument: $kind),*) -> $result {
                    match self.$name {
                        // SAFETY: the caller's.
                        Some(next) => unsafe { next($($argument),*) },
                        None => <$result>::failed(Errno::NOSYS),
                    }
                }
            )*
        }
    };
}

functions! {
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int;
    getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int;
    send(fd: c_int, data: *const c_void, length: size_t, flags: c_int) -> ssize_t;
    sendto(fd: c_int, data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, size: socklen_t) -> ssize_t;
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    sendmmsg(fd: c_int, messages: *mut mmsghdr, count: u32, flags: c_int) -> c_int;
    write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t;
    writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t;
    recv(fd: c_int, room: *mut c_void, length: size_t, flags: c_int) -> ssize_t;
    recvfrom(fd: c_int, room: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, size: *mut socklen_t) -> ssize_t;
    recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    recvmmsg(fd: c_int, messages: *mut mmsghdr, count: u32, flags: c_int, timeout: *mut timespec) -> c_int;
    read(fd: c_int, room: *mut c_void, length: size_t) -> ssize_t;
    readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t;
    __recv_chk(fd: c_int, room: *mut c_void, length: size_t, size: size_t, flags: c_int) -> ssize_t;
    __recvfrom_chk(fd: c_int, room: *mut c_void, length: size_t, size: size_t, flags: c_int, from: *mut sockaddr, length_from: *mut socklen_t) -> ssize_t;
    __read_chk(fd: c_int, room: *mut c_void, length: size_t, size: size_t) -> ssize_t;
}

fn symbol(name: &'static str) -> *mut c_void {
    debug_assert!(CStr::from_bytes_with_nul(name.as_bytes()).is_ok(), "{name}");
    // SAFETY: the name ends with a NUL.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast::<c_char>()) }
}
