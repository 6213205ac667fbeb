//! The services beside the daemon's own work, each on a thread of its own. Policies are followed
//! without them too, so what keeps one from running is logged, and that is all.

use std::{
    io::{self, PipeReader, PipeWriter, pipe},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use ipsecd::{
    Configuration, ServiceError, pfkey,
    sockets::{self, Permissions},
};
use tracing::{error, info};

use crate::{error::Error, options::Options, privileges};

/// Those that are at work.
pub struct Services {
    _pfkey: Option<Running>,
    sockets: Option<Sockets>,
    configuration: PathBuf,
    settings: Arc<pfkey::Settings>,
}

/// The service for the policies of sockets.
struct Sockets {
    service: Arc<sockets::Service>,
    _running: Running,
}

/// A service at work. It ends, and its sockets go, when this is dropped.
struct Running {
    name: &'static str,
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Services {
    /// Starts those that are wanted, before the daemon gives its privileges up: each thread does so
    /// by itself. `caretaker` is the netlink port of the daemon's own work.
    pub fn start(options: &Options, caretaker: u32) -> Self {
        let Configuration { permissions, icvs } = configuration(&options.configuration);
        let settings = Arc::new(pfkey::Settings::default());
        settings.set_icvs(icvs);
        settings.pass_over(caretaker);
        let key_service = || key_service(Arc::clone(&settings));
        let sockets = || Sockets::start(permissions);
        Self {
            _pfkey: (!options.no_pfkey).then(key_service).and_then(|it| logged("PF_KEY", it)),
            sockets: (!options.no_sockets).then(sockets).and_then(|it| logged("sockets", it)),
            configuration: options.configuration.clone(),
            settings,
        }
    }

    /// Takes note of the new port, and reads the configuration again. One that is wrong changes
    /// nothing.
    pub fn reload(&self, caretaker: u32) {
        self.settings.pass_over(caretaker);
        match Configuration::of_file(&self.configuration) {
            Ok(Configuration { permissions, icvs }) => {
                self.settings.set_icvs(icvs);
                if let Some(sockets) = &self.sockets {
                    sockets.service.allow(permissions);
                }
                info!(configuration = %self.configuration.display(), "read again");
            }
            Err(why) => error!("what was configured before counts still: {why}"),
        }
    }
}

/// What is configured: nothing, and nobody is allowed anything, if that cannot be read.
fn configuration(path: &Path) -> Configuration {
    Configuration::of_file(path).unwrap_or_else(|why| {
        error!("nobody may give sockets policies: {why}");
        Configuration::default()
    })
}

fn key_service(settings: Arc<pfkey::Settings>) -> Result<Running, ServiceError> {
    let mut service = pfkey::Service::open()?;
    service.follow(settings);
    let run = move |stop| service.run(stop);
    Running::start("PF_KEY", privileges::reduce_for_key_service, run)
}

impl Sockets {
    fn start(permissions: Permissions) -> Result<Self, ServiceError> {
        let service = Arc::new(sockets::Service::open(permissions)?);
        let serving = Arc::clone(&service);
        let run = move |stop| serving.run(stop);
        let running = Running::start("sockets", privileges::reduce, run)?;
        Ok(Self { service, _running: running })
    }
}

impl Running {
    fn start(
        name: &'static str,
        reduce: fn() -> Result<(), Error>,
        mut run: impl FnMut(PipeReader) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Self, ServiceError> {
        let (stopped, stop) = pipe().map_err(ServiceError::Thread)?;
        let (sender, reduced) = mpsc::channel();
        let serve = move || {
            let is_reduced = reduce();
            let goes_on = is_reduced.is_ok();
            if sender.send(is_reduced).is_err() || !goes_on {
                return;
            }
            if let Err(why) = run(stopped) {
                error!("the service for {name} has ended: {why}");
            }
        };
        let thread = thread::Builder::new().name(name.into()).spawn(serve);
        let thread = thread.map_err(ServiceError::Thread)?;
        // A daemon that is ready has given up what it does not need.
        let reduced = reduced.recv().map_err(io::Error::other);
        reduced.and_then(|it| it.map_err(io::Error::other)).map_err(ServiceError::Thread)?;
        Ok(Self { name, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the service for {} has panicked", self.name);
        }
    }
}

fn logged<T>(name: &str, started: Result<T, ServiceError>) -> Option<T> {
    started.inspect_err(|why| error!("no service for {name}: {why}")).ok()
}
