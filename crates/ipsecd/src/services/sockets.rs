use std::{io, sync::Arc};

use super::thread::ServiceThread;
use crate::{
    Error, Handover, privileges,
    sockets::{Permissions, Service},
};

/// The service for policies of sockets on its thread.
pub(super) struct SocketService {
    service: Arc<Service>,
    _thread: ServiceThread,
}

impl SocketService {
    pub(super) fn start(permissions: Permissions, handover: &mut Handover) -> Result<Self, Error> {
        let service = Arc::new(Service::open(permissions, handover)?);
        let serving = Arc::clone(&service);
        let run = move |stop| serving.run(stop);
        let thread = ServiceThread::start("sockets", privileges::reduce, run)?;
        Ok(Self { service, _thread: thread })
    }

    /// Requests of new clients are judged by these permissions; the engine is opened again.
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
