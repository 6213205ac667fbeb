//! What the commands print as JSON: the types are the schema (docs/json/). Members are in the order of
//! the fields, and an optional one that is not set is left out.

mod applied;
mod change;
mod client;
mod condition;
mod counter;
mod diagnosis;
mod document;
mod dropped;
mod event;
mod explanation;
mod finding;
mod fingerprint;
mod kernel;
mod keys;
mod moved;
mod policy;
mod rates;
mod read;
mod sa;
mod sa_parts;
mod socket;
mod stream;
mod summary;
mod transfer;
mod variable;

use std::num::NonZeroU64;

use model::SecCtx;
use schemars::JsonSchema;
use serde::Serialize;

pub use applied::{AppliedJson, NotRestoredJson};
pub use change::{ChangeJson, ChangeKind, DifferenceJson, StayingJson, UnselectedJson};
pub use client::ClientJson;
pub use condition::ConditionJson;
pub use counter::CounterJson;
pub use diagnosis::{CauseJson, CountedJson, DiagnosisJson};
pub use document::{Document, SCHEMA_VERSION, SchemaVersion, schema};
pub use dropped::DropJson;
pub use event::{EventJson, MemberJson, NetnsJson, OriginJson, members_between};
pub use explanation::{
    DistantSaJson, ExplainedPolicyJson, ExplainedTemplateJson, ExplanationJson, NearPolicyJson,
    NearSaJson, PacketJson, ReceivedHeaderJson, RouteJson, SaNameJson, WireJson,
};
pub use finding::{Advice, FindingJson, PositionJson};
pub use fingerprint::Fingerprints;
pub use kernel::{HashThresholdJson, KernelJson};
pub use keys::Keys;
pub use moved::MovedJson;
pub use policy::{DefaultPolicyJson, PolicyJson, SelectorJson, TemplateJson};
pub use rates::{LimitJson, RateJson, RatesJson};
pub use read::{ReadEntries, ReadError, ReadKeys, read_entries};
pub use sa::{AlgorithmJson, OffloadJson, SaJson};
pub use sa_parts::{AttributeJson, DroppedJson, IpTfsJson, NatTJson, SequenceJson};
pub use socket::{DescriptorJson, SocketPolicyJson, SocketsJson};
pub use stream::DocumentStream;
pub use summary::{AttentionJson, PoliciesByDirectionJson, SasByStateJson, SummaryJson};
pub use transfer::TransferJson;
pub use variable::{AnyVariableJson, ProcVariableJson, ValueJson, ValuesJson, VariableJson};

/// The limits of an SA or policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Lifetimes")]
pub struct LifetimesJson {
    /// The limits that end it.
    pub hard: LifetimeJson,
    /// The limits at which the key management is asked for a new one.
    pub soft: LifetimeJson,
}

/// One set of limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Lifetime")]
pub struct LifetimeJson {
    /// Packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<NonZeroU64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<NonZeroU64>,
    /// Seconds since it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<NonZeroU64>,
    /// Seconds since its first use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_in_use: Option<NonZeroU64>,
}

/// A firewall mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Mark")]
pub struct MarkJson {
    /// The bits that are compared or set.
    pub value: u32,
    /// Which bits of the packet's mark are compared or set.
    pub mask: u32,
}

/// A security context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SecurityContext")]
pub struct SecurityContextJson {
    /// Domain of interpretation (`XFRM_SC_DOI_*`).
    pub doi: u8,
    /// Algorithm (`XFRM_SC_ALG_*`).
    pub algorithm: u8,
    /// The label; bytes that are not UTF-8 are replaced.
    pub context: String,
}

impl LifetimesJson {
    fn of(lifetimes: &model::Lifetimes) -> Option<Self> {
        let model::Lifetimes { hard, soft } = lifetimes;
        if hard.is_unlimited() && soft.is_unlimited() {
            return None;
        }
        Some(Self { hard: hard.into(), soft: soft.into() })
    }
}

impl From<&model::Lifetime> for LifetimeJson {
    fn from(lifetime: &model::Lifetime) -> Self {
        Self {
            packets: lifetime.packets,
            bytes: lifetime.bytes,
            seconds: lifetime.add_seconds,
            seconds_in_use: lifetime.use_seconds,
        }
    }
}

impl MarkJson {
    fn of(mark: model::Mark) -> Option<Self> {
        (!mark.is_none()).then_some(Self { value: mark.value, mask: mark.mask })
    }
}

impl From<&SecCtx> for SecurityContextJson {
    fn from(context: &SecCtx) -> Self {
        Self {
            doi: context.doi,
            algorithm: context.alg,
            context: String::from_utf8_lossy(context.label()).into_owned(),
        }
    }
}

fn nonzero<N: Default + PartialEq>(number: N) -> Option<N> {
    (number != N::default()).then_some(number)
}
