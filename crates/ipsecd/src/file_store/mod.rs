//! What keeps the descriptors of the daemon for the next one: the service manager, or a process of the daemon's
//! own.

mod holder;
mod message;
mod process;

use std::{io, os::fd::AsFd, path::Path, sync::Arc};

use tracing::{info, warn};

use crate::{Handover, ServiceManager, confinement::Account};
pub(crate) use holder::Holder;

/// Where descriptors are stored.
#[derive(Clone)]
pub enum FileStore {
    /// By the service manager (`FDSTORE=1`, sd_pid_notify_with_fds(3)).
    ServiceManager(Arc<ServiceManager>),
    /// By a process that the daemon has started, where no service manager does.
    Holder(Arc<Holder>),
}

impl FileStore {
    /// The store of this daemon. Adds to the handover what the previous daemon has left with its process. To be called
    /// while this process has a single thread, and the lock of the daemon. Without a store the sockets of all clients end
    /// with the daemon.
    pub(crate) fn open(
        service_manager: &Arc<ServiceManager>,
        handover: &mut Handover,
        directory: &Path,
        account: Option<&Account>,
    ) -> Option<Self> {
        if service_manager.stores_files() {
            return Some(Self::ServiceManager(Arc::clone(service_manager)));
        }
        if ServiceManager::ends_children() {
            warn!(
                "the sockets of clients end with the daemon: its unit has no FileDescriptorStoreMax"
            );
            return None;
        }
        let started = Holder::inherit(handover, directory).map_or_else(
            || {
                let fetched = holder::fetch(handover, directory);
                let holder = Holder::start(directory, account)?;
                if fetched > 0 {
                    // The next daemon gets them even if this one does not come to serve.
                    handover.iter().try_for_each(|(name, file)| holder.store(name, file))?;
                    info!(descriptors = fetched, "fetched from the previous daemon");
                }
                Ok(holder)
            },
            Ok,
        );
        let failed = |error: &io::Error| warn!(%error, "a crash will end the sockets of clients");
        started.inspect_err(failed).ok().map(|holder| Self::Holder(Arc::new(holder)))
    }

    /// Stores a copy of a descriptor.
    pub(crate) fn store(&self, name: &str, file: impl AsFd) -> io::Result<()> {
        match self {
            Self::ServiceManager(manager) => manager.store(name, file),
            Self::Holder(holder) => holder.store(name, file),
        }
    }

    /// Stores a copy of a descriptor in place of the one of this name.
    pub(crate) fn replace(&self, name: &str, file: impl AsFd) -> io::Result<()> {
        if let Self::ServiceManager(manager) = self {
            manager.remove(name)?;
        }
        self.store(name, file)
    }

    /// Adds to a handover to the program that this process executes what the store needs.
    pub(crate) fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        match self {
            Self::ServiceManager(_) => Ok(()),
            Self::Holder(holder) => holder.hand_over(handover),
        }
    }
}

/// The name of the sockets of clients, without which nothing is kept.
pub(crate) const CLIENT: &str = "pfkey-client";

/// The names of what the PF_KEY service stores beside them: its listening sockets, its monitor, and its state.
pub(crate) const LISTENER: &str = "pfkey-listener";
pub(crate) const REPORTER: &str = "pfkey-reporter";
pub(crate) const MONITOR: &str = "pfkey-monitor";
pub(crate) const STATE: &str = "pfkey-state";

/// All that is stored for a crash.
const NAMES: [&str; 5] = [CLIENT, LISTENER, REPORTER, MONITOR, STATE];

/// The most descriptors: those of the most clients, and a few of the daemon's.
const CAPACITY: usize = 520;
