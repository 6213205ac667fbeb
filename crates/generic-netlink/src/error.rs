use netlink_packet_core::DecodeError;
use rustix::io::Errno;

/// Why a family does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The family is not there, also after the kernel has tried to load its module.
    #[error("the kernel has no family {0} of generic netlink")]
    NoFamily(&'static str),
    /// A system call failed, or the kernel refused a request.
    #[error("{doing}: {}", sys::errno_text(*.source))]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The errno of the system call.
        source: Errno,
    },
    /// A message is too short, or not what it should be.
    #[error("an answer of generic netlink cannot be read: {0}")]
    Malformed(#[from] DecodeError),
}
