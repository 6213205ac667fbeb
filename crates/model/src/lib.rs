//! The model: what a user of setkey(8) or ipsec(4) means, in the field's words.
//!
//! Every edge (script text, PF_KEY, netlink) translates to and from these types, so none of them
//! knows another. A value that exists is a valid one; what the original accepts as text but the
//! kernel refuses is an [`Error`] with the errno that AF_KEY answers.

mod algorithm;
mod dialect;
mod error;
mod event;
mod flags;
mod form;
mod ip_version;
mod key;
mod lifetime;
mod mark;
mod mode;
pub mod names;
mod operation;
mod policy;
mod priority;
mod proto;
mod sa;
mod sec_ctx;
mod selector;
mod socket_policy;
mod spi;
pub mod variable;

pub use algorithm::{ALGORITHMS, Algorithm, AlgorithmKind, KeyBits};
pub use dialect::Dialect;
pub use error::Error;
pub use event::{Acquire, Event, Mapping, Migration, Origin, PathChange};
pub use flags::SaFlags;
pub use form::Form;
pub use ip_version::IpVersion;
pub use key::Key;
pub use lifetime::{Current, Lifetime, Lifetimes};
pub use mark::Mark;
pub use mode::{Mode, SaMode};
pub use names::{Names, SystemNames};
pub use operation::{Operation, SpiWish};
pub use policy::{
    Action, Direction, Endpoints, Level, Policy, PolicyEntry, PolicyId, ReqId, Request, RequestMode,
};
pub use priority::Priority;
pub use proto::Proto;
pub use sa::{
    AddressPair, Encap, EncapKind, Keyed, Offload, Sa, SaDirection, SaEntry, SaId, SaState,
};
pub use sec_ctx::SecCtx;
pub use selector::{Prefix, Selector, Upper};
pub use socket_policy::{SocketAction, SocketPolicy};
pub use spi::Spi;
pub use variable::{Setting, Variable, VariableError, Variables};
