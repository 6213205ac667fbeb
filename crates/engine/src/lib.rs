//! The translation layer between what the user means and what the kernel can have.
//!
//! An ordered stream of operations goes in, ordered results come out with the line of their
//! statement. Changes travel in batches; a read waits for the changes before it. The engine never
//! prints.

mod counters;
mod error;
mod events;
mod info;
mod listeners;
mod namespaces;
mod owned;
mod plan;
mod policy;
mod reconcile;
mod routes;
mod rtnetlink;
mod sa;
mod saved;
mod session;
mod snapshot;
mod state;
mod undo;

/// Where the stores of all network namespaces are.
pub const RUN_DIRECTORY: &str = sys::run::DIRECTORY;

pub use counters::counters;
pub use error::Error;
pub use events::EventMonitor;
pub use info::info;
pub use listeners::{Listeners, listeners};
pub use namespaces::{NamedNamespace, NamespaceNumbers};
pub use plan::{
    Added, Adopted, CarriedOut, EntryFilter, Plan, Removal, RequestedTables, Step, StepRefusal,
    Unselected,
};
pub use policy::{
    entry::{Installed, Requested},
    forward::{forward_copy, forward_operation},
    installed::unserved,
    sockets::{SocketEntry, choose_reqids, socket_policies},
};
pub use reconcile::{
    apply::{Applied, apply, variables},
    default_policy::{DefaultPolicy, default_policies},
    reconciler::{Reconciled, Reconciler},
};
pub use routes::{Device, DeviceLink, DeviceXfrm, Route, RouteEncap, RouteQuery, Routes};
pub use sa::given_flags::GivenFlags;
pub use sa::lacking::RecentOption;
pub use sa::relocation::{Destination, MoveOutcome, MoveRefusal, Moved};
#[cfg(fuzzing)]
pub use saved::saved as fuzz_saved;
pub use saved::{Restored, Saved, SavedFile, Transfer, fault::SavedFault};
pub use session::{
    Engine, EngineOptions,
    dumps::{AddressFilter, SadFilter, TableDump},
    near::Near,
    outcome::{Outcome, Sink},
    refusal::Refusal,
    target::{NewSa, Target},
};
pub use snapshot::{Snapshot, SnapshotReader, snapshot};
pub use state::{
    fingerprint_secret::FingerprintSecret,
    holders::Holders,
    lock::Lock,
    namespace::{DAEMON_LOCK, Namespace},
    owned::Owned,
    variables::VARIABLES_FILE,
};
pub use undo::{
    Loss,
    rehearsal::{InNewNamespace, Rehearsal, refusals_in_empty_tables},
};
