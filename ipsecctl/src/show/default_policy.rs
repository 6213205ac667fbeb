use cli::{Table, json::DefaultPolicyJson};
use engine::DefaultPolicy;
use model::IpVersion;

use super::Shown;
use crate::Error;

/// The policies for packets that no other policy matches.
pub fn read() -> Result<Shown, Error> {
    let policies = engine::default_policies()?;
    let policies = policies.map(json);
    let mut table = Table::new(&["packets", "default policy", "in the kernel"], "");
    for policy in &policies {
        let in_force = if policy.in_force { "in force" } else { "not in force" };
        let packets = format!("IPv{}", policy.version);
        table.row([packets, policy.default_policy.to_owned(), in_force.to_owned()]);
    }
    Shown::new(table, &policies)
}

fn json(policy: DefaultPolicy) -> DefaultPolicyJson {
    DefaultPolicyJson {
        version: match policy.version {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        },
        default_policy: if policy.discards { "discard" } else { "none" },
        in_force: policy.in_force,
    }
}
