use model::{Direction, IpVersion, KernelDefault, PolicyEntry, SaEntry, SadInfo, SpdInfo};

/// Which of two policies of one priority in different lists comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PolicyOrder {
    /// The older one (Linux 6.12).
    #[default]
    ByAge,
    /// That of the hash table, unless the other one is the first of all that are not in it: the number that
    /// is compared is the place in that list, and 0 in the hash table.
    ByPlace,
}

impl PolicyOrder {
    /// The order of a kernel of this release, as 6 and 12.
    #[must_use]
    pub fn of_release(major: u32, minor: u32) -> Self {
        if (major, minor) >= (6, 12) { PolicyOrder::ByAge } else { PolicyOrder::ByPlace }
    }
}

/// Whether a received packet must be of the IP version of an SA that has neither a selector nor the flag `af-unspec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InnerVersion {
    /// It may be of any.
    #[default]
    Any,
    /// It must.
    OfSa,
    /// That is not known of the kernel.
    Unknown,
}

impl InnerVersion {
    /// That of a kernel of this release: Linux 6.1 and 7.2 were looked at.
    #[must_use]
    pub fn of_release(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (..6, _) | (6, ..=1) => InnerVersion::Any,
            (7, 2..) | (8.., _) => InnerVersion::OfSa,
            _ => InnerVersion::Unknown,
        }
    }
}

/// Copies of the kernel's tables, and what else decides.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// The SPD as it is installed, newest policy first (the order of a dump), without policies of sockets
    /// and without catch-alls. Of a large one those are enough that [`crate::Selection`] takes.
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
    /// The order of policies of one priority.
    pub policy_order: PolicyOrder,
    /// The IP version of packets that an SA without a selector takes.
    pub inner_version: InnerVersion,
    /// The indexes of the policies that may be the first of those that are not in the hash table, a list a direction,
    /// likeliest first ([`crate::Selection::first_inexact`]): what [`PolicyOrder::ByPlace`] compares.
    pub first_inexact: Vec<Vec<u32>>,
}

impl Tables {
    pub(crate) fn is_first_inexact(&self, entry: &PolicyEntry) -> bool {
        self.first_inexact.iter().any(|indexes| indexes.first() == Some(&entry.index))
    }

    /// Whether it is not known if a policy is the first of those that are not in the hash table.
    pub(crate) fn is_perhaps_first_inexact(&self, entry: &PolicyEntry) -> bool {
        self.first_inexact.iter().any(|it| it.len() > 1 && it.contains(&entry.index))
    }

    /// Whether a catch-all drops packets of this version and direction.
    pub(crate) fn has_catch_all(&self, version: IpVersion, direction: Direction) -> bool {
        self.catch_alls.contains(&(version, direction))
    }
}
