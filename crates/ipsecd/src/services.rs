//! The services beside the daemon's own work, each on a thread of its own. Policies are followed
//! without them too, so what keeps one from running is logged, and that is all.

mod keys;

use std::{
    env,
    io::{self, PipeReader, PipeWriter, Write, pipe},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use ipsecd::{
    Configuration, Handover, ServiceError, Supervisor, pfkey,
    sockets::{self, Permissions},
};
use tracing::{error, info};

use crate::{error::Error, options::Options, privileges};
use keys::KeyService;

/// Those that are at work.
pub struct Services {
    keys: Option<KeyService>,
    sockets: Option<Sockets>,
    configuration: PathBuf,
    settings: Arc<pfkey::Settings>,
    /// Where this program was when it started: now it may be another.
    program: PathBuf,
}

/// The service for the policies of sockets.
struct Sockets {
    service: Arc<sockets::Service>,
    _running: Running,
}

/// A service at work. It ends, and its sockets go, when this is dropped.
pub struct Running {
    name: &'static str,
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Services {
    /// Starts those that are wanted, before the daemon gives its privileges up: each thread does so
    /// by itself. `caretaker` is the netlink port of the daemon's own work, `handover` what the daemon
    /// before has left.
    pub fn start(
        options: &Options,
        caretaker: u32,
        manager: &Arc<Supervisor>,
        mut handover: Handover,
    ) -> Self {
        let Configuration { permissions, icvs } = configuration(&options.configuration);
        let settings = Arc::new(pfkey::Settings::default());
        settings.set_icvs(icvs);
        settings.pass_over(caretaker);
        let program = env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        let key_service =
            || KeyService::start(Arc::clone(&settings), manager, &mut handover, program.clone());
        let keys = (!options.no_pfkey).then(key_service);
        let sockets = (!options.no_sockets).then(|| Sockets::start(permissions, &mut handover));
        Self {
            keys: keys.and_then(|it| logged("PF_KEY", it)),
            sockets: sockets.and_then(|it| logged("sockets", it)),
            configuration: options.configuration.clone(),
            settings,
            program,
        }
    }

    /// Turns this process into the program that is installed now, which goes on with the sockets of
    /// the services. Returns only if that fails, which is logged: they go on here then.
    pub fn execute(&self) {
        match (self.handover(), &self.keys) {
            (Ok(handover), Some(keys)) => keys.execute(handover),
            (Ok(handover), None) => not_executed(&handover.execute(&self.program)),
            (Err(error), _) => not_executed(&error),
        }
    }

    /// Ends the services, and has the service manager keep their sockets for the next daemon.
    pub fn store(&mut self) {
        let handover = self.handover();
        if let (Ok(handover), Some(keys)) = (handover, self.keys.take()) {
            if let Some(sockets) = &self.sockets {
                sockets.service.leave_socket();
            }
            keys.store(handover);
        }
    }

    fn handover(&self) -> io::Result<Handover> {
        let mut handover = Handover::default();
        if let Some(sockets) = &self.sockets {
            sockets.service.hand_over(&mut handover)?;
        }
        Ok(handover)
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

impl Sockets {
    fn start(permissions: Permissions, handover: &mut Handover) -> Result<Self, ServiceError> {
        let service = Arc::new(sockets::Service::open(permissions, handover)?);
        let serving = Arc::clone(&service);
        let run = move |stop| serving.run(stop);
        let running = Running::start("sockets", privileges::reduce, run)?;
        Ok(Self { service, _running: running })
    }
}

impl Running {
    /// Starts it on a thread, which gives its privileges up by `reduce`. `run` ends when its pipe
    /// can be read.
    pub fn start(
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

impl Running {
    /// Has `run` look at what it is asked.
    pub fn wake(&self) -> io::Result<()> {
        self.stop.as_ref().map_or(Ok(()), |mut stop| stop.write_all(&[0]))
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

/// Why the installed program does not take the place of this one.
fn not_executed(error: &io::Error) {
    error!("the installed program cannot be executed, this one goes on: {error}");
}

fn logged<T>(name: &str, started: Result<T, ServiceError>) -> Option<T> {
    started.inspect_err(|why| error!("no service for {name}: {why}")).ok()
}
