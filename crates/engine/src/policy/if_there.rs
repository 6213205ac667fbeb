/// What to do if a policy of this name is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfThere {
    /// `spdadd`.
    Refuse,
    /// `spdupdate`.
    Replace,
}
