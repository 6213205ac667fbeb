use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU32, Ordering},
};

use model::{Origin, Sa};

use super::IcvLengths;
use crate::confinement::UserNamespaces;

/// What the service has of the daemon. Most of it may change while the service runs.
#[derive(Debug, Default)]
pub struct Settings {
    /// The netlink port of the reconciler; 0: none.
    reconciler_port: AtomicU32,
    icv_lengths: RwLock<IcvLengths>,
    user_namespaces: UserNamespaces,
}

impl Settings {
    /// Settings of a service that reads the user namespaces of clients in this way.
    #[must_use]
    pub fn new(user_namespaces: UserNamespaces) -> Self {
        Self { user_namespaces, ..Self::default() }
    }

    /// The user namespaces of clients.
    pub(crate) fn user_namespaces(&self) -> &UserNamespaces {
        &self.user_namespaces
    }

    /// Suppresses the events of changes from this netlink port; 0 for none. The reconciler's changes
    /// restore policies that were reported when they were requested.
    pub fn ignore_port(&self, port: u32) {
        self.reconciler_port.store(port, Ordering::Relaxed);
    }

    /// Replaces the configured ICV lengths.
    pub fn set_icv_lengths(&self, icv_lengths: IcvLengths) {
        *self.icv_lengths.write().unwrap_or_else(PoisonError::into_inner) = icv_lengths;
    }

    pub(super) fn ignores(&self, origin: Origin) -> bool {
        origin.pid != 0 && origin.pid == self.reconciler_port.load(Ordering::Relaxed)
    }

    /// Adds to a requested SA what PF_KEY cannot express.
    pub(super) fn complete(&self, sa: &mut Sa) {
        self.icv_lengths.read().unwrap_or_else(PoisonError::into_inner).apply(sa);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_the_reconciler_is_ignored() {
        let settings = Settings::default();
        let from = |pid| Origin { seq: 1, pid };
        assert!(!settings.ignores(from(0)) && !settings.ignores(from(7)));
        settings.ignore_port(7);
        assert!(!settings.ignores(from(0)) && settings.ignores(from(7)));
    }
}
