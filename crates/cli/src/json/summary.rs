use schemars::JsonSchema;
use serde::Serialize;

/// What there is in a network namespace, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Summary")]
pub struct SummaryJson {
    /// The number of SAs by their state; not set, as the policies, if the SAD cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sas: Option<SasByStateJson>,
    /// The number of policies by their direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<PoliciesByDirectionJson>,
    /// Of these, policies with a required template that no SA serves: their packets are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies_without_sa: Option<PoliciesByDirectionJson>,
    /// Policies of sockets, which are not among those above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies_of_sockets: Option<u64>,
    /// Packets that XFRM has dropped since the network namespace was made, if the kernel counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Whether ipsecd runs in this network namespace.
    pub is_ipsecd_running: bool,
    /// What needs attention.
    pub attention: Vec<AttentionJson>,
}

/// The number of SAs in each state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SasByState")]
pub struct SasByStateJson {
    /// They have an SPI and no keys yet.
    pub larval: u64,
    /// They are in use.
    pub mature: u64,
    /// They have passed a soft limit.
    pub dying: u64,
    /// They have passed a hard limit.
    pub dead: u64,
}

/// The number of policies for each direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PoliciesByDirection")]
pub struct PoliciesByDirectionJson {
    /// For this host.
    pub r#in: u64,
    /// From this host.
    pub out: u64,
    /// Through this host.
    pub fwd: u64,
}

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Attention")]
pub struct AttentionJson {
    /// What there is.
    pub what: String,
    /// A command that shows or mends it.
    pub command: String,
}
