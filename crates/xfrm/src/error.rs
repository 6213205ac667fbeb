use std::fmt;

use netlink_packet_core::DecodeError;
use rustix::io::Errno;

/// What breaks the conversation with the kernel. A change that the kernel merely declines is a
/// [`KernelRefusal`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `socket` answered EPROTONOSUPPORT.
    #[error("the kernel has no XFRM interface: it needs CONFIG_XFRM_USER (module xfrm_user)")]
    NoXfrm,
    /// The kernel answered EPERM to a question that changes nothing (`netlink_net_capable`).
    #[error("CAP_NET_ADMIN is missing in this network namespace's user namespace")]
    NoCapability,
    /// A system call on the netlink socket failed.
    #[error("{doing}: {source}")]
    Socket {
        /// What was being done.
        doing: &'static str,
        /// The errno of the system call.
        source: Errno,
    },
    /// Replies were dropped because the receive buffer was full (ENOBUFS): which changes of the
    /// batch were made is not known.
    #[error(
        "the kernel dropped replies: the receive buffer was full (net.core.rmem_max limits it)"
    )]
    RepliesLost,
    /// A whole request, such as a dump, was refused.
    #[error("{doing}: {refusal}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// The kernel's answer.
        refusal: KernelRefusal,
    },
    /// A message of the kernel that is too short, or holds a number that linux/xfrm.h does not
    /// know.
    #[error("the kernel sent a message that cannot be read: {0}")]
    Malformed(#[from] DecodeError),
}

impl Error {
    /// The errno of a system call that failed for this reason.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Error::NoXfrm => Errno::PROTONOSUPPORT,
            Error::NoCapability => Errno::PERM,
            Error::Socket { source, .. } => *source,
            Error::RepliesLost => Errno::NOBUFS,
            Error::Refused { refusal, .. } => refusal.errno,
            Error::Malformed(_) => Errno::BADMSG,
        }
    }
}

/// The kernel's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The object in question.
    Found(T),
    /// There is none, or the kernel does not give it.
    Refused(KernelRefusal),
}

impl<T> Answer<T> {
    /// The object, if there is one.
    #[must_use]
    pub fn found(self) -> Option<T> {
        match self {
            Answer::Found(object) => Some(object),
            Answer::Refused(_) => None,
        }
    }
}

/// What the kernel answered to one message that it did not carry out (`NLMSG_ERROR`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelRefusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own sentence (`NLMSGERR_ATTR_MSG`), where it has one.
    pub text: Option<String>,
}

impl fmt::Display for KernelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{text}: {}", self.errno),
            None => self.errno.fmt(f),
        }
    }
}
