use model::{Policy, PolicyFlags, Template};

/// What was requested of a partial policy and the kernel does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The index that the policy has, or will have.
    pub(crate) index: u32,
    /// All templates, also those that are not installed now.
    pub(crate) templates: Vec<Template>,
    /// Whether the flag `localok`, which marks partial policies, was requested too.
    pub(crate) is_local_ok: bool,
}

impl Record {
    /// The record of a policy that will have this index.
    pub(crate) fn new(index: u32, requested: &Policy) -> Self {
        let templates = requested.action.templates().to_vec();
        Self { index, templates, is_local_ok: requested.flags.contains(PolicyFlags::LOCAL_OK) }
    }

    pub(super) fn without_templates(index: u32) -> Self {
        Self { index, templates: Vec::new(), is_local_ok: false }
    }
}
