//! ipsecd(8): keeps the SPD of one network namespace as it was asked for, while SAs come and go; serves
//! PF_KEY; and gives policies to the sockets of the unprivileged.

mod directory;
mod error;
mod logging;
mod options;
mod privileges;
mod reason;
mod services;
mod signals;
mod watch;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use engine::{Caretaker, Group, Monitor, SetRight};
use ipsecd::{Handover, Supervisor};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{error, info};

use directory::Directory;
use error::Error;
use logging::Logging;
use options::Options;
use services::Services;
use signals::Signals;
use watch::Watch;

fn main() -> ExitCode {
    // A signal that comes before its handler is installed would end the process.
    let _ = signals::block();
    let options = Options::parse();
    let logging = Logging::start(&options);
    let done = if options.once { set_right_once(&logging) } else { follow(&options, logging) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Sets right what is wrong now. A daemon may be at work meanwhile.
fn set_right_once(logging: &Logging) -> Result<(), Error> {
    signals::unblock()?;
    let mut caretaker = Caretaker::open()?;
    logging.follow(caretaker.variables()?);
    let SetRight { policies, catch_alls, df_rule } = caretaker.set_right()?;
    info!(policies, catch_alls, df_rule, "set right");
    Ok(())
}

/// Is the daemon of this network namespace until a signal ends it.
fn follow(options: &Options, logging: Logging) -> Result<(), Error> {
    let handover = Handover::of_environment();
    let signals = Signals::catch()?;
    let supervisor = Arc::new(Supervisor::of_environment());
    let caretaker = Caretaker::open()?;
    let namespace = caretaker.namespace().clone();
    let another = || Error::Another { directory: namespace.directory().to_owned() };
    let _daemon =
        namespace.become_daemon().map_err(|source| Error::Lock { source })?.ok_or_else(another)?;
    let directory = Directory::watch(namespace.directory())?;
    // What happens from now on is heard, whatever is read later.
    let groups = [Group::Sa, Group::Policy, Group::Expire, Group::Migrate];
    let monitor = Monitor::open_reading_ahead(&groups)?;
    // A client of PF_KEY is a descriptor, and a restart needs as many again.
    let most =
        Rlimit { current: getrlimit(Resource::Nofile).maximum, ..getrlimit(Resource::Nofile) };
    let _ = setrlimit(Resource::Nofile, most);
    let services = Services::start(options, caretaker.port(), &supervisor, handover);
    privileges::reduce()?;
    // Only this thread receives them.
    signals::unblock()?;
    Watch::new(caretaker, monitor, directory, signals, logging, supervisor, services)?.run()
}
