//! The model: what a user of setkey(8) or ipsec(4) means, in the field's words.
//!
//! Every edge (script text, PF_KEY, netlink) translates to and from these types, so none of them
//! knows another. A value that exists is a valid one; what the original accepts as text but the
//! kernel refuses is an [`Error`] with the errno that AF_KEY answers.

mod action;
mod address_pair;
mod algorithm;
mod attribute;
mod counter;
mod depth;
mod device;
mod dialect;
mod direction;
mod encap;
mod error;
mod event;
mod flags;
mod installation;
mod ip_version;
mod iptfs;
mod kernel;
mod key;
mod keyed;
mod level;
mod lifetime;
mod mark;
mod mode;
pub mod names;
mod operation;
mod option;
mod policy;
mod policy_flags;
mod policy_type;
mod priority;
mod proto;
mod replay;
mod sa;
mod sec_ctx;
mod selector;
mod serving;
mod socket_policy;
mod spi;
mod state;
mod table;
mod template;
mod upper;
pub mod variable;
mod visible;
mod whole_installation;
mod zero_limits;

pub use action::{Action, ActionKind};
pub use address_pair::AddressPair;
pub use algorithm::{ALGORITHMS, Algorithm, AlgorithmKind, Cipher, KeyBits, Requirement};
pub use attribute::Attribute;
pub use counter::{Counter, CounterValues, MalformedCounter};
pub use depth::MAX_DEPTH;
pub use device::DeviceName;
pub use dialect::Dialect;
pub use direction::{Direction, SaDirection};
pub use encap::{EncapKind, IKE_PORT, NAT_T_PORT};
pub use error::{Error, VariableError};
pub use event::{Acquire, Event, EventGroup, Mapping, Migration, Origin, PathChange, SaCount};
pub use flags::SaFlags;
pub use installation::Installation;
pub use ip_version::{IpVersion, LEAST_MTU_OF_IPV6};
pub use iptfs::{IpTfs, IpTfsSetting};
pub use kernel::{HashTable, HashThreshold, KernelDefault, SadInfo, SpdInfo};
pub use key::{Key, KeyText};
pub use keyed::Keyed;
pub use level::{Level, LevelKind, ReqId};
pub use lifetime::{Current, Lifetime, Lifetimes};
pub use mark::Mark;
pub use mode::{Mode, SaMode};
pub use names::Names;
pub use operation::{Described, Operation, SaGroup, SpiRequest};
pub use option::ScriptOption;
pub use policy::{
    EveryPolicy, Policy, PolicyAddresses, PolicyEntry, PolicyFilter, PolicyHead, PolicyId,
};
pub use policy_flags::PolicyFlags;
pub use policy_type::PolicyType;
pub use priority::{Priority, PriorityBase};
pub use proto::{KernelModule, Proto, SaType};
pub use replay::{ReplayState, SaStats};
pub use sa::{Encap, Offload, Relocation, Sa, SaEntry, SaId};
pub use sec_ctx::SecCtx;
pub use selector::{PortMasks, Prefix, Selector};
pub use serving::{Demand, Offer, SaField};
pub use socket_policy::{SocketAction, SocketPolicy};
pub use spi::Spi;
pub use state::SaState;
pub use table::UnknownWord;
pub use template::{
    AlgorithmMasks, KernelTemplate, Share, ShareKind, Template, TemplateDetails, TemplateMode,
};
pub use upper::{NamedUpper, Upper};
pub use variable::{Setting, Variable, Variables};
pub use visible::{Visible, is_visible, visible};
pub use zero_limits::ZeroLimits;
