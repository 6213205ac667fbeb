use cli::{
    Table,
    json::{DefaultPolicyJson, Document},
};
use engine::DefaultPolicy;
use model::{ActionKind, IpVersion};

use crate::Error;

/// The policies for packets that no other policy matches.
pub fn read(document: &mut Document) -> Result<Table, Error> {
    let policies = engine::default_policies()?.into_iter().map(json).collect::<Vec<_>>();
    let columns = ["version", "direction", "default_policy", "kernel_default", "in_force"];
    let mut table = Table::new(&columns, "");
    for policy in &policies {
        table.row([
            policy.version.to_string(),
            policy.direction.to_owned(),
            policy.default_policy.to_owned(),
            policy.kernel_default.unwrap_or("-").to_owned(),
            if policy.in_force { "yes" } else { "no" }.to_owned(),
        ]);
    }
    document.default_policies = Some(policies);
    Ok(table)
}

fn json(policy: DefaultPolicy) -> DefaultPolicyJson {
    let action = |discards| if discards { ActionKind::Discard } else { ActionKind::None }.word();
    DefaultPolicyJson {
        version: match policy.version {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        },
        direction: policy.direction.word(),
        default_policy: action(policy.discards),
        kernel_default: policy.kernel_discards.map(action),
        in_force: policy.in_force,
    }
}
