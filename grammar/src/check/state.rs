use model::{Described, Operation, PolicyType, Proto};

use super::Mistake;

/// What a file has described so far that describes a state: SAs and policies, and nothing to do with them.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The protocols of the SAs, each with the line of the first.
    sas: Vec<(Proto, usize)>,
    /// The types of the policies, in the same way.
    policies: Vec<(PolicyType, usize)>,
}

impl State {
    /// Takes the next operation; the mistake is that of one which is no part of a state.
    pub(super) fn take(&mut self, operation: &Operation, line: usize) -> Option<Mistake> {
        match operation.described() {
            Some(Described::Sa { sa, .. }) => {
                if self.sas.iter().all(|(proto, _)| *proto != sa.proto) {
                    self.sas.push((sa.proto, line));
                }
                None
            }
            Some(Described::Policy { policy, .. }) => {
                let kind = policy.id.policy_type;
                if self.policies.iter().all(|(known, _)| *known != kind) {
                    self.policies.push((kind, line));
                }
                None
            }
            Some(Described::WholeSad(proto)) => {
                let first = self.sas.iter().find(|(of, _)| proto.is_none_or(|proto| proto == *of));
                first.map(|(_, line)| Mistake::LateFlush(*line))
            }
            Some(Described::WholeSpd(kind)) => {
                let first = self.policies.iter().find(|(of, _)| kind == *of);
                first.map(|(_, line)| Mistake::LateFlush(*line))
            }
            None => Some(Mistake::NoState),
        }
    }
}
