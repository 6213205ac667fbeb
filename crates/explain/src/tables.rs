use model::{Direction, IpVersion, KernelDefault, PolicyEntry, SaEntry, SadInfo, SpdInfo};

/// Copies of the kernel's tables, and what else decides.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// The SPD as it is installed, newest policy first (the order of a dump), without policies of sockets
    /// and without catch-alls.
    pub policies: Vec<PolicyEntry>,
    /// The SAD, newest SA first.
    pub sas: Vec<SaEntry>,
    /// The kernel's own default policy.
    pub kernel_default: KernelDefault,
    /// The catch-alls that drop what no other policy matches.
    pub catch_alls: Vec<(IpVersion, Direction)>,
    /// The sizes and thresholds of the SPD.
    pub spd: SpdInfo,
    /// The size of the SAD's hash table.
    pub sad: SadInfo,
}

impl Tables {
    /// Whether a catch-all drops packets of this version and direction.
    pub(crate) fn has_catch_all(&self, version: IpVersion, direction: Direction) -> bool {
        self.catch_alls.contains(&(version, direction))
    }
}
