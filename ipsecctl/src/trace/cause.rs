use explain::Flow;
use model::{PolicyEntry, SaEntry};

/// What has dropped a packet.
#[derive(Debug, Clone, Default)]
pub struct DropCause {
    /// The packet that policies are looked up for.
    pub flow: Option<Flow>,
    /// The counters that it has raised.
    pub counters: Vec<String>,
    /// The policies that it is of.
    pub policies: Vec<PolicyEntry>,
    /// The SAs that it is of.
    pub sas: Vec<SaEntry>,
    /// SAs that nearly serve, or that are not there any more.
    pub near: Vec<SaEntry>,
    /// Why, in a sentence or two.
    pub message: String,
    /// What would mend it.
    pub remedy: Option<String>,
}

impl DropCause {
    /// Whether IPsec has dropped the packet, or it is under a policy.
    pub fn is_of_ipsec(&self) -> bool {
        !self.counters.is_empty() || !self.policies.is_empty() || !self.sas.is_empty()
    }
}
