//! `libpfkey-preload.so`: PF_KEY sockets for unmodified, dynamically linked programs.
//!
//! With this library in `LD_PRELOAD`, `socket(PF_KEY, SOCK_RAW, PF_KEY_V2)` returns a connection to
//! the PF_KEY service of the network namespace, or, where none listens, the kernel's own AF_KEY
//! socket. No other function is replaced: the service's socket keeps messages apart as AF_KEY
//! does, so `send`, `recv`, `MSG_PEEK`, `poll` and the options of `SOL_SOCKET` work as they are.
//!
//! Cargo names the file `libpfkey_preload.so`; `install -m 644 target/release/libpfkey_preload.so
//! /usr/lib/MULTIARCH/libpfkey-preload.so` gives it its name. libpfkey-preload(7) has the limits.
#![allow(unsafe_code, reason = "exports a C function and calls the one it hides")]

use std::{ffi::c_int, mem, os::fd::IntoRawFd, sync::OnceLock};

use pfkey_socket::{Answer, Call, Caller, PF_KEY, Settings};

type Socket = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;

struct Preload {
    settings: Settings,
    /// The `socket` of the C library, or of the next library that is preloaded.
    next: Option<Socket>,
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
        return preload.next(domain, kind, protocol);
    }
    let answer = match Call::new(kind, protocol) {
        Ok(call) => preload.settings.answer(call, Caller::this_thread()),
        Err(errno) => Answer::Refused(errno),
    };
    match answer {
        Answer::Socket(socket) => socket.into_raw_fd(),
        Answer::Refused(errno) => {
            // SAFETY: the C library has an errno for each thread, which lives as long as it.
            unsafe { *libc::__errno_location() = errno.raw_os_error() };
            -1
        }
        Answer::Kernel => preload.next(domain, kind, protocol),
    }
}

impl Preload {
    fn new() -> Self {
        Self { settings: settings(), next: next() }
    }

    fn next(&self, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        if let Some(socket) = self.next {
            // SAFETY: the symbol `socket` has the prototype of socket(2).
            unsafe { socket(domain, kind, protocol) }
        } else {
            // SAFETY: socket(2) takes three integers and no memory.
            let result = unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) };
            c_int::try_from(result).unwrap_or(-1)
        }
    }
}

/// A variable that cannot be used is ignored, as is all of the environment in a program with more
/// privilege than whoever set it.
fn settings() -> Settings {
    // SAFETY: getauxval(3) takes any number.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if secure { Settings::default() } else { Settings::from_environment().unwrap_or_default() }
}

fn next() -> Option<Socket> {
    // SAFETY: the name ends with a NUL.
    let symbol = unsafe { libc::dlsym(libc::RTLD_NEXT, c"socket".as_ptr()) };
    // SAFETY: what dlsym(3) returns is null (`None`) or the address of a function `socket`, which
    // has the prototype of socket(2).
    unsafe { mem::transmute::<*mut libc::c_void, Option<Socket>>(symbol) }
}
