//! The start of the daemon: what is opened, and in which order privileges are given up.

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use engine::{EventMonitor, Lock, Namespace, Reconciled, Reconciler};
use model::EventGroup;
use rustix::process::geteuid;
use tracing::{error, info, warn};

use crate::{
    Configuration, Error, FileStore, Handover, ServiceManager, adopted,
    confinement::{self, Account, Confined, Limits, UserNamespaces},
    logging::Logging,
    options::Options,
    reconciler::{EventLoop, Opened, RunDirectory},
    services::Listening,
    signals::{self, DaemonSignals},
};

/// Runs ipsecd(8) with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    sys::process::keep_memory_private();
    // A signal that comes before its handler is installed would end the process.
    let _ = signals::block();
    let options = Options::parse();
    if options.user_namespaces {
        confinement::answer_all(None);
        return ExitCode::SUCCESS;
    }
    let logging = Logging::start(&options);
    let done = if options.once { reconcile_once(&logging) } else { run(&options, logging) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Reconciles the SPD once (`--once`). A daemon may run meanwhile.
fn reconcile_once(logging: &Logging) -> Result<(), Error> {
    signals::unblock()?;
    let mut reconciler = Reconciler::open()?;
    logging.follow(&reconciler.variables()?);
    let Reconciled { policies, catch_alls, df_rule } = reconciler.reconcile()?;
    info!(policies, catch_alls, df_rule, "reconciled");
    Ok(())
}

/// Runs as the daemon of this network namespace until a signal ends it.
fn run(options: &Options, logging: Logging) -> Result<(), Error> {
    let mut handover = Handover::from_environment();
    let signals = DaemonSignals::catch()?;
    let service_manager = Arc::new(ServiceManager::from_environment());
    let configuration = Configuration::read(&options.configuration);
    configuration.log_errors();
    let chosen = options.user.as_deref().or(configuration.user.as_deref());
    let account = Account::to_become(chosen)?;
    // A PF_KEY client is a descriptor, and a handover duplicates all of them.
    Limits::set();
    // Before this process gives up what that one needs.
    let user_namespaces = if options.no_pfkey {
        UserNamespaces::default()
    } else {
        UserNamespaces::start(&mut handover, account.as_ref())?
    };
    let reconciler = Reconciler::open()?;
    let namespace = reconciler.namespace().clone();
    let _lock = become_daemon(&namespace)?;
    // Sockets that are made there become that user's as well.
    give_files(&namespace, account.as_ref());
    let file_store = (!options.no_pfkey)
        .then(|| {
            FileStore::open(
                &service_manager,
                &mut handover,
                namespace.directory(),
                account.as_ref(),
            )
        })
        .flatten();
    let run_directory = RunDirectory::watch(namespace.directory())
        .inspect_err(|error| warn!(%error, "variables are read at SIGHUP only"))
        .ok();
    // Opened before anything is read: no event is missed in between.
    let groups = [EventGroup::Sa, EventGroup::Policy, EventGroup::Expire, EventGroup::Migrate];
    let monitor = EventMonitor::open_reading_ahead(&groups)?;
    check_proc();
    let port = reconciler.port();
    let listening = Listening::open(options, configuration, port, user_namespaces, handover);
    let files = listening.files(namespace.directory());
    log_confined(confinement::confine(account.as_ref(), &files)?, account.as_ref());
    adopted::wait_for_children();
    let services = listening.start(&service_manager, file_store)?;
    // The services' threads keep them blocked: only this thread receives signals.
    signals::unblock()?;
    let opened =
        Opened { reconciler, monitor, run_directory, signals, logging, service_manager, services };
    EventLoop::new(opened).run()
}

/// Gives the directory of the network namespace to the user that the daemon becomes, or takes it back: a
/// daemon without capabilities over files has to open them.
fn give_files(namespace: &Namespace, account: Option<&Account>) {
    if !geteuid().is_root() {
        return;
    }
    let (uid, gid) = account.map_or((0, 0), |account| (account.uid, account.gid));
    if let Err(error) = sys::owner::give_with_files(namespace.directory(), uid, gid) {
        warn!(%error, uid, "files cannot be given to the user of the daemon");
    }
}

/// Takes the daemon's lock. Where that is impossible, another daemon is not noticed.
///
/// Errors: [`Error::AnotherDaemon`].
fn become_daemon(namespace: &Namespace) -> Result<Option<Lock>, Error> {
    match namespace.become_daemon() {
        Ok(None) => Err(Error::AnotherDaemon { directory: namespace.directory().to_owned() }),
        Ok(lock) => Ok(lock),
        Err(error) => {
            warn!(%error, "no lock against another daemon");
            Ok(None)
        }
    }
}

fn log_confined(confined: Confined, account: Option<&Account>) {
    let Confined { uid, system_calls, files } = confined;
    let user = match account {
        Some(account) => account.name.clone(),
        None if uid == 0 => "root".to_owned(),
        None => uid.to_string(),
    };
    // Keys that pass through the inboxes may be swapped then: RLIMIT_MEMLOCK is too small.
    let not_locked = Some(sys::SecretMemory::not_locked()).filter(|bytes| *bytes != 0);
    info!(user, seccomp = %system_calls, landlock = %files, limits = %Limits::now(), not_locked, "confined");
}

/// Clients are looked up in /proc. In that of another PID namespace they may not be found, and are
/// rejected then.
fn check_proc() {
    match sys::pidfd::has_own_proc() {
        Ok(true) => {}
        Ok(false) => warn!("/proc is that of another PID namespace"),
        Err(error) => warn!(%error, "/proc cannot be read"),
    }
}
