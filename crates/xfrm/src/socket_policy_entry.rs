use model::PolicyEntry;

/// A policy of the SPD that is a socket's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketPolicyEntry {
    /// The number that it was set with, if it was with one. A socket that was accepted has that of
    /// its listener, together with a copy of the policy (`__xfrm_sk_clone_policy`).
    pub owner: Option<u32>,
    /// The policy.
    pub entry: PolicyEntry,
}
