use schemars::JsonSchema;
use serde::Serialize;

/// What came of `ipsecctl apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Applied")]
pub struct AppliedJson {
    /// What is in force: `all` that the files describe; `before`: the SAD and SPD as they were; `part`: something else.
    pub in_force: &'static str,
    /// Why that is not all: `check`: it was not to be changed; `conflict`: another program has an entry of the same name
    /// and other contents; `refusal`; `error`; `signal`; `unconfirmed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The statement that was refused and the reason, or the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of SAs and policies that were added and are in force; not set if a part of the changes is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<usize>,
    /// Of those that were changed or replaced, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<usize>,
    /// Of those that were deleted, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<usize>,
    /// The entries that undoing could not restore.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_restored: Vec<NotRestoredJson>,
}

/// An entry that was deleted or changed and could not be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NotRestored")]
pub struct NotRestoredJson {
    /// The entry.
    pub entry: String,
    /// The reason, in words.
    pub reason: String,
}
