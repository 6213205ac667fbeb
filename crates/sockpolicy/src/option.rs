//! The options `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`, answered without the kernel's AF_KEY: by
//! `IP_XFRM_POLICY`, or by the service, for programs without CAP_NET_ADMIN.
//!
//! AF_KEY takes the options where the kernel has no XFRM interface, but nothing leaves a socket with
//! templates then: `pfkey_compile_policy` sets no family in the policy's selector, and
//! `xfrm_bundle_create` needs it (EINVAL; Linux 6.1).
//!
//! The kernel does not report the policies of a socket, so those who answer for it store what each
//! successful call has changed ([`OptionChange`]), by the socket's cookie, and [`value`] returns that.
//!
//! Used between a program and the kernel: by the preloaded library, and by the supervisor of
//! `ipsecctl run`.

mod stored;

use std::{env, ffi::OsString, path::Path};

use model::{IpVersion, Level, SocketPolicy, Variables};
use pfkey::ext;
use rustix::{fd::BorrowedFd, io::Errno};

use crate::{Error, IpSocket, ServiceAddress, ServiceRefusal, SocketPolicies};
pub use stored::{OptionChange, Stored, value};

/// The option of level `SOL_IP` (linux/in.h).
pub const IP_IPSEC_POLICY: i32 = 16;

/// The option of level `SOL_IPV6` (linux/in6.h).
pub const IPV6_IPSEC_POLICY: i32 = 34;

/// The longest value that the kernel takes, a page (`xfrm_user_policy`, net/xfrm/xfrm_state.c).
pub const LONGEST: usize = 4096;

/// `sizeof(struct sadb_x_policy)`: what getsockopt(2) reads.
pub const HEADER: usize = ext::Policy::HEADER_LENGTH;

/// One of the two options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyOption(IpVersion);

