//! `libpfkey-preload.so`: PF_KEY sockets and IP_IPSEC_POLICY for unmodified, dynamically linked
//! programs.
//!
//! With this library in `LD_PRELOAD`, `socket(PF_KEY, SOCK_RAW, PF_KEY_V2)` returns a connection to
//! the PF_KEY service of the network namespace, or, where none listens, the kernel's own AF_KEY
//! socket. The service's socket keeps messages apart as AF_KEY does, so `send`, `recv`, `MSG_PEEK`,
//! `poll` and the options of `SOL_SOCKET` work as they are.
//!
//! `setsockopt` takes the options `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY` where the kernel does not,
//! and `getsockopt` gives them back, as on the BSDs. No other function is replaced.
//!
//! Cargo names the file `libpfkey_preload.so`; `install -m 644 target/release/libpfkey_preload.so
//! /usr/lib/MULTIARCH/libpfkey-preload.so` gives it its name. libpfkey-preload(7) has the limits.
#![allow(unsafe_code, reason = "exports C functions and calls those it hides")]

mod kept;
mod next;
mod policy;

use std::{
    ffi::{c_int, c_void},
    os::fd::IntoRawFd,
    slice,
    sync::OnceLock,
};

use pfkey_socket::{Answer, Call, Caller, PF_KEY, Settings};
use rustix::io::Errno;
use sockpolicy::option::{self, PolicyOption};

use next::Next;

struct Preload {
    settings: Settings,
    policies: option::Settings,
    next: Next,
}

static PRELOAD: OnceLock<Preload> = OnceLock::new();

/// Runs when the library is loaded: what it does, a later `socket` in a signal handler or in the
/// child of a program with threads must not.
#[used]
#[unsafe(link_section = ".init_array")]
static LOAD: extern "C" fn() = load;

extern "C" fn load() {
    PRELOAD.get_or_init(Preload::new);
}

/// `socket(2)`, with PF_KEY from the service.
#[unsafe(no_mangle)]
pub extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let preload = PRELOAD.get_or_init(Preload::new);
    if domain != PF_KEY {
        return preload.next.socket(domain, kind, protocol);
    }
    let answer = match Call::new(kind, protocol) {
        Ok(call) => preload.settings.answer(call, Caller::this_thread()),
        Err(errno) => Answer::Refused(errno),
    };
    match answer {
        Answer::Socket(socket) => socket.into_raw_fd(),
        Answer::Refused(errno) => fail(errno),
        Answer::Kernel => preload.next.socket(domain, kind, protocol),
    }
}

/// `setsockopt(2)`, with the policies of AF_KEY.
///
/// # Safety
///
/// As for setsockopt(2): there are `length` bytes at `value`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: libc::socklen_t,
) -> c_int {
    let preload = PRELOAD.get_or_init(Preload::new);
    // SAFETY: the caller's arguments, as they are.
    let kernel = || unsafe { preload.next.setsockopt(fd, level, name, value, length) };
    let Some(option) = PolicyOption::of(level, name) else { return kernel() };
    if value.is_null() || fd < 0 {
        return kernel();
    }
    // SAFETY: the caller says so.
    let bytes = unsafe { slice::from_raw_parts(value.cast::<u8>(), length as usize) };
    let kernel = || match kernel() {
        -1 => Err(errno()),
        _ => Ok(()),
    };
    match policy::set(&preload.policies, fd, option, bytes, kernel) {
        Ok(()) => 0,
        Err(errno) => fail(errno),
    }
}

/// `getsockopt(2)`, with the policies of AF_KEY: of the direction in the policy that stands at
/// `value`.
///
/// # Safety
///
/// As for getsockopt(2): there is room for `length` bytes at `value`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> c_int {
    let preload = PRELOAD.get_or_init(Preload::new);
    let is_policy = PolicyOption::of(level, name).is_some() && preload.policies.are_kept();
    if !is_policy || value.is_null() || length.is_null() || fd < 0 {
        // SAFETY: the caller's arguments, as they are.
        return unsafe { preload.next.getsockopt(fd, level, name, value, length) };
    }
    // SAFETY: the caller says so, and that nobody else has them.
    let (room, length) =
        unsafe { (slice::from_raw_parts_mut(value.cast::<u8>(), *length as usize), &mut *length) };
    match policy::get(fd, room) {
        Ok(written) => {
            *length = written;
            0
        }
        Err(errno) => fail(errno),
    }
}

/// Fails as system calls do.
fn fail(errno: Errno) -> c_int {
    // SAFETY: the C library has an errno for each thread, which lives as long as it.
    unsafe { *libc::__errno_location() = errno.raw_os_error() };
    -1
}

/// Why the last system call of this thread has failed.
fn errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

impl Preload {
    /// A variable that cannot be used is ignored, as is all of the environment in a program with
    /// more privilege than whoever set it.
    fn new() -> Self {
        // SAFETY: getauxval(3) takes any number.
        let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
        let (settings, policies) = if secure {
            (Settings::default(), option::Settings::default())
        } else {
            let settings = Settings::from_environment().unwrap_or_default();
            (settings, option::Settings::from_environment())
        };
        Self { settings, policies, next: Next::find() }
    }
}
