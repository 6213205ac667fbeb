use std::{
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use sys::close::close_without_lingering;
use tracing::warn;

/// Sockets that may wait to be closed; a thread that has more waits. They count among the descriptors
/// for the daemon's own work.
const MAX_WAITING: usize = 32;

/// Closes what clients have sent, and their connections, in which there may be more of it: the close of
/// a socket takes as long as its owner has set with `SO_LINGER`. The thread ends when this is dropped.
pub(super) struct Closer(SyncSender<OwnedFd>);

impl Closer {
    pub(super) fn start() -> Self {
        let (sender, sockets) = sync_channel(MAX_WAITING);
        let thread = thread::Builder::new().name("socket closer".into());
        if let Err(error) = thread.spawn(move || close_all(&sockets)) {
            warn!(%error, "closing thread not started");
        }
        Self(sender)
    }

    /// Has a socket closed.
    pub(super) fn close(&self, socket: OwnedFd) {
        // Without the thread, it is closed here.
        let _ = self.0.send(socket);
    }
}

fn close_all(sockets: &Receiver<OwnedFd>) {
    while let Ok(first) = sockets.recv() {
        close_without_lingering(
            [first].into_iter().chain(sockets.try_iter().take(MAX_WAITING)).collect(),
        );
    }
}
