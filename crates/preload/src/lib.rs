//! `libpfkey-preload.so`: PF_KEY sockets and IP_IPSEC_POLICY for unmodified, dynamically linked
//! programs.
//!
//! With this library in `LD_PRELOAD`, `socket(PF_KEY, SOCK_RAW, PF_KEY_V2)` returns a connection to
//! the PF_KEY service of the network namespace, or, where none listens, the kernel's own AF_KEY
//! socket. The service's socket keeps messages apart as AF_KEY does, so `recv`, `MSG_PEEK`, `poll`
//! and the options of `SOL_SOCKET` work as they are. What AF_KEY does within `send`, the functions
//! that send wait for (`sends`, `deliver`); that a service can end, which AF_KEY cannot, those that
//! receive hide (`receives`, `recover`).
//!
//! `setsockopt` takes the options `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY` where the kernel does not,
//! and `getsockopt` gives them back, as on the BSDs (`options`).
//!
//! All of these may be called in signal handlers, and in the child of a program with threads. So
//! nothing here locks, what is known of a socket is in tables of fixed size (`clients`,
//! `policy_cache`), and allocations, of which sending and receiving have none, do not use malloc(3)
//! (`allocator`).
//!
//! Cargo names the file `libpfkey_preload.so`; `install -m 644 target/release/libpfkey_preload.so
//! /usr/lib/MULTIARCH/libpfkey-preload.so` gives it its name. libpfkey-preload(7) has the limits.
#![allow(unsafe_code, reason = "exports C functions and calls those it hides")]

mod allocator;
mod clients;
mod deliver;
mod descriptors;
mod errno;
mod interests;
mod last_connection;
mod memory;
mod next;
mod options;
mod parts;
mod placeholder;
mod policy_cache;
mod receive;
mod receives;
mod recover;
mod sends;
mod spin_lock;
mod time;
mod watchers;

use std::{
    ffi::c_int,
    io,
    os::fd::{AsFd, IntoRawFd},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use pfkey::client::{PF_KEY, PfKeySettings, SocketCall, SocketCaller, SocketResult};
use sockpolicy::option;

use errno::Failed;
use next::Next;

#[global_allocator]
static ALLOCATOR: allocator::Mappings = allocator::Mappings;

struct Preload {
    settings: PfKeySettings,
    policies: option::OptionSettings,
    /// The variables of PF_KEY sockets, and those of the policies of sockets.
    ignored: [Ignored; 2],
    next: Next,
}

static PRELOAD: OnceLock<Preload> = OnceLock::new();

/// Runs when the library is loaded: what it does, a later `socket` in a signal handler or in the
/// child of a program with threads must not.
#[used]
#[unsafe(link_section = ".init_array")]
static LOAD: extern "C" fn() = load;

extern "C" fn load() {
    preload();
    clients::find_inherited();
    // SAFETY: the handler may run in the child of a program with threads.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) };
}

/// In the child there is none of the threads that others may have to wait for.
unsafe extern "C" fn forked() {
    spin_lock::forget();
    clients::forget_senders();
    policy_cache::forget_writers();
}

fn preload() -> &'static Preload {
    PRELOAD.get_or_init(Preload::new)
}

/// `socket(2)`, with PF_KEY from the service.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let preload = preload();
    // SAFETY: socket(2) takes three integers and no memory.
    let kernel = || unsafe { preload.next.socket(domain, kind, protocol) };
    if domain != PF_KEY {
        return kernel();
    }
    preload.ignored[0].name();
    let answer = match SocketCall::new(kind, protocol) {
        Ok(call) => preload.settings.answer(call, SocketCaller::this_thread()),
        Err(errno) => SocketResult::Refused(errno),
    };
    match answer {
        SocketResult::Socket(socket) => {
            clients::add(socket.as_fd());
            socket.into_raw_fd()
        }
        SocketResult::Refused(errno) => c_int::failed(errno),
        SocketResult::Kernel => kernel(),
    }
}

impl Preload {
    /// A variable that cannot be used is ignored, as is all of the environment in a program with more
    /// privileges than its user.
    fn new() -> Self {
        // SAFETY: getauxval(3) takes any number.
        let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
        let (settings, policies) = if secure {
            (Ok(PfKeySettings::default()), Ok(option::OptionSettings::default()))
        } else {
            (PfKeySettings::from_environment(), option::OptionSettings::from_environment())
        };
        let ignored = [
            Ignored::new(settings.as_ref().err().map(ToString::to_string)),
            Ignored::new(policies.as_ref().err().map(ToString::to_string)),
        ];
        let (settings, policies) = (settings.unwrap_or_default(), policies.unwrap_or_default());
        Self { settings, policies, ignored, next: Next::find() }
    }
}

/// A variable that is ignored. The first call that it is for names it, since most programs with the
/// library make none.
struct Ignored {
    line: Option<String>,
    is_named: AtomicBool,
}

impl Ignored {
    fn new(error: Option<String>) -> Self {
        let line = error.map(|error| format!("libpfkey-preload.so: {error}: ignored\n"));
        Self { line, is_named: AtomicBool::new(false) }
    }

    /// May be called in a signal handler.
    fn name(&self) {
        if let Some(line) = &self.line
            && !self.is_named.swap(true, Ordering::Relaxed)
        {
            // The program may have no standard error.
            let _ = rustix::io::write(io::stderr(), line.as_bytes());
        }
    }
}
