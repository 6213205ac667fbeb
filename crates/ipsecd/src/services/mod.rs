//! The PF_KEY service and the service for policies of sockets, each on a thread of its own. The
//! daemon reconciles without them as well: a service that cannot start is logged, and the daemon
//! goes on.

mod pfkey;
mod sockets;
mod thread;

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::{error, info};

use crate::{Configuration, Error, Handover, ServiceManager, options::Options, pfkey::Settings};
use pfkey::PfKeyService;
use sockets::SocketService;

/// The services that run.
pub(crate) struct Services {
    pfkey: Option<PfKeyService>,
    sockets: Option<SocketService>,
    configuration: PathBuf,
    settings: Arc<Settings>,
    /// The path of this program when it started. Another version may be installed there by now.
    program: PathBuf,
}

impl Services {
    /// Starts the services that the options ask for, before the daemon gives up its privileges: each
    /// thread gives them up by itself. `reconciler_port` is the netlink port of the reconciler,
    /// `handover` what the previous daemon has handed over.
    pub(crate) fn start(
        options: &Options,
        reconciler_port: u32,
        service_manager: &Arc<ServiceManager>,
        mut handover: Handover,
    ) -> Self {
        let Configuration { permissions, icv_lengths } = configuration(&options.configuration);
        let settings = Arc::new(Settings::default());
        settings.set_icv_lengths(icv_lengths);
        settings.ignore_port(reconciler_port);
        let program = env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        let pfkey = (!options.no_pfkey).then(|| {
            let settings = Arc::clone(&settings);
            PfKeyService::start(settings, service_manager, &mut handover, program.clone())
        });
        let sockets =
            (!options.no_sockets).then(|| SocketService::start(permissions, &mut handover));
        Self {
            pfkey: pfkey.and_then(|started| logged("PF_KEY", started)),
            sockets: sockets.and_then(|started| logged("sockets", started)),
            configuration: options.configuration.clone(),
            settings,
            program,
        }
    }

    /// Replaces this process by the installed program, which takes over the sockets of the services.
    /// Returns only if that fails; the failure is logged, and the services go on.
    pub(crate) fn execute(&self) {
        match (self.handover(), &self.pfkey) {
            (Ok(handover), Some(pfkey)) => pfkey.execute(handover),
            (Ok(handover), None) => log_execute_failed(&handover.execute(&self.program)),
            (Err(error), _) => log_execute_failed(&error),
        }
    }

    /// Ends the services, and has the service manager store their sockets for the next daemon.
    pub(crate) fn store(&mut self) {
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

    /// Takes the reconciler's new port, and reads the configuration again. A configuration with an
    /// error changes nothing.
    pub(crate) fn reload(&self, reconciler_port: u32) {
        self.settings.ignore_port(reconciler_port);
        match Configuration::read(&self.configuration) {
            Ok(Configuration { permissions, icv_lengths }) => {
                self.settings.set_icv_lengths(icv_lengths);
                if let Some(sockets) = &self.sockets {
                    sockets.reload(permissions);
                }
                info!(file = %self.configuration.display(), "configuration reloaded");
            }
            Err(error) => error!(%error, "configuration not reloaded, the previous one is used"),
        }
    }
}

/// Reads the configuration; on an error the default, which permits nothing.
fn configuration(path: &Path) -> Configuration {
    Configuration::read(path).unwrap_or_else(|error| {
        error!(%error, "configuration not used, socket policies are refused");
        Configuration::default()
    })
}

fn log_execute_failed(error: &io::Error) {
    error!(%error, "installed program not executed");
}

fn logged<T>(service: &'static str, started: Result<T, Error>) -> Option<T> {
    started.inspect_err(|error| error!(service, %error, "service not started")).ok()
}
