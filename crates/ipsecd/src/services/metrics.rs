use std::{
    io::{self, PipeReader},
    ops::ControlFlow,
    sync::Arc,
};

use metrics::By;

use super::thread::ServiceThread;
use crate::{
    Error, Handover,
    metrics::{Service, State},
};

/// The service for metrics on its thread.
pub(super) struct MetricsService {
    service: Arc<Service>,
    thread: ServiceThread,
}

impl MetricsService {
    /// Serves on a thread of its own.
    pub(super) fn start(service: Service) -> Result<Self, Error> {
        let service = Arc::new(service);
        let serving = Arc::clone(&service);
        let mut state = State::default();
        let serve =
            move |wake: &PipeReader| serving.run(&mut state, wake).map(ControlFlow::Continue);
        let thread = ServiceThread::start("metrics", serve)?;
        Ok(Self { service, thread })
    }

    /// The thread, to be watched.
    pub(super) fn thread(&self) -> &ServiceThread {
        &self.thread
    }

    /// A series is for this from now on.
    pub(super) fn reload(&self, by: By) {
        self.service.reload(by);
    }

    /// Adds the listening socket to a handover.
    pub(super) fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        self.service.hand_over(handover)
    }
}
