use schemars::JsonSchema;
use serde::Serialize;

use super::NotRestoredJson;

/// What came of `ipsecctl save`, `restore`, `export` or `import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Transfer")]
pub struct TransferJson {
    /// The number of SAs that were saved or restored, or that the output has.
    pub sas: usize,
    /// The number of policies, in the same way.
    pub policies: usize,
    /// By how much sequence numbers were put forward, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<u32>,
    /// The entries that were left out, or that keep the others from being restored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<NotRestoredJson>,
    /// What the output does not have and is no entry, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
