use std::{
    io::{self, PipeReader, PipeWriter, Read, Write, pipe},
    ops::ControlFlow,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use tracing::{error, info};

use crate::Error;

/// The thread of a service. Dropping it ends the service and waits for the thread. If the service
/// ends by itself, by an error or a panic, it ends the process, and a service manager starts it again. A
/// daemon that went on without one of its services would seem to work.
pub(super) struct ServiceThread {
    /// Each byte wakes the service; the end of the pipe ends it.
    wake: Option<PipeWriter>,
    /// The bytes written to the pipe, and those that the service has read.
    written: AtomicU64,
    read: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl ServiceThread {
    /// Starts a service. `serve` serves until the pipe can be read, and is called again until it
    /// breaks, which ends the service, or until the pipe ends.
    ///
    /// Errors: [`Error::Thread`].
    pub(super) fn start(
        service: &'static str,
        mut serve: impl FnMut(&PipeReader) -> Result<ControlFlow<()>, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (mut woken, wake) = pipe().map_err(Error::Thread)?;
        let read = Arc::<AtomicU64>::default();
        let count = Arc::clone(&read);
        let mut run = move || {
            while serve(&woken)?.is_continue() {
                if woken.read(&mut [0]).map_err(Error::Poll)? == 0 {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Error>(())
        };
        let run = move || {
            let end = EndOfProcess(service);
            match run() {
                Ok(()) => end.not_now(),
                Err(error) => error!(service, %error, "service failed"),
            }
        };
        let thread = thread::Builder::new().name(service.into()).spawn(run);
        let thread = Some(thread.map_err(Error::Thread)?);
        Ok(Self { wake: Some(wake), written: AtomicU64::new(0), read, thread })
    }

    /// Wakes the service, which then looks for orders.
    pub(super) fn wake(&self) -> io::Result<()> {
        self.written.fetch_add(1, Ordering::Relaxed);
        self.wake.as_ref().map_or(Ok(()), |mut wake| wake.write_all(&[0]))
    }

    /// Whether the service has come round since it was last woken.
    pub(super) fn has_come_round(&self) -> bool {
        self.read.load(Ordering::Relaxed) == self.written.load(Ordering::Relaxed)
    }
}

impl Drop for ServiceThread {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // A panic has ended the process.
            let _ = thread.join();
        }
    }
}

/// Ends the process when it is dropped, also by a panic. The sockets' files stay, as after a crash:
/// the next daemon continues with the sockets that a service manager has stored.
struct EndOfProcess(&'static str);

impl EndOfProcess {
    /// The service ends as it is meant to.
    fn not_now(self) {
        info!(service = self.0, "stopped");
        std::mem::forget(self);
    }
}

impl Drop for EndOfProcess {
    fn drop(&mut self) {
        error!(service = self.0, "service ended, and the daemon with it");
        process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::Command,
        sync::mpsc,
        time::{Duration, Instant},
    };

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn wait(woken: &PipeReader) -> Result<ControlFlow<()>, Error> {
        poll(&mut [PollFd::new(woken, PollFlags::IN)], None)
            .map_err(|errno| Error::Poll(errno.into()))?;
        Ok(ControlFlow::Continue(()))
    }

    fn eventually(mut is_true: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < LONG);
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_service_comes_round_when_it_is_woken() {
        let service = ServiceThread::start("test", wait).unwrap();
        for _ in 0..3 {
            eventually(|| service.has_come_round());
            service.wake().unwrap();
        }
        eventually(|| service.has_come_round());
    }

    #[test]
    fn a_service_that_hangs_does_not_come_round() {
        let (release, hang) = mpsc::channel();
        let hangs = move |woken: &PipeReader| {
            let turn = wait(woken);
            let _ = hang.recv();
            turn
        };
        let service = ServiceThread::start("test", hangs).unwrap();
        assert!(service.has_come_round());
        service.wake().unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!service.has_come_round());
        release.send(()).unwrap();
        eventually(|| service.has_come_round());
        drop(release);
    }

    /// Runs itself in another process, which the service ends.
    #[test]
    fn a_service_that_ends_ends_the_process() {
        const MANNER: &str = "IPSECD_TEST_SERVICE_ENDS_BY";
        match env::var(MANNER).as_deref() {
            Ok(manner) => {
                let panics = manner == "panic";
                let _service = ServiceThread::start("test", move |_| {
                    assert!(!panics, "on purpose");
                    Err(Error::Poll(io::ErrorKind::Other.into()))
                });
                thread::sleep(LONG);
            }
            Err(_) => {
                for manner in ["panic", "error"] {
                    let mut process = Command::new(env::current_exe().unwrap());
                    process.args(["--exact", "--nocapture"]);
                    process.arg("services::thread::tests::a_service_that_ends_ends_the_process");
                    let begun = Instant::now();
                    let output = process.env(MANNER, manner).output().unwrap();
                    assert_eq!(output.status.code(), Some(1), "{manner}: {output:?}");
                    assert!(begun.elapsed() < LONG, "{manner}: {output:?}");
                }
            }
        }
    }
}
