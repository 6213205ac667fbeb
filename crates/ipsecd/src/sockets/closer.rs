use std::{
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use rustix::fs::{FileType, fstat};
use sys::close::close_without_lingering;
use tracing::warn;

/// Sockets that may wait to be closed; a thread that has more waits.
const MAX_WAITING: usize = 256;

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

    /// Has a descriptor closed. One that is no socket is closed here, which may take a while (FUSE).
    pub(super) fn close(&self, descriptor: OwnedFd) {
        if is_socket(&descriptor) {
            // Without the thread, the descriptor is closed here.
            let _ = self.0.send(descriptor);
        }
    }
}

fn is_socket(descriptor: &OwnedFd) -> bool {
    fstat(descriptor).is_ok_and(|file| FileType::from_raw_mode(file.st_mode) == FileType::Socket)
}

fn close_all(sockets: &Receiver<OwnedFd>) {
    while let Ok(first) = sockets.recv() {
        close_without_lingering(
            [first].into_iter().chain(sockets.try_iter().take(MAX_WAITING)).collect(),
        );
    }
}
