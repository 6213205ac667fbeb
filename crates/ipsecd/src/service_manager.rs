//! Notifications to the service manager (sd_notify(3)).
//!
//! Written by hand because the crate `sd-notify` (0.5) cannot do what the daemon needs: it connects to
//! paths only, not to abstract names; its sends block while the queue of a stopped manager is full,
//! without a limit; it has no sd_notify_barrier(3); its descriptors go through another crate's unsafe code.
//! All four in `sd-notify` would end it.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
    pipe::{PipeFlags, pipe_with},
};
use sys::rights;
use tracing::{debug, warn};

/// How long the manager may take to process what it was sent.
const BARRIER_TIMEOUT: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// How long the queue of the manager may be full while a descriptor is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// The service manager, if there is one.
pub struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// The service manager that `NOTIFY_SOCKET` names.
    #[must_use]
    pub fn from_environment() -> Self {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        Self(name.and_then(|name| {
            Self::at(&name).inspect_err(|error| warn!(%error, "NOTIFY_SOCKET not used")).ok()
        }))
    }

    fn at(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // The daemon does not wait for a busy manager.
        socket.set_nonblocking(true)?;
        Ok((socket, address))
    }

    /// The daemon is ready.
    pub fn ready(&self, status: &str) {
        self.notify(&format!("READY=1\nSTATUS={status}"));
    }

    /// The daemon reloads. [`ServiceManager::ready`] follows.
    pub fn reloading(&self) {
        let microseconds = sys::clock::monotonic().as_micros();
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// The status of the daemon, in a line.
    pub fn status(&self, status: &str) {
        self.notify(&format!("STATUS={status}"));
    }

    /// Every loop of the daemon comes round.
    pub fn watchdog(&self) {
        self.notify("WATCHDOG=1");
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// Whether the manager stores descriptors over a restart: `FDSTORE` is the number of them, the
    /// unit's `FileDescriptorStoreMax`.
    #[must_use]
    pub fn stores_files(&self) -> bool {
        let most = env::var("FDSTORE")
            .ok()
            .and_then(|most| most.parse().inspect_err(|_| warn!(FDSTORE = most, "not used")).ok());
        self.0.is_some() && most.is_some_and(|most: u32| most > 0)
    }

    /// Whether the manager ends all processes that this one has started when this one ends, and waits for them: it
    /// is the first process of a unit of systemd (`SYSTEMD_EXEC_PID`, systemd.exec(5)).
    #[must_use]
    pub fn ends_children() -> bool {
        let first = env::var("SYSTEMD_EXEC_PID").ok().and_then(|pid| pid.parse().ok());
        first == Some(process::id())
    }

    /// Has the manager store a copy of a descriptor for the next daemon, even if this one crashes.
    pub fn store(&self, name: &str, file: impl AsFd) -> io::Result<()> {
        self.send(&format!("FDSTORE=1\nFDNAME={name}"), Some(file.as_fd()))
    }

    /// Has the manager remove the descriptors of a name.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), None)
    }

    /// Waits until the manager has processed all earlier messages (`BARRIER=1`, sd_notify_barrier(3)).
    pub fn wait_until_stored(&self) -> io::Result<()> {
        let (ours, its) = pipe_with(PipeFlags::CLOEXEC)?;
        self.send("BARRIER=1", Some(its.as_fd()))?;
        drop(its);
        let mut files = [PollFd::new(&ours, PollFlags::empty())];
        let ready = retry_on_intr(|| poll(&mut files, Some(&BARRIER_TIMEOUT)))?;
        if ready == 0 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Sends a message with a descriptor, or without, and waits until the manager has room for it.
    fn send(&self, line: &str, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let Some((_, address)) = &self.0 else { return Ok(()) };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        socket.connect_addr(address)?;
        rights::send(&socket, line.as_bytes(), file)?;
        Ok(())
    }

    /// Sends a message if the manager has room for it. A failure does not matter.
    fn notify(&self, message: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            debug!(%error, "service manager not notified");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(listener: &UnixDatagram, name: &OsStr) -> String {
        ServiceManager(Some(ServiceManager::at(name).unwrap())).ready("2 tunnels");
        let mut message = [0; 100];
        let length = listener.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn sockets_have_paths_or_abstract_names() {
        let expected = "READY=1\nSTATUS=2 tunnels";
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        assert_eq!(received(&listener, path.as_os_str()), expected);

        let name = format!("xfrm-tools-test-{}", process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(received(&listener, OsStr::new(&format!("@{name}"))), expected);
    }

    #[test]
    fn a_manager_that_does_not_read_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("notify");
        let manager = ServiceManager(Some(ServiceManager::at(path.as_os_str()).unwrap()));
        manager.ready("");
        let _unread = UnixDatagram::bind(&path).unwrap();
        for _ in 0..10_000 {
            manager.status("more than a queue takes");
        }
        ServiceManager(None).stopping();
    }
}
