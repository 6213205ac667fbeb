//! The PF_KEY service, the service for policies of sockets and that for metrics, each on a thread of its own. The
//! daemon reconciles without them as well: a service that cannot listen is logged, and the daemon goes
//! on, but does not report that it is ready. It is ready without metrics, which protect nothing.

mod metrics;
mod pfkey;
mod sockets;
mod thread;

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::metrics::By;
use engine::Namespace;
use tracing::{error, info};

use crate::{
    Configuration, Error, FileStore, Handover, ServiceManager,
    confinement::{Files, UserNamespaces},
    metrics::Service as MetricsServer,
    options::Options,
    pfkey::{Server, Settings},
    sockets::Service,
};
use metrics::MetricsService;
use pfkey::PfKeyService;
use sockets::SocketService;
use thread::ServiceThread;

/// The services that listen. They serve when their threads are started.
pub(crate) struct Listening {
    pfkey: Option<Server>,
    sockets: Option<Service>,
    metrics: Option<MetricsServer>,
    services: Services,
}

/// The services that run.
pub(crate) struct Services {
    pfkey: Option<PfKeyService>,
    sockets: Option<SocketService>,
    metrics: Option<MetricsService>,
    /// Those of the first two that were asked for and do not run.
    missing: Vec<&'static str>,
    /// What keeps the sockets for the next daemon.
    file_store: Option<FileStore>,
    configuration: PathBuf,
    settings: Arc<Settings>,
    /// The path of this program when it started. Another version may be installed there by now.
    program: PathBuf,
}

impl Listening {
    /// Opens the services that the options ask for. `reconciler_port` is the netlink port of the
    /// reconciler, `handover` what the previous daemon has handed over. A service that cannot listen is
    /// logged.
    pub(crate) fn open(
        options: &Options,
        configuration: Configuration,
        reconciler_port: u32,
        user_namespaces: UserNamespaces,
        mut handover: Handover,
    ) -> Self {
        let Configuration { permissions, icv_lengths, metrics, metrics_by, .. } = configuration;
        let settings = Arc::new(Settings::new(user_namespaces));
        settings.set_icv_lengths(icv_lengths.unwrap_or_default());
        settings.ignore_port(reconciler_port);
        let mut missing = Vec::new();
        let pfkey = (!options.no_pfkey)
            .then(|| Server::open(&mut handover, Arc::clone(&settings)))
            .and_then(|opened| listening("PF_KEY", opened, &mut missing));
        let sockets = (!options.no_sockets)
            .then(|| Service::open(permissions, &mut handover))
            .and_then(|opened| listening("sockets", opened, &mut missing));
        let directory = Namespace::current().directory().to_owned();
        let by = metrics_by.unwrap_or(By::Peer);
        let metrics =
            MetricsServer::open(metrics, by, &directory, &mut handover).unwrap_or_else(|error| {
                error!(service = "metrics", %error, "service not started");
                None
            });
        handover.log_unused();
        let services = Services {
            pfkey: None,
            sockets: None,
            metrics: None,
            missing,
            file_store: None,
            configuration: options.configuration.clone(),
            settings,
            program: env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()),
        };
        Self { pfkey, sockets, metrics, services }
    }

    /// What the services open from now on, in the directory of this network namespace.
    pub(crate) fn files(&self, run_directory: &Path) -> Files {
        Files {
            run_directory: run_directory.to_owned(),
            configuration: self.services.configuration.clone(),
            program: self.services.program.clone(),
        }
    }

    /// Starts the threads.
    ///
    /// Errors: [`Error::Thread`].
    pub(crate) fn start(
        self,
        service_manager: &Arc<ServiceManager>,
        file_store: Option<FileStore>,
    ) -> Result<Services, Error> {
        let Self { pfkey, sockets, metrics, mut services } = self;
        services.pfkey = pfkey
            .map(|mut server| {
                if let Some(store) = &file_store {
                    server.store_for_a_crash(store.clone());
                }
                PfKeyService::start(server, service_manager, services.program.clone())
            })
            .transpose()?;
        services.file_store = file_store;
        services.sockets = sockets.map(SocketService::start).transpose()?;
        services.metrics = metrics.map(MetricsService::start).transpose()?;
        Ok(services)
    }
}

