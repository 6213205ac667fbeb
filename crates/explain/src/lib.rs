//! What the kernel does with a packet, found out from copies of its tables: no packet is sent, no kernel
//! is asked. The functions follow those of net/xfrm/ of Linux 6.1 to 7.2, which each names.
//!
//! A comparison has three results, since not all of a packet may be known: what it does not decide is a
//! [`Doubt`], and never a guess.

mod captured;
mod check;
mod contained;
mod explanation;
mod field;
mod flow;
mod hash;
mod headers;
mod input;
mod length;
mod lists;
mod near;
mod oddity;
mod order;
mod outer;
mod output;
mod peer;
mod policy;
mod reason;
mod replay;
mod sa;
mod selection;
mod sizes;
mod surroundings;
mod tables;
mod templates;
mod udp;
mod unfollowed;
mod verdict;
mod xfrm_device;

#[cfg(test)]
mod testing;

pub use captured::{Authenticated, CaptureError, Captured, ReceivingHost, Whole};
pub use check::{PolicyCheck, SaOfTemplate, check, templates_in_order};
pub use contained::Contained;
pub use explanation::{Explanation, explain_forwarded, explain_in, explain_out};
pub use field::{Field, Fields};
pub use flow::{Compared, Flow, FlowDevice};
pub use headers::{Header, Headers};
pub use input::{Arrival, Decapsulated, InputResult, Integrity, decapsulate};
pub use length::{Length, Mtu};
pub use near::NearPolicy;
pub use oddity::{OddInside, Oddity};
pub use outer::Outer;
pub use output::{OutputResult, output};
pub use policy::{Found, Lookup, Shadow, find_policy};
pub use reason::Reason;
pub use replay::ReplayFault;
pub use sa::{NearSa, SaSearch, has_reached_limit};
pub use selection::{Selection, first_inexact};
pub use sizes::{ESP_HEADER, iv_length, may_have_length};
pub use surroundings::{Surroundings, Untaken};
pub use tables::{InnerVersion, PolicyOrder, Tables};
pub use templates::{Resolution, Resolved, resolve};
pub use udp::InUdp;
pub use unfollowed::Unfollowed;
pub use verdict::{Doubt, Verdict};
pub use xfrm_device::XfrmDevice;
