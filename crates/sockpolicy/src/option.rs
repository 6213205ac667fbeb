//! The options `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`, answered without the kernel's AF_KEY: by
//! `IP_XFRM_POLICY`, or by the service, for programs without CAP_NET_ADMIN.
//!
//! AF_KEY takes the options where the kernel has no XFRM interface, but nothing leaves a socket with
//! templates then: `pfkey_compile_policy` sets no family in the policy's selector, and
//! `xfrm_bundle_create` needs it (EINVAL; Linux 6.1).
//!
//! Used between a program and the kernel: by the preloaded library, and by the supervisor of
//! `ipsecctl run`.

use std::{env, path::Path};

use model::{Direction, IpVersion, Level, Priority, SocketAction, SocketPolicy, Variables};
use rustix::{fd::BorrowedFd, io::Errno};

use crate::{Cookie, Error, Policies, Refusal, Service, Socket};

/// The option of level `SOL_IP` (linux/in.h).
pub const IP_IPSEC_POLICY: i32 = 16;

/// The option of level `SOL_IPV6` (linux/in6.h).
pub const IPV6_IPSEC_POLICY: i32 = 34;

/// One of the two options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyOption(IpVersion);

/// Who takes the options, and which service is asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    choice: Choice,
    /// In place of the service of the thread's network namespace.
    service: Option<Service>,
}

/// Who takes the options (`XFRM_TOOLS_SOCKET_POLICY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Choice {
    /// XFRM, and the kernel's AF_KEY where there is none.
    #[default]
    XfrmOrKernel,
    /// The kernel alone (`kernel`).
    Kernel,
    /// Never the kernel's AF_KEY (`xfrm`).
    Xfrm,
}

/// What setsockopt(2) is to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The socket has the policy.
    Set,
    /// The call fails.
    Refused(Errno),
    /// The kernel is to answer.
    Kernel,
}

impl PolicyOption {
    /// The option of that level and name, if it is one of the two.
    #[must_use]
    pub fn of(level: i32, name: i32) -> Option<Self> {
        match (level, name) {
            (libc::SOL_IP, IP_IPSEC_POLICY) => Some(Self(IpVersion::V4)),
            (libc::SOL_IPV6, IPV6_IPSEC_POLICY) => Some(Self(IpVersion::V6)),
            _ => None,
        }
    }
}

impl Settings {
    /// Reads `XFRM_TOOLS_SOCKET_POLICY` and `XFRM_TOOLS_SOCKET_SERVICE`. What cannot be used is
    /// ignored.
    #[must_use]
    pub fn from_environment() -> Self {
        let choice = match env::var_os("XFRM_TOOLS_SOCKET_POLICY") {
            Some(word) if word == "kernel" => Choice::Kernel,
            Some(word) if word == "xfrm" => Choice::Xfrm,
            _ => Choice::XfrmOrKernel,
        };
        let path = env::var_os("XFRM_TOOLS_SOCKET_SERVICE");
        let path = path.as_deref().map(Path::new).filter(|path| path.is_absolute());
        Self { choice, service: path.and_then(|path| Service::at(path).ok()) }
    }

    /// Whether getsockopt(2) is answered by [`value`]. If not, the kernel answers.
    #[must_use]
    pub fn are_answered(&self) -> bool {
        self.choice != Choice::Kernel
    }

    /// Answers setsockopt(2): gives a socket the policy in `value`, by this thread's privilege or
    /// the service's.
    #[must_use]
    pub fn set(&self, socket: BorrowedFd<'_>, option: PolicyOption, value: &[u8]) -> Answer {
        if self.choice == Choice::Kernel {
            return Answer::Kernel;
        }
        match self.by_xfrm(socket, option, value) {
            Ok(()) => Answer::Set,
            // The kernel has no such interface.
            Err(Errno::NOPROTOOPT) if self.choice == Choice::XfrmOrKernel => Answer::Kernel,
            Err(errno) => Answer::Refused(errno),
        }
    }

    fn by_xfrm(
        &self,
        descriptor: BorrowedFd<'_>,
        option: PolicyOption,
        value: &[u8],
    ) -> Result<(), Errno> {
        let policy = pfkey::socket_policy::read(value).map_err(|error| error.errno())?;
        let socket = Socket::of(&descriptor).map_err(|error| error.errno())?;
        if PolicyOption(socket.family()) != option {
            return Err(Errno::OPNOTSUPP);
        }
        self.give(socket, descriptor, policy, value)
    }

