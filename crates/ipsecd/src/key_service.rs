//! The PF_KEY service, on a thread of its own.

use std::{
    io::{self, PipeReader, PipeWriter, pipe},
    thread::{self, JoinHandle},
};

use ipsecd::pfkey::Service;
use tracing::error;

use crate::privileges;

/// The service at work. It ends, and its sockets go, when this is dropped.
pub struct KeyService {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl KeyService {
    /// Starts the service. Policies are followed without it too, so whatever fails is logged, and
    /// that is all.
    pub fn start() -> Option<Self> {
        let opened = Service::open().map_err(|error| error.to_string());
        let service = opened.and_then(|service| {
            let (stopped, stop) = pipe().map_err(|error| error.to_string())?;
            let thread = begin(service, stopped).map_err(|error| error.to_string())?;
            Ok(Self { stop: Some(stop), thread: Some(thread) })
        });
        service.inspect_err(|why| error!("no PF_KEY service: {why}")).ok()
    }
}

fn begin(mut service: Service, stopped: PipeReader) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("pfkey".into()).spawn(move || {
        let served = privileges::reduce_for_key_service()
            .map_err(|error| error.to_string())
            .and_then(|()| service.run(stopped).map_err(|error| error.to_string()));
        if let Err(why) = served {
            error!("the PF_KEY service has ended: {why}");
        }
    })
}

impl Drop for KeyService {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the PF_KEY service has panicked");
        }
    }
}
