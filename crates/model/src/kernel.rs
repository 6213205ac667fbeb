use crate::{Direction, IpVersion};

/// Where the kernel's own default policy, one for both IP versions, drops the packets that no policy
/// matches (`struct xfrm_userpolicy_default`, Linux 5.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KernelDefault {
    discarded: [bool; 3],
}

/// The kernel's hash table of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashTable {
    /// The number of its buckets.
    pub buckets: u32,
    /// The number to which it may grow.
    pub max_buckets: u32,
}

/// The size of the SAD (`XFRM_MSG_GETSADINFO`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SadInfo {
    /// The number of SAs, of every protocol.
    pub sas: u32,
    /// The hash tables, by destination, source and SPI, are of this size.
    pub table: HashTable,
}

/// From which prefix lengths on policies are in the kernel's hash table: others are in a tree or a list,
/// which takes longer. Bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashThreshold {
    /// Of the prefix at this end: the source of `out` policies.
    pub local: u8,
    /// Of the prefix at the other end.
    pub remote: u8,
}

/// The size of the SPD (`XFRM_MSG_GETSPDINFO`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpdInfo {
    /// The number of policies of each direction, in the order of the `XFRM_POLICY_*` numbers. Catch-alls
    /// are counted.
    pub policies: [u32; 3],
    /// The number of policies of sockets, in the same order.
    pub socket_policies: [u32; 3],
    /// The hash table by index.
    pub table: HashTable,
    /// The thresholds of IPv4 and IPv6; kernels before 3.18 have none.
    pub thresholds: [Option<HashThreshold>; 2],
}

impl KernelDefault {
    /// The default policy that drops packets of the directions that `is_discarded` picks.
    #[must_use]
    pub fn of(is_discarded: impl Fn(Direction) -> bool) -> Self {
        let mut default = Self::default();
        for &direction in Direction::ALL {
            default.discarded[place(direction)] = is_discarded(direction);
        }
        default
    }

    /// Whether packets of a direction that no policy matches are dropped.
    #[must_use]
    pub fn discards(self, direction: Direction) -> bool {
        self.discarded[place(direction)]
    }
}

impl SpdInfo {
    /// The number of policies of a direction.
    #[must_use]
    pub fn of_direction(&self, direction: Direction) -> u32 {
        self.policies[place(direction)]
    }

    /// The number of policies of sockets for a direction.
    #[must_use]
    pub fn of_sockets(&self, direction: Direction) -> u32 {
        self.socket_policies[place(direction)]
    }

    /// The thresholds of an IP version.
    #[must_use]
    pub fn threshold(&self, version: IpVersion) -> Option<HashThreshold> {
        let [v4, v6] = self.thresholds;
        match version {
            IpVersion::V4 => v4,
            IpVersion::V6 => v6,
        }
    }
}

fn place(direction: Direction) -> usize {
    usize::from(direction.xfrm())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_has_its_own() {
        for &one in Direction::ALL {
            let default = KernelDefault::of(|direction| direction == one);
            for &direction in Direction::ALL {
                assert_eq!(default.discards(direction), direction == one);
            }
        }
        let info =
            SpdInfo { policies: [1, 2, 3], socket_policies: [4, 5, 0], ..SpdInfo::default() };
        assert_eq!(Direction::ALL.iter().map(|&it| info.of_direction(it)).sum::<u32>(), 6);
        assert_eq!((info.of_direction(Direction::Fwd), info.of_sockets(Direction::Out)), (3, 5));
    }
}
