//! Policies by which the administrator's own connection ends.

use grammar::Part;
use model::{Direction, Mark, PolicyId, Prefix, Selector, Upper};

use super::{
    code::Code,
    context::{TablesInContext, is_blocking},
    entry::{PlacedFinding, PolicyAt},
    ssh::SshConnection,
};

/// The port of ssh.
const SSH: u16 = 22;

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    // What the kernel has already has ended no connection that is still there.
    if context.surroundings.is_live {
        return Vec::new();
    }
    let policies = context.tables.policies.iter().enumerate();
    let caught = policies.filter(|(_, policy)| is_blocking(policy)).filter_map(|(at, policy)| {
        let message = reason(context, at, policy)?;
        Some(policy.finding(Code::ManagementSessionCaught, Part::Action, &message))
    });
    caught.collect()
}

fn reason(context: &TablesInContext<'_>, at: usize, policy: &PolicyAt) -> Option<String> {
    let id = &policy.policy.id;
    let is_first = |id: PolicyId| context.cover.first(&id) == Some(at);
    if let Some(ssh) = context.surroundings.ssh
        && of_connection(id, &ssh).is_some_and(is_first)
    {
        return Some(format!("the policy matches the ssh connection from {}", ssh.client.ip()));
    }
    // A policy for some hosts may well be meant for their ssh, too.
    let selector = &id.selector;
    let is_for_all = selector.src().length() == 0 && selector.dst().length() == 0;
    (is_for_all && is_first(of_port(id)?))
        .then(|| "the policy matches the ssh connections (port 22) of all hosts".to_owned())
}

/// The name of a policy for the packets of a connection in the direction of `id`.
fn of_connection(id: &PolicyId, ssh: &SshConnection) -> Option<PolicyId> {
    let (src, dst) = match id.direction {
        Direction::Out => (ssh.server, ssh.client),
        Direction::In => (ssh.client, ssh.server),
        Direction::Fwd => return None,
    };
    let mut selector = Selector::new(Prefix::host(src.ip()), Prefix::host(dst.ip())).ok()?;
    (selector.upper, selector.src_port, selector.dst_port) = (Upper::TCP, src.port(), dst.port());
    Some(plain(id, selector))
}

/// The name of a policy for port 22 of this host and all packets of `id`.
fn of_port(id: &PolicyId) -> Option<PolicyId> {
    let mut selector = Selector::new(id.selector.src(), id.selector.dst()).ok()?;
    selector.upper = Upper::TCP;
    match id.direction {
        Direction::Out => selector.src_port = SSH,
        Direction::In => selector.dst_port = SSH,
        Direction::Fwd => return None,
    }
    Some(plain(id, selector))
}

/// Packets without mark, of no xfrm interface.
fn plain(id: &PolicyId, selector: Selector) -> PolicyId {
    PolicyId { selector, mark: Mark::default(), if_id: None, ..id.clone() }
}
