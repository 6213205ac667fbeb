use model::{Policy, PolicyEntry, Priority, Sa, SaEntry};

/// One change of a plan. Each is in force before the next is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An SA that is not there.
    AddSa(Box<Sa>),
    /// Other limits, which the kernel changes in place: the SA keeps its counters.
    UpdateSa {
        /// The SA as it is.
        installed: Box<SaEntry>,
        /// The SA as it is to be.
        requested: Box<Sa>,
    },
    /// Another SA of the same name: the old one is deleted first, and between the two its packets are dropped.
    ReplaceSa {
        /// The SA as it is.
        installed: Box<SaEntry>,
        /// The SA as it is to be.
        requested: Box<Sa>,
    },
    /// An SA that is to go.
    DeleteSa(Box<SaEntry>),
    /// A policy that is not there.
    AddPolicy(Box<Policy>),
    /// A policy that is replaced at once and keeps its index.
    UpdatePolicy {
        /// The policy as it is.
        installed: Box<PolicyEntry>,
        /// The policy as it is to be.
        requested: Box<Policy>,
    },
    /// A policy that has to come behind others of its priority gets a lower one meanwhile.
    DeferPolicy {
        /// The policy as it is.
        installed: Box<PolicyEntry>,
        /// The priority meanwhile.
        priority: Priority,
    },
    /// The same policy, with what is requested, behind those of its priority.
    RequeuePolicy {
        /// The policy as it was before it got another priority.
        installed: Box<PolicyEntry>,
        /// The policy as it is to be.
        requested: Box<Policy>,
    },
    /// A policy that packets may pass without an SA requires one while its SA is replaced.
    RequirePolicy {
        /// The policy as it is.
        installed: Box<PolicyEntry>,
        /// The policy meanwhile.
        requiring: Box<Policy>,
    },
    /// The end of that, for a policy that stays as it is.
    ReleasePolicy(Box<PolicyEntry>),
    /// A policy that is to go.
    DeletePolicy(Box<PolicyEntry>),
}
