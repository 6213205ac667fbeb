//! Why packets do not pass, concluded from two samples of the kernel's tables and counters and from the heads
//! of packets that were captured between them: no kernel is asked. A file of `rules/` is a group of
//! causes; each rule concludes only from what was counted, or from what the tables lack whatever is sent.

mod cause;
mod context;
mod finding;
mod network;
mod observation;
mod peer;
mod rules;
mod seen;
mod subject;

#[cfg(test)]
mod testing;

pub use cause::{Cause, Named, NearSpi};
pub use finding::{Conclusion, Silence, diagnose, silences};
pub use network::NetworkCounters;
pub use observation::{HostFacts, Observation, ObservedRoute, Sample};
pub use peer::{EndField, EndPolicy, EndSa, EndTemplate, PeerDifference, PeerTables};
pub use seen::{IcmpError, IcmpKind, Seen, SeenPacket};
pub use subject::Subject;