/// Who takes the options, and which service is query.
#[derive(Clone, Debug, Default)]
pub struct OptionSettings {
    choice: Choice,
    /// In place of the service of the thread's network namespace.
    service: Option<ServiceAddress>,
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
pub enum SetOptionResult {
    /// The socket has the policy.
    Set,
    /// The call fails.
    Refused(Errno),
    /// The kernel is to answer.
    Kernel,
}

/// Whether an option is the kernel's own, `IP_XFRM_POLICY` or `IPV6_XFRM_POLICY`.
#[must_use]
pub fn is_xfrm_policy(level: i32, name: i32) -> bool {
    matches!(
        (level, name),
        (libc::SOL_IP, libc::IP_XFRM_POLICY) | (libc::SOL_IPV6, libc::IPV6_XFRM_POLICY)
    )
}

/// The length of a value as the kernel checks it (`do_sock_setsockopt`, net/socket.c;
/// `xfrm_user_policy`).
///
/// Errors: EINVAL, EMSGSIZE.
pub fn length(length: i32) -> Result<usize, Errno> {
    match usize::try_from(length) {
        Err(_) => Err(Errno::INVAL),
        Ok(length @ 1..=LONGEST) => Ok(length),
        Ok(_) => Err(Errno::MSGSIZE),
    }
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

impl OptionSettings {
    /// Reads `XFRM_TOOLS_SOCKET_POLICY` and `XFRM_TOOLS_SOCKET_SERVICE`. An empty variable is as good as
    /// none.
    ///
    /// Errors: [`Error::Choice`], [`Error::ServicePath`].
    pub fn from_environment() -> Result<Self, Error> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self::new(variable("XFRM_TOOLS_SOCKET_POLICY"), variable("XFRM_TOOLS_SOCKET_SERVICE"))
    }

    fn new(choice: Option<OsString>, path: Option<OsString>) -> Result<Self, Error> {
        let choice = match choice {
            None => Choice::XfrmOrKernel,
            Some(word) if word == "kernel" => Choice::Kernel,
            Some(word) if word == "xfrm" => Choice::Xfrm,
            Some(word) => return Err(Error::Choice(word)),
        };
        // A relative path would mean another file to each process.
        let service = |path: OsString| match ServiceAddress::at(Path::new(&path)) {
            Ok(service) if Path::new(&path).is_absolute() => Ok(service),
            _ => Err(Error::ServicePath(path)),
        };
        Ok(Self { choice, service: path.map(service).transpose()? })
    }

    /// Whether getsockopt(2) is answered by [`value`]. If not, the kernel answers.
    #[must_use]
    pub fn are_answered(&self) -> bool {
        self.choice != Choice::Kernel
    }

    /// Answers setsockopt(2): gives a socket the policy in `value`, by this thread's privilege or
    /// the service's.
    #[must_use]
    pub fn set(
        &self,
        socket: BorrowedFd<'_>,
        option: PolicyOption,
        value: &[u8],
    ) -> SetOptionResult {
        if self.choice == Choice::Kernel {
            return SetOptionResult::Kernel;
        }
        match self.by_xfrm(socket, option, value) {
            Ok(()) => SetOptionResult::Set,
            // The kernel has no such interface.
            Err(Errno::NOPROTOOPT) if self.choice == Choice::XfrmOrKernel => {
                SetOptionResult::Kernel
            }
            Err(errno) => SetOptionResult::Refused(errno),
        }
    }

    fn by_xfrm(
        &self,
        descriptor: BorrowedFd<'_>,
        option: PolicyOption,
        value: &[u8],
    ) -> Result<(), Errno> {
        let policy = pfkey::socket_policy::read(value).map_err(|error| error.errno())?;
        let socket = IpSocket::of(&descriptor).map_err(|error| error.errno())?;
        if PolicyOption(socket.family()) != option {
            return Err(Errno::OPNOTSUPP);
        }
        self.give(socket, descriptor, policy, value)
    }

    /// The service resolves `default`, and chooses a number for `unique`; without it, `default` is what the
    /// initial values of the variables make of it.
    fn give(
        &self,
        socket: IpSocket<'_>,
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
                Err(
                    ServiceRefusal::Absent | ServiceRefusal::Refused { errno: Errno::PERM, .. },
                ) => {}
                Err(refusal) => return Err(refusal.errno()),
            }
        }
        let policies = SocketPolicies::new([policy]).map_err(|error| error.errno())?;
        match socket.set(&policies, &Variables::default()) {
            Err(Error::NoCapability) if !needs_service => {
                by_service().map_err(|refusal| refusal.errno())
            }
            result => result.map_err(|error| error.errno()),
        }
    }

    fn service(&self) -> Result<ServiceAddress, ServiceRefusal> {
        self.service.clone().map_or_else(ServiceAddress::here, Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsFd};

    use model::Direction;

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
        let (socket, settings) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), OptionSettings::default());
        let [v4, v6] = [IpVersion::V4, IpVersion::V6].map(PolicyOption);
        let set = |option, value: &[u8]| settings.set(socket.as_fd(), option, value);
        assert_eq!(set(v4, &[]), SetOptionResult::Refused(Errno::INVAL));
        assert_eq!(
            set(v6, &stored::entrust(Direction::In).unwrap()),
            SetOptionResult::Refused(Errno::OPNOTSUPP)
        );
        let kernel = OptionSettings { choice: Choice::Kernel, service: None };
        assert_eq!(kernel.set(socket.as_fd(), v4, &[]), SetOptionResult::Kernel);
    }

    #[test]
    fn lengths_are_checked_as_by_the_kernel() {
        assert_eq!([1, 4096].map(length), [Ok(1), Ok(4096)]);
        for (wrong, errno) in [
            (0, Errno::MSGSIZE),
            (4097, Errno::MSGSIZE),
            (i32::MAX, Errno::MSGSIZE),
            (-1, Errno::INVAL),
            (i32::MIN, Errno::INVAL),
        ] {
            assert_eq!(length(wrong), Err(errno), "{wrong}");
        }
    }
}
