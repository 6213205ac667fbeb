use std::{
    io::{self, PipeReader, PipeWriter, Write, pipe},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tracing::error;

use crate::Error;

/// The thread of a service. Dropping it ends the service and waits for the thread.
pub(super) struct ServiceThread {
    service: &'static str,
    /// Each byte wakes the service; the end of the pipe ends it.
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl ServiceThread {
    /// Starts `run` on a thread that has given up its privileges by `reduce`. `run` returns when the
    /// pipe ends.
    ///
    /// Errors: [`Error::Thread`], [`Error::Privileges`].
    pub(super) fn start(
        service: &'static str,
        reduce: fn() -> Result<(), Error>,
        mut run: impl FnMut(PipeReader) -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (woken, wake) = pipe().map_err(Error::Thread)?;
        let (sender, reduced) = mpsc::channel();
        let serve = move || {
            let result = reduce();
            let is_reduced = result.is_ok();
            if sender.send(result).is_err() || !is_reduced {
                return;
            }
            if let Err(error) = run(woken) {
                error!(service, %error, "service failed");
            }
        };
        let thread = thread::Builder::new().name(service.into()).spawn(serve);
        let thread = thread.map_err(Error::Thread)?;
        // When the daemon reports that it is ready, no thread has more privileges than it needs.
        reduced.recv().map_err(|error| Error::Thread(io::Error::other(error)))??;
        Ok(Self { service, wake: Some(wake), thread: Some(thread) })
    }

    /// Wakes the service, which then looks for orders.
    pub(super) fn wake(&self) -> io::Result<()> {
        self.wake.as_ref().map_or(Ok(()), |mut wake| wake.write_all(&[0]))
    }
}

impl Drop for ServiceThread {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!(service = self.service, "service panicked");
        }
    }
}