    /// The service resolves `default`, and chooses a number for `unique`; without it, `default` is what the
    /// initial values of the variables make of it.
    fn give(
        &self,
        socket: Socket<'_>,
        descriptor: BorrowedFd<'_>,
        policy: SocketPolicy,
        value: &[u8],
    ) -> Result<(), Errno> {
        let levels = || policy.templates().iter().map(|template| template.level);
        let needs_service = levels().any(|it| matches!(it, Level::Default | Level::Unique(None)));
        let by_service = || self.service()?.set(descriptor, value);
        if needs_service {
            match by_service() {
                Ok(()) => return Ok(()),
                // The service does not admit programs by their privilege alone.
                Err(Refusal::Absent | Refusal::Refused { errno: Errno::PERM, .. }) => {}
                Err(refusal) => return Err(refusal.errno()),
            }
        }
        let policies = Policies::new([policy]).map_err(|error| error.errno())?;
        match socket.set(&policies, &Variables::default()) {
            Err(Error::NoCapability) if !needs_service => {
                by_service().map_err(|refusal| refusal.errno())
            }
            result => result.map_err(|error| error.errno()),
        }
    }

    fn service(&self) -> Result<Service, Refusal> {
        self.service.clone().map_or_else(Service::here, Ok)
    }
}

/// The key under which a policy that was set is stored for [`value`]: the kernel does not report the
/// policies of a socket.
pub fn key(socket: BorrowedFd<'_>, value: &[u8]) -> Result<(Cookie, Direction), Errno> {
    let socket = Socket::of(&socket).map_err(|error| error.errno())?;
    let direction = pfkey::socket_policy::read_direction(value).map_err(|error| error.errno())?;
    Ok((socket.cookie().map_err(|error| error.errno())?, direction))
}

/// Answers getsockopt(2): writes the policy of the direction that the policy in `room` has; how much
/// was written, cut to the room. `stored` returns the policy that was set last; without one, it is `entrust`
/// (`ipsec_get_policy`, sys/netipsec/ipsec.c of the BSDs).
pub fn value(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    stored: impl FnOnce(Cookie, Direction) -> Option<Vec<u8>>,
) -> Result<usize, Errno> {
    let (cookie, direction) = key(socket, room)?;
    let policy = match stored(cookie, direction) {
        Some(policy) => policy,
        None => entrust(direction)?,
    };
    let length = policy.len().min(room.len());
    room[..length].copy_from_slice(&policy[..length]);
    Ok(length)
}

fn entrust(direction: Direction) -> Result<Vec<u8>, Errno> {
    let policy = SocketPolicy::new(direction, Priority(0), SocketAction::Entrust);
    let policy = policy.map_err(|error| error.errno())?;
    pfkey::socket_policy::value(&policy).map_err(|error| error.errno())
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsFd};

    use super::*;

    #[test]
    fn two_options_are_answered() {
        assert_eq!(PolicyOption::of(libc::SOL_IP, 16), Some(PolicyOption(IpVersion::V4)));
        assert_eq!(PolicyOption::of(libc::SOL_IPV6, 34), Some(PolicyOption(IpVersion::V6)));
        for (level, name) in [(libc::SOL_IP, 17), (libc::SOL_IPV6, 16), (libc::SOL_SOCKET, 16)] {
            assert_eq!(PolicyOption::of(level, name), None);
        }
    }

    #[test]
    fn what_is_no_policy_is_refused_before_anything_is_set() {
        let (socket, settings) = (UdpSocket::bind("127.0.0.1:0").unwrap(), Settings::default());
        let [v4, v6] = [IpVersion::V4, IpVersion::V6].map(PolicyOption);
        let set = |option, value: &[u8]| settings.set(socket.as_fd(), option, value);
        assert_eq!(set(v4, &[]), Answer::Refused(Errno::INVAL));
        assert_eq!(set(v6, &entrust(Direction::In).unwrap()), Answer::Refused(Errno::OPNOTSUPP));
        let kernel = Settings { choice: Choice::Kernel, service: None };
        assert_eq!(kernel.set(socket.as_fd(), v4, &[]), Answer::Kernel);
    }

    #[test]
    fn a_stored_policy_is_returned_cut_to_the_room() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut policy = entrust(Direction::Out).unwrap();
        policy[4] = 9;
        let stored = |_, direction| {
            assert_eq!(direction, Direction::Out);
            Some(vec![7; 64])
        };
        let mut room = policy.clone();
        assert_eq!(value(socket.as_fd(), &mut room, stored), Ok(16));
        assert_eq!(room, [7; 16]);
        let mut room = policy.clone();
        assert_eq!(value(socket.as_fd(), &mut room, |_, _| None), Ok(16));
        assert_eq!(room, entrust(Direction::Out).unwrap());
        assert_eq!(value(socket.as_fd(), &mut [0; 3], |_, _| None), Err(Errno::INVAL));
    }
}
