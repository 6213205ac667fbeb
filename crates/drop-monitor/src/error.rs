use netlink_packet_core::DecodeError;
use rustix::io::Errno;

/// Why there are no alerts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The family is not there, also after the kernel has tried to load its module.
    #[error("the kernel has no drop monitor (module drop_monitor)")]
    NoModule,
    /// This process is not in the initial network namespace, and may not enter that of the first process.
    #[error(
        "the kernel's drop monitor is reached from the initial network namespace, which cannot be entered: {}",
        sys::errno_text(*.0)
    )]
    Namespace(Errno),
    /// EPERM for a request, or for the group of the alerts (Linux 6.7).
    #[error("the kernel's drop monitor takes CAP_NET_ADMIN and CAP_SYS_ADMIN of the host")]
    NoCapability,
    /// It runs, and sends summaries: EBUSY for a configuration.
    #[error("another program has started the kernel's drop monitor, in mode summary")]
    Busy,
    /// A system call failed, or the kernel refused a request.
    #[error("the kernel's drop monitor: {doing}: {}", sys::errno_text(*.source))]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The errno of the system call.
        source: Errno,
    },
    /// A message is too short, or not what linux/net_dropmon.h describes.
    #[error("the kernel's drop monitor has sent a message that cannot be read: {0}")]
    Malformed(#[from] DecodeError),
}

impl Error {
    /// The error of a failed step.
    pub(crate) fn of(doing: &'static str) -> impl Fn(Errno) -> Self {
        move |source| match source {
            Errno::PERM => Error::NoCapability,
            source => Error::Failed { doing, source },
        }
    }
}

impl From<generic_netlink::Error> for Error {
    fn from(error: generic_netlink::Error) -> Self {
        match error {
            generic_netlink::Error::NoFamily(_) => Error::NoModule,
            generic_netlink::Error::Failed { doing, source } => Error::of(doing)(source),
            generic_netlink::Error::Malformed(error) => Error::Malformed(error),
        }
    }
}
