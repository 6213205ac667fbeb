//! The thread that calls `socket(2)`.

use rustix::thread::{CapabilitySet, capabilities};

/// What decides whether a thread gets a PF_KEY socket, and of which service.
#[derive(Clone, Copy, Debug)]
pub struct SocketCaller {
    /// The inode of its network namespace. `None`: it is unknown, for want of /proc.
    pub netns: Option<u64>,
    /// Whether it has CAP_NET_ADMIN there.
    pub net_admin: bool,
}

impl SocketCaller {
    /// The calling thread. Its user namespace is not compared with its network namespace's owner:
    /// the file mode of the service's socket keeps other users out.
    #[must_use]
    pub fn this_thread() -> Self {
        Self {
            netns: sys::netns::inode().ok(),
            net_admin: capabilities(None)
                .is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN)),
        }
    }
}
