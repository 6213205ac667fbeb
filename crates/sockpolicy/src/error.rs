use std::ffi::OsString;

use model::Direction;
use rustix::io::Errno;

/// Why a socket has not got its policies, or a variable of the environment cannot be used. The socket has what it had
/// before, except after [`Error::Half`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a socket, or of another family.
    #[error("not a socket of IPv4 or IPv6")]
    NotInet,
    /// Multipath TCP makes sockets of its own under the program's, and passes policies on to none
    /// (`mptcp_setsockopt_supported`, net/mptcp/sockopt.c).
    #[error("a socket of Multipath TCP has no policy: use TCP")]
    Multipath,
    /// SCTP answers for its listeners, and makes the sockets that they accept, without their policies
    /// (`sctp_copy_sock`, net/sctp/socket.c).
    #[error("a socket of SCTP has no policy: those that it accepts would be without")]
    Sctp,
    /// Two policies for one direction.
    #[error("two policies for direction {}", .0.word())]
    Twice(Direction),
    /// The kernel refuses templates of outbound tunnels that are optional (`validate_tmpl`,
    /// net/xfrm/xfrm_user.c).
    #[error(
        "{level} on an outbound tunnel: packets may pass without the tunnel, which the kernel \
         cannot do; say require"
    )]
    OptionalOutboundTunnel {
        /// `use`, or `default` where the host's variables make it so.
        level: &'static str,
    },
    /// `unique` without a number, which the caller has to choose.
    #[error("unique without a number: say unique:NUMBER, 1 to 16383")]
    NoReqId,
    /// `sockopt_ns_capable` (EPERM).
    #[error("CAP_NET_ADMIN is missing in the user namespace of the socket's network namespace")]
    NoCapability,
    /// The kernel does not know the option.
    #[error("the kernel has no XFRM interface: it needs CONFIG_XFRM_USER (module xfrm_user)")]
    NoXfrm,
    /// The kernel's own refusal.
    #[error("the kernel refused the policy for direction {}: {errno}", direction.word())]
    Refused {
        /// Of the policy.
        direction: Direction,
        /// The error number.
        errno: Errno,
    },
    /// One of two policies was set, the other was not.
    #[error(
        "the policy for direction {} is set; the kernel refused the other: {errno}", set.word()
    )]
    Half {
        /// The direction of the policy that was set.
        set: Direction,
        /// Why the other was not.
        errno: Errno,
    },
    /// `XFRM_TOOLS_SOCKET_POLICY` is not one of its words.
    #[error("XFRM_TOOLS_SOCKET_POLICY is `{}`: expected `xfrm` or `kernel`", .0.display())]
    Choice(OsString),
    /// `XFRM_TOOLS_SOCKET_SERVICE` is relative, or longer than the address of a Unix socket.
    #[error("XFRM_TOOLS_SOCKET_SERVICE is `{}`: expected an absolute path of at most 108 bytes", .0.display())]
    ServicePath(OsString),
    /// A system call on the socket failed.
    #[error("{0}")]
    Socket(Errno),
}

impl Error {
    /// The errno of a `setsockopt(2)` that fails for this reason, as AF_KEY's would
    /// (`pfkey_compile_policy`, net/key/af_key.c).
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Error::NotInet | Error::Multipath | Error::Sctp => Errno::OPNOTSUPP,
            Error::Twice(_)
            | Error::OptionalOutboundTunnel { .. }
            | Error::NoReqId
            | Error::Choice(_)
            | Error::ServicePath(_) => Errno::INVAL,
            Error::NoCapability => Errno::PERM,
            Error::NoXfrm => Errno::NOPROTOOPT,
            Error::Refused { errno, .. } | Error::Half { errno, .. } | Error::Socket(errno) => {
                *errno
            }
        }
    }
}

/// Why a socket has not got its policy from ipsecd. A type of its own: a command reports it beside what the process itself
/// was refused, and no other error of this crate has the words of another process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceRefusal {
    /// No service listens.
    #[error("ipsecd is not there to do it")]
    Absent,
    /// The service refuses it, or the kernel refused it to the service.
    #[error("ipsecd: {reason}")]
    Refused {
        /// What setsockopt(2) is to fail with.
        errno: Errno,
        /// The reason, in words.
        reason: String,
    },
    /// The conversation failed.
    #[error("asking ipsecd: {0}")]
    Broken(Errno),
}

impl ServiceRefusal {
    /// The errno of a setsockopt(2) that fails for this reason.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            ServiceRefusal::Absent => Errno::PERM,
            ServiceRefusal::Refused { errno, .. } | ServiceRefusal::Broken(errno) => *errno,
        }
    }
}
