//! What a scenario is made of: hosts, the links between them, and what passes on a wire.
//!
//! A scenario fails by panicking, so everything here does too.
#![expect(clippy::missing_panics_doc, reason = "said above, once for all")]

mod af_key;
mod background;
mod counters;
mod daemon;
mod difference;
mod eventually;
mod family;
pub mod generated;
mod host;
mod iked;
mod interrupted;
mod kernel;
mod mask;
pub mod openmetrics;
mod outcome;
mod pair;
pub mod pfkey;
mod pings;
mod program;
mod random;
pub mod raw_xfrm;
mod scripts;
mod service_manager;
mod session;
mod terminal;
mod times;
mod vitals;
mod wire;

pub use af_key::WithoutAfKey;
pub use background::Background;
pub use counters::counters;
pub use daemon::{Daemon, installed_ipsecd};
pub use difference::{assert_same, difference};
pub use eventually::eventually;
pub use host::{
    Host, example, ipsecctl, ipsecctl_with_library, ipsecd, link, linked_hosts, preload, setkey,
    sysctl_shim, toy_ike,
};
pub use iked::{Access, Iked};
pub use interrupted::{interrupt, send};
pub use kernel::{
    DfRules, df_rules, has_ripemd160, has_xfrm_interfaces, report_skipped, running,
    scripts_for_this_kernel, without,
};
pub use mask::{masked, with_plain_templates};
pub use outcome::Outcome;
pub use pair::{ESP_BOTH_DIRECTIONS, Pair, echo, exec};
pub use pings::Pings;
pub use program::Program;
pub use random::random;
pub use scripts::scripts;
pub use service_manager::ServiceManager;
pub use session::Session;
pub use terminal::Terminal;
pub use times::{lasts, times};
pub use vitals::{Vitals, processor_ticks, time_and_memory};
pub use wire::{Packet, Wire, protocol};
