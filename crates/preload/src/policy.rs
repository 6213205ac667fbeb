//! `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`: by `IP_XFRM_POLICY`, or by the service, for programs
//! without CAP_NET_ADMIN; by the kernel's AF_KEY only where the kernel has no XFRM interface.
//!
//! AF_KEY takes the options, but nothing leaves a socket with requests: `pfkey_compile_policy` tells
//! no family in the policy's selector, and `xfrm_bundle_create` needs it (EINVAL; Linux 6.1).

use std::{env, ffi::c_int, path::Path};

use ipsec::{Direction, IpVersion, Level, Priority, SocketAction, SocketPolicy, Variables};
use rustix::{fd::BorrowedFd, io::Errno};
use sockpolicy::{Policies, Refusal, Service, Socket};

use crate::kept;

/// linux/in.h and linux/in6.h.
const IP_IPSEC_POLICY: c_int = 16;
const IPV6_IPSEC_POLICY: c_int = 34;

/// One of the two options.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Option(IpVersion);

impl Option {
    pub(crate) fn of(level: c_int, name: c_int) -> std::option::Option<Self> {
        match (level, name) {
            (libc::SOL_IP, IP_IPSEC_POLICY) => Some(Self(IpVersion::V4)),
            (libc::SOL_IPV6, IPV6_IPSEC_POLICY) => Some(Self(IpVersion::V6)),
            _ => None,
        }
    }
}

/// What the environment says about the policies of sockets.
#[derive(Default)]
pub(crate) struct Settings {
    choice: Choice,
    /// In place of the service of the thread's network namespace.
    service: std::option::Option<Service>,
}

/// Who takes the options (`XFRM_TOOLS_SOCKET_POLICY`).
#[derive(Default, PartialEq, Eq)]
enum Choice {
    /// XFRM, and the kernel's AF_KEY where there is none.
    #[default]
    XfrmOrKernel,
    /// The kernel alone (`kernel`).
    Kernel,
    /// Never the kernel's AF_KEY (`xfrm`).
    Xfrm,
}

impl Settings {
    /// Reads `XFRM_TOOLS_SOCKET_POLICY` and `XFRM_TOOLS_SOCKET_SERVICE`. What cannot be used is
    /// ignored.
    pub(crate) fn from_environment() -> Self {
        let choice = match env::var_os("XFRM_TOOLS_SOCKET_POLICY") {
            Some(word) if word == "kernel" => Choice::Kernel,
            Some(word) if word == "xfrm" => Choice::Xfrm,
            _ => Choice::XfrmOrKernel,
        };
        let path = env::var_os("XFRM_TOOLS_SOCKET_SERVICE");
        let path = path.as_deref().map(Path::new).filter(|path| path.is_absolute());
        Self { choice, service: path.and_then(|path| Service::at(path).ok()) }
    }

    /// Whether getsockopt(2) is answered here.
    pub(crate) fn are_kept(&self) -> bool {
        self.choice != Choice::Kernel
    }

    fn service(&self) -> Result<Service, Refusal> {
        self.service.clone().map_or_else(Service::here, Ok)
    }
}

/// Sets a policy; `kernel` is the call as it was made.
pub(crate) fn set(
    settings: &Settings,
    fd: c_int,
    option: Option,
    value: &[u8],
    kernel: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let set = match settings.choice {
        Choice::Kernel => return kernel(),
        Choice::Xfrm => xfrm(settings, fd, option, value),
        Choice::XfrmOrKernel => match xfrm(settings, fd, option, value) {
            Err(Errno::NOPROTOOPT) => kernel(),
            set => set,
        },
    };
    set?;
    remember(fd, value);
    Ok(())
}

/// Sets it by XFRM. NOPROTOOPT: the kernel has no such interface.
fn xfrm(settings: &Settings, fd: c_int, option: Option, value: &[u8]) -> Result<(), Errno> {
    let policy = pfkey::socket_policy::read(value).map_err(|error| error.errno())?;
    // SAFETY: the descriptor is open as long as the program leaves it alone during the call.
    let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = Socket::of(&descriptor).map_err(|error| error.errno())?;
    if Option(socket.family()) != option {
        return Err(Errno::OPNOTSUPP);
    }
    give(settings, socket, descriptor, policy, value)
}

/// Sets it by this process's privilege or the service's. What a `default` comes to, and a number for
/// `unique`, the service knows; without it, `default` is as the variables are initially.
fn give(
    settings: &Settings,
    socket: Socket<'_>,
    descriptor: BorrowedFd<'_>,
    policy: SocketPolicy,
    value: &[u8],
) -> Result<(), Errno> {
    let levels = || policy.requests().iter().map(|request| request.level);
    let needs_service = levels().any(|it| matches!(it, Level::Default | Level::Unique(None)));
    let by_service = || settings.service()?.set(descriptor, value);
    if needs_service {
        match by_service() {
            Ok(()) => return Ok(()),
            // It knows nobody by their privilege alone.
            Err(Refusal::Absent | Refusal::Refused { errno: Errno::PERM, .. }) => {}
            Err(refusal) => return Err(refusal.errno()),
        }
    }
    let policies = Policies::new([policy]).map_err(|error| error.errno())?;
    match socket.set(&policies, &Variables::default()) {
        Err(sockpolicy::Error::NoCapability) if !needs_service => {
            by_service().map_err(|refusal| refusal.errno())
        }
        result => result.map_err(|error| error.errno()),
    }
}

fn remember(fd: c_int, value: &[u8]) {
    // SAFETY: as above.
    let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
    let cookie = Socket::of(&descriptor).and_then(Socket::cookie);
    let direction = pfkey::socket_policy::read_direction(value);
    if let (Ok(cookie), Ok(direction)) = (cookie, direction) {
        kept::keep(fd, cookie, direction, value);
    }
}

/// Writes the policy of the direction that the policy in `room` has; how long it is, cut to the
/// room. `entrust` if this process has set none (`ipsec_get_policy`, sys/netipsec/ipsec.c).
pub(crate) fn get(fd: c_int, room: &mut [u8]) -> Result<libc::socklen_t, Errno> {
    // SAFETY: as above.
    let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = Socket::of(&descriptor).map_err(|error| error.errno())?;
    let direction = pfkey::socket_policy::read_direction(room).map_err(|error| error.errno())?;
    let cookie = socket.cookie().map_err(|error| error.errno())?;
    let policy = match kept::policy(fd, cookie, direction) {
        Some(policy) => policy,
        None => entrust(direction)?,
    };
    let length = policy.len().min(room.len());
    room[..length].copy_from_slice(&policy[..length]);
    libc::socklen_t::try_from(length).map_err(|_| Errno::INVAL)
}

fn entrust(direction: Direction) -> Result<Vec<u8>, Errno> {
    let policy = SocketPolicy::new(direction, Priority(0), SocketAction::Entrust);
    let policy = policy.map_err(|error| error.errno())?;
    pfkey::socket_policy::value(&policy).map_err(|error| error.errno())
}