impl Services {
    /// The services that were asked for and do not run.
    pub(crate) fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Whether every service has come round since the last call.
    pub(crate) fn have_come_round(&self) -> bool {
        let threads = self.pfkey.iter().map(PfKeyService::thread);
        let threads = threads.chain(self.sockets.iter().map(SocketService::thread));
        let threads = || threads.clone().chain(self.metrics.iter().map(MetricsService::thread));
        threads().all(ServiceThread::has_come_round)
            && threads().all(|thread| thread.wake().is_ok())
    }

    /// Replaces this process by the installed program, which takes over the sockets of the services.
    /// Returns only if that fails; the failure is logged, and the services go on.
    pub(crate) fn execute(&self) {
        let handover = self.handover().and_then(|mut handover| {
            self.settings.user_namespaces().hand_over(&mut handover)?;
            self.file_store.iter().try_for_each(|store| store.hand_over(&mut handover))?;
            if let Some(metrics) = &self.metrics {
                metrics.hand_over(&mut handover)?;
            }
            Ok(handover)
        });
        match (handover, &self.pfkey) {
            (Ok(handover), Some(pfkey)) => pfkey.execute(handover),
            (Ok(handover), None) => log_execute_failed(&handover.execute(&self.program)),
            (Err(error), _) => log_execute_failed(&error),
        }
    }

    /// Ends the services. A service manager stores their sockets for the next daemon; the daemon's own process keeps those
    /// of clients for a while.
    pub(crate) fn stop(&mut self) {
        match self.file_store.take() {
            Some(FileStore::ServiceManager(_)) => self.store(),
            Some(FileStore::Holder(holder)) => match self.pfkey.take() {
                Some(pfkey) => pfkey.leave(holder),
                None => holder.end(),
            },
            None => {}
        }
    }

    fn store(&mut self) {
        let handover = self.handover();
        if let (Ok(handover), Some(pfkey)) = (handover, self.pfkey.take()) {
            if let Some(sockets) = &self.sockets {
                sockets.keep_socket_file();
            }
            pfkey.store(handover);
        }
    }

    fn handover(&self) -> io::Result<Handover> {
        let mut handover = Handover::default();
        if let Some(sockets) = &self.sockets {
            sockets.hand_over(&mut handover)?;
        }
        Ok(handover)
    }

    /// Takes the reconciler's new port, and reads the configuration again. A wrong line permits nothing;
    /// the lengths of ICVs stay as they are if one of their lines is wrong.
    pub(crate) fn reload(&self, reconciler_port: u32) {
        self.settings.ignore_port(reconciler_port);
        let configuration = Configuration::read(&self.configuration);
        configuration.log_errors();
        let Configuration { permissions, icv_lengths, metrics_by, errors, .. } = configuration;
        if let Some(lengths) = icv_lengths {
            self.settings.set_icv_lengths(lengths);
        }
        if let Some(sockets) = &self.sockets {
            sockets.reload(permissions);
        }
        if let Some(metrics) = &self.metrics {
            metrics.reload(metrics_by.unwrap_or(By::Peer));
        }
        info!(file = %self.configuration.display(), errors = errors.len(), "configuration reloaded");
    }
}

fn log_execute_failed(error: &io::Error) {
    error!(%error, "installed program not executed");
}

fn listening<T>(
    service: &'static str,
    opened: Result<T, Error>,
    missing: &mut Vec<&'static str>,
) -> Option<T> {
    let failed = |error: &Error| {
        error!(service, %error, "service not started");
        missing.push(service);
    };
    opened.inspect_err(failed).ok()
}
