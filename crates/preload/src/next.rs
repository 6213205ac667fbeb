//! The functions that the library hides: those of the C library, or of the next one that is
//! preloaded.

use std::{
    ffi::{CStr, c_int, c_void},
    mem,
};

use libc::socklen_t;

type Socket = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;
type SetSockOpt = unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, socklen_t) -> c_int;
type GetSockOpt = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int;

/// Where there is none, the system call itself.
pub(crate) struct Next {
    socket: Option<Socket>,
    setsockopt: Option<SetSockOpt>,
    getsockopt: Option<GetSockOpt>,
}

impl Next {
    pub(crate) fn find() -> Self {
        // SAFETY: what dlsym(3) returns is null (`None`) or the address of a function of that
        // name, which has the prototype of socket(2), setsockopt(2) or getsockopt(2).
        unsafe {
            Self {
                socket: mem::transmute::<*mut c_void, Option<Socket>>(symbol(c"socket")),
                setsockopt: mem::transmute::<*mut c_void, Option<SetSockOpt>>(symbol(
                    c"setsockopt",
                )),
                getsockopt: mem::transmute::<*mut c_void, Option<GetSockOpt>>(symbol(
                    c"getsockopt",
                )),
            }
        }
    }

    pub(crate) fn socket(&self, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        if let Some(socket) = self.socket {
            // SAFETY: the symbol `socket` has the prototype of socket(2).
            unsafe { socket(domain, kind, protocol) }
        } else {
            // SAFETY: socket(2) takes three integers and no memory.
            returned(unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) })
        }
    }

    /// # Safety
    ///
    /// As for setsockopt(2).
    pub(crate) unsafe fn setsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        length: socklen_t,
    ) -> c_int {
        // SAFETY: the caller's.
        unsafe {
            match self.setsockopt {
                Some(setsockopt) => setsockopt(fd, level, name, value, length),
                None => {
                    returned(libc::syscall(libc::SYS_setsockopt, fd, level, name, value, length))
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for getsockopt(2).
    pub(crate) unsafe fn getsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *mut c_void,
        length: *mut socklen_t,
    ) -> c_int {
        // SAFETY: the caller's.
        unsafe {
            match self.getsockopt {
                Some(getsockopt) => getsockopt(fd, level, name, value, length),
                None => {
                    returned(libc::syscall(libc::SYS_getsockopt, fd, level, name, value, length))
                }
            }
        }
    }
}

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends with a NUL.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

fn returned(result: libc::c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}
