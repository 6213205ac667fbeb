use std::ops::{BitAnd, BitOr};

/// Flags of an SA: in the low eight bits the `XFRM_STATE_*` flags, above them the
/// `XFRM_SA_XFLAG_*` flags (linux/xfrm.h). ESN is not among them: see [`crate::Sa::esn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SaFlags(u32);

impl SaFlags {
    /// Do not copy ECN bits to and from the outer header.
    pub const NO_ECN: SaFlags = SaFlags(1);
    /// Copy the DSCP of the outer header when decapsulating.
    pub const DECAP_DSCP: SaFlags = SaFlags(2);
    /// Clear the outer header's DF bit.
    pub const NO_PMTU_DISC: SaFlags = SaFlags(4);
    /// A tunnel takes packets of either family (`XFRM_STATE_AF_UNSPEC`), not only its own.
    pub const ANY_FAMILY: SaFlags = SaFlags(32);

    /// Every flag with its word after `-flag`, the words of ip-xfrm(8).
    pub const NAMES: [(SaFlags, &'static str); 9] = [
        (SaFlags::NO_ECN, "noecn"),
        (SaFlags::DECAP_DSCP, "decap-dscp"),
        (SaFlags::NO_PMTU_DISC, "nopmtudisc"),
        (SaFlags(8), "wildrecv"),
        (SaFlags(16), "icmp"),
        (SaFlags::ANY_FAMILY, "af-unspec"),
        (SaFlags(64), "align4"),
        (SaFlags(1 << 8), "dont-encap-dscp"),
        (SaFlags(2 << 8), "oseq-may-wrap"),
    ];

    /// The flags of the two kernel fields; those that have no name are dropped.
    #[must_use]
    pub fn from_xfrm(state: u8, extra: u32) -> Self {
        let known = Self::NAMES.iter().fold(0, |all, row| all | row.0.0);
        SaFlags((u32::from(state) | extra << 8) & known)
    }

    /// The `XFRM_STATE_*` bits.
    #[must_use]
    pub fn state_bits(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// The `XFRM_SA_XFLAG_*` bits.
    #[must_use]
    pub fn extra_bits(self) -> u32 {
        self.0 >> 8
    }

    /// Whether every one of `flags` is set.
    #[must_use]
    pub fn contains(self, flags: SaFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These flags without others.
    #[must_use]
    pub fn without(self, flags: SaFlags) -> Self {
        SaFlags(self.0 & !flags.0)
    }

    /// The flag of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The words of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |row| self.contains(row.0)).map(|row| row.1)
    }
}

impl BitOr for SaFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        SaFlags(self.0 | other.0)
    }
}

impl BitAnd for SaFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        SaFlags(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_fields_lead_back() {
        let flags = SaFlags::from_xfrm(0b101, 2);
        assert_eq!((flags.state_bits(), flags.extra_bits()), (0b101, 2));
        let names: Vec<&str> = flags.names().collect();
        assert_eq!(names, ["noecn", "nopmtudisc", "oseq-may-wrap"]);
        let again = names.iter().filter_map(|name| SaFlags::from_name(name));
        assert_eq!(again.fold(SaFlags::default(), BitOr::bitor), flags);
    }
}
