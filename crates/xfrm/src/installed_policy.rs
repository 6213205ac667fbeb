use model::{Installation, Policy};

/// A policy in the form in which the kernel is to hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstalledPolicy<'a> {
    /// The policy, with the templates that the kernel is to hold.
    pub policy: &'a Policy,
    /// How its templates are installed.
    pub installation: Installation,
    /// The index that it gets if it is new and the index is free, its low three bits the
    /// direction; 0, or one that is taken: the kernel chooses.
    pub index: u32,
}
