//! What is to be done where packets pass in clear.

use model::PolicyEntry;

use super::{mirrored, name_of, statement};

pub(super) fn leaves_in_clear(policy: &PolicyEntry, near: Option<&PolicyEntry>) -> String {
    let own = statement(&mirrored(&policy.policy));
    match near {
        Some(near) => {
            format!("change {} so that it matches these packets: {own}", name_of(near))
        }
        None => own,
    }
}

pub(super) fn passes_in_clear(by: &PolicyEntry, policy: &PolicyEntry) -> String {
    format!(
        "{}, with a higher priority than that of {}, or let what comes back pass: {}",
        statement(&mirrored(&policy.policy)),
        name_of(by),
        statement(&mirrored(&by.policy))
    )
}
