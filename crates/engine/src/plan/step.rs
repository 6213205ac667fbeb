use model::{Operation, Policy, PolicyEntry, Priority, Sa, SaEntry};

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
        policy: Box<Policy>,
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
    /// The end of both, for a policy that is otherwise as it is to be.
    ReleasePolicy(Box<Policy>),
    /// A policy that is to go.
    DeletePolicy(Box<PolicyEntry>),
}

impl Step {
    /// The operations that the step comes to.
    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation> {
        let update = |policy: &Policy| Operation::UpdatePolicy(Box::new(policy.clone()));
        let (first, second) = match self {
            Step::AddSa(sa) => (Operation::AddSa(sa.clone()), None),
            Step::UpdateSa { requested, .. } => (Operation::UpdateSa(requested.clone()), None),
            Step::ReplaceSa { installed, requested } => (
                Operation::DeleteSa(installed.sa.id(), None),
                Some(Operation::AddSa(requested.clone())),
            ),
            Step::DeleteSa(entry) => (Operation::DeleteSa(entry.sa.id(), None), None),
            Step::AddPolicy(policy) => (Operation::AddPolicy(policy.clone()), None),
            Step::UpdatePolicy { requested, .. } | Step::RequeuePolicy { requested, .. } => {
                (update(requested), None)
            }
            Step::DeferPolicy { policy, priority } => {
                (update(&Policy { priority: *priority, ..(**policy).clone() }), None)
            }
            Step::RequirePolicy { requiring, .. } => (update(requiring), None),
            Step::ReleasePolicy(policy) => (update(policy), None),
            Step::DeletePolicy(entry) => (Operation::DeletePolicy(entry.policy.id.clone()), None),
        };
        std::iter::once(first).chain(second)
    }

    /// Whether packets may depend on what it takes away: the steps before it have to be in force.
    pub(crate) fn takes_away(&self) -> bool {
        match self {
            Step::ReplaceSa { .. } | Step::DeleteSa(_) | Step::DeletePolicy(_) => true,
            Step::UpdatePolicy { installed, requested }
            | Step::RequeuePolicy { installed, requested } => {
                requested.priority > installed.policy.priority
                    || requested.action.kind() != installed.policy.action.kind()
            }
            Step::AddSa(_)
            | Step::UpdateSa { .. }
            | Step::AddPolicy(_)
            | Step::DeferPolicy { .. }
            | Step::RequirePolicy { .. }
            | Step::ReleasePolicy(_) => false,
        }
    }
}
