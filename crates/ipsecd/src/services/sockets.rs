use std::{
    io::{self, PipeReader},
    ops::ControlFlow,
    sync::Arc,
};

use super::thread::ServiceThread;
use crate::{
    Error, Handover,
    sockets::{Permissions, Service},
};

/// The service for policies of sockets on its thread.
pub(super) struct SocketService {
    service: Arc<Service>,
    thread: ServiceThread,
}

impl SocketService {
    /// Serves on a thread of its own.
    pub(super) fn start(service: Service) -> Result<Self, Error> {
        let service = Arc::new(service);
        let serving = Arc::clone(&service);
        let serve = move |wake: &PipeReader| serving.run(wake).map(ControlFlow::Continue);
        let thread = ServiceThread::start("sockets", serve)?;
        Ok(Self { service, thread })
    }

    /// The thread, to be watched.
    pub(super) fn thread(&self) -> &ServiceThread {
        &self.thread
    }

    /// Requests are judged by these permissions from now on; the engine is opened again.
    pub(super) fn reload(&self, permissions: Permissions) {
        self.service.reload(permissions);
    }

    /// Adds the listening socket to a handover.
    pub(super) fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        self.service.hand_over(handover)
    }

    /// Leaves the socket's file in place for the next daemon.
    pub(super) fn keep_socket_file(&self) {
        self.service.keep_socket_file();
    }
}
