//! A policy of the SPD, as the kernel has it and as it was requested.

use std::ops::Deref;

use model::PolicyEntry;

/// A policy as the kernel has it. It lacks the templates that are not installed now, if it is partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed(pub PolicyEntry);

/// A policy with all templates that were requested. Its form, index and counters are the kernel's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested(pub PolicyEntry);

impl Deref for Installed {
    type Target = PolicyEntry;

    fn deref(&self) -> &PolicyEntry {
        &self.0
    }
}

impl Deref for Requested {
    type Target = PolicyEntry;

    fn deref(&self) -> &PolicyEntry {
        &self.0
    }
}
