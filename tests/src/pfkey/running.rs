use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ipsecd::{Handover, pfkey::Server};
use rustix::{
    pipe::{PipeFlags, pipe_with},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::Host;

/// How long a former service may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The PF_KEY service of a host, on a thread, until it is dropped.
pub struct RunningService {
    path: PathBuf,
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl RunningService {
    /// Starts it.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        let namespace = host.namespace_file();
        // Programs that are started meanwhile must not keep it open.
        let (stopped, stop) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        let (sender, path) = mpsc::channel();
        let thread = thread::spawn(move || {
            let namespace = File::open(namespace).expect("a network namespace");
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).expect("root goes there");
            let begun = Instant::now();
            let mut service = loop {
                // What keeps the sockets of a daemon that was killed ends a moment later.
                match Server::open(&mut Handover::default(), Arc::default()) {
                    Ok(service) => break service,
                    Err(error) => assert!(begun.elapsed() < PATIENCE, "no service: {error}"),
                }
                thread::sleep(Duration::from_millis(20));
            };
            sender.send(service.path().to_owned()).expect("the test waits");
            service.run(stopped.as_fd()).expect("it goes on");
        });
        let path = path.recv().expect("a service");
        Self { path, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the service has panicked");
        }
    }
}
