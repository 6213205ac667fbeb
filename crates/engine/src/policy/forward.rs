use model::{Action, Direction, Level, Operation, Policy, PolicyId};

/// The `fwd` policy that goes with an `in` policy, since Linux checks forwarded packets apart.
///
/// As ipsec-tools makes it (setkey -r): the same policy, but `unique` of the first template is
/// weakened to `require`; the others keep theirs.
#[must_use]
pub fn forward_copy(policy: &Policy) -> Option<Policy> {
    let id = forward_id(&policy.id)?;
    let mut copy = Policy { id, ..policy.clone() };
    if let Action::Ipsec(templates) = &mut copy.action
        && let Some(first) = templates.first_mut()
        && matches!(first.level, Level::Unique(_))
    {
        first.level = Level::Require;
    }
    Some(copy)
}

/// The name of the `fwd` policy that goes with an `in` policy.
pub fn forward_id(id: &PolicyId) -> Option<PolicyId> {
    (id.direction == Direction::In).then(|| PolicyId { direction: Direction::Fwd, ..id.clone() })
}

/// The operation on a `fwd` policy that goes with this one on an `in` policy.
#[must_use]
pub fn forward_operation(operation: &Operation) -> Option<Operation> {
    let copy = |policy: &Policy| forward_copy(policy).map(Box::new);
    match operation {
        Operation::AddPolicy(policy) => copy(policy).map(Operation::AddPolicy),
        Operation::UpdatePolicy(policy) => copy(policy).map(Operation::UpdatePolicy),
        Operation::DeletePolicy(id) => forward_id(id).map(Operation::DeletePolicy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Prefix, Proto, ReqId, Selector, Template, TemplateMode};

    use super::*;

    #[test]
    fn only_the_first_unique_is_weakened() {
        let host = Prefix::host([192, 0, 2, 1].into());
        let selector = Selector::new(host, host).unwrap();
        let unique =
            Template::new(Proto::Esp, TemplateMode::Transport, Level::Unique(ReqId::new(7)));
        let mut policy = Policy::new(
            PolicyId::new(selector, Direction::In),
            Action::Ipsec(vec![unique, unique]),
        );
        let copy = forward_copy(&policy).unwrap();
        assert_eq!(copy.id.direction, Direction::Fwd);
        let levels: Vec<Level> = copy.action.templates().iter().map(|r| r.level).collect();
        assert_eq!(levels, [Level::Require, Level::Unique(ReqId::new(7))]);

        policy.id.direction = Direction::Out;
        assert_eq!(forward_copy(&policy), None);
    }

    /// ipsec-tools corrupts the copy of a policy whose source prefix has the length 3.
    #[test]
    fn a_copy_has_the_same_selector() {
        let network = Prefix::new([224, 0, 0, 0].into(), Some(3)).unwrap();
        let selector = Selector::new(network, Prefix::host([192, 0, 2, 1].into())).unwrap();
        let id = PolicyId::new(selector, Direction::In);
        let copy = forward_id(&id).unwrap();
        assert_eq!(copy, PolicyId { direction: Direction::Fwd, ..id });
    }
}
