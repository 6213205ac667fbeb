use engine::DefaultPolicy;
use model::IpVersion;
use serde_json::json;

use super::{Shown, Table};
use crate::Error;

/// What becomes of packets that no policy matches.
pub fn read() -> Result<Shown, Error> {
    let policies = engine::default_policies()?;
    let mut table = Table::new(&["packets", "default policy", "in the kernel"], "");
    for policy in policies {
        let in_force = if policy.in_force { "in force" } else { "not in force" };
        let packets = format!("IPv{}", number(policy));
        table.row([packets, action(policy).to_owned(), in_force.to_owned()]);
    }
    let json = policies.into_iter().map(|policy| {
        json!({
            "version": number(policy),
            "default_policy": action(policy),
            "in_force": policy.in_force,
        })
    });
    Ok(Shown { table, json: json.collect() })
}

fn number(policy: DefaultPolicy) -> u8 {
    match policy.version {
        IpVersion::V4 => 4,
        IpVersion::V6 => 6,
    }
}

fn action(policy: DefaultPolicy) -> &'static str {
    if policy.discards { "discard" } else { "none" }
}
