use model::PolicyEntry;

use crate::{policy::reqids::ReqIds, policy::tunnels::Tunnels};

/// What has to be known of the policies in the SPD to add to it: read once, then kept up to date
/// with what is added here.
#[derive(Default)]
pub struct Spd {
    /// The numbers that `unique` has taken.
    pub reqids: ReqIds,
    /// The tunnels.
    pub tunnels: Tunnels,
    /// Whether the kernel's policies are noted.
    pub is_read: bool,
}

impl Spd {
    /// Notes a policy of the SPD.
    pub fn note(&mut self, entry: &PolicyEntry) {
        self.reqids.note(entry);
        self.tunnels.note(&entry.policy);
    }
}
