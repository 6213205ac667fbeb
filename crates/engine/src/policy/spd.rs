use model::PolicyEntry;

use crate::policy::tunnels::Tunnels;

/// What has to be known of the policies in the SPD to add to it: read once, then kept up to date
/// with what is added here.
#[derive(Default)]
pub struct Spd {
    /// The tunnels.
    pub tunnels: Tunnels,
    /// Whether the kernel's policies are noted.
    pub is_read: bool,
}

impl Spd {
    /// Notes a policy of the SPD.
    pub fn note(&mut self, entry: &PolicyEntry) {
        self.tunnels.note(&entry.policy);
    }
}
