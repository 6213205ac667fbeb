use std::{
    ops::{BitAnd, BitOr},
    str::FromStr,
};

use crate::UnknownWord;

/// Flags of an SA: in the low eight bits the `XFRM_STATE_*` flags, above them the
/// `XFRM_SA_XFLAG_*` flags (linux/xfrm.h). ESN is not among them: see [`crate::Sa::esn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SaFlags(u64);

impl SaFlags {
    /// Do not copy ECN bits to and from the outer header.
    pub const NO_ECN: SaFlags = SaFlags(1);
    /// Copy the DSCP of the outer header when decapsulating.
    pub const DECAP_DSCP: SaFlags = SaFlags(2);
    /// Clear the outer header's DF bit.
    pub const NO_PMTU_DISC: SaFlags = SaFlags(4);
    /// The AH header is a multiple of 4 bytes, not of 8 (IPv4).
    pub const ALIGN_4: SaFlags = SaFlags(64);
    /// It is for received packets of any source, and for none that leave (Mobile IPv6).
    pub const WILD_RECEIVE: SaFlags = SaFlags(8);
    /// It takes ICMP errors about packets that it takes (`XFRM_STATE_ICMP`).
    pub const ICMP: SaFlags = SaFlags(16);
    /// A tunnel takes packets of either family (`XFRM_STATE_AF_UNSPEC`), not only its own.
    pub const ANY_FAMILY: SaFlags = SaFlags(32);
    /// Set the DSCP of the outer header to 0 (`XFRM_SA_XFLAG_DONT_ENCAP_DSCP`).
    pub const DONT_ENCAP_DSCP: SaFlags = SaFlags(1 << 8);
    /// Sequence numbers start again after the last one (`XFRM_SA_XFLAG_OSEQ_MAY_WRAP`).
    pub const OSEQ_MAY_WRAP: SaFlags = SaFlags(2 << 8);

    /// Every flag with its word after `-flag`, the words of ip-xfrm(8), and its `SADB_SAFLAGS_*`
    /// bit (linux/pfkeyv2.h), 0 where PF_KEY has none.
    const TABLE: [(SaFlags, &'static str, u32); 9] = [
        (SaFlags::NO_ECN, "noecn", 0x8000_0000),
        (SaFlags::DECAP_DSCP, "decap-dscp", 0x4000_0000),
        (SaFlags::NO_PMTU_DISC, "nopmtudisc", 0x2000_0000),
        (SaFlags::WILD_RECEIVE, "wildrecv", 0),
        (SaFlags::ICMP, "icmp", 0),
        (SaFlags::ANY_FAMILY, "af-unspec", 0),
        (SaFlags::ALIGN_4, "align4", 0),
        (SaFlags::DONT_ENCAP_DSCP, "dont-encap-dscp", 0),
        (SaFlags::OSEQ_MAY_WRAP, "oseq-may-wrap", 0),
    ];
    /// Every flag by itself.
    pub const ALL: [SaFlags; 9] = {
        let mut all = [SaFlags(0); 9];
        let mut row = 0;
        while row < all.len() {
            all[row] = Self::TABLE[row].0;
            row += 1;
        }
        all
    };

    /// `XFRM_STATE_ESN`.
    const ESN: u8 = 128;

    /// The flags of the two kernel fields, without ESN.
    #[must_use]
    pub fn from_xfrm(state: u8, extra: u32) -> Self {
        SaFlags(u64::from(state & !Self::ESN) | u64::from(extra) << 8)
    }

    /// The `XFRM_SA_XFLAG_*` bits that have no word.
    #[must_use]
    pub fn unnamed_extra_bits(self) -> u32 {
        let named = Self::TABLE.iter().fold(SaFlags::default(), |all, row| all | row.0);
        self.without(named).extra_bits()
    }

    /// The `XFRM_STATE_*` bits.
    #[must_use]
    pub fn state_bits(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// The `XFRM_SA_XFLAG_*` bits.
    #[must_use]
    pub fn extra_bits(self) -> u32 {
        (self.0 >> 8).try_into().unwrap_or_default()
    }

    /// Whether every one of `flags` is set.
    #[must_use]
    pub fn contains(self, flags: SaFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These flags without others.
    #[must_use]
    pub fn without(self, flags: SaFlags) -> Self {
        SaFlags(self.0 & !flags.0)
    }

    /// The flags of `SADB_SAFLAGS_*` bits; those of KAME mean nothing to XFRM.
    #[must_use]
    pub fn from_pfkey(bits: u32) -> Self {
        let set = Self::TABLE.iter().filter(|row| bits & row.2 != 0);
        set.fold(SaFlags::default(), |flags, row| flags | row.0)
    }

    /// The `SADB_SAFLAGS_*` bits; other flags are lost.
    #[must_use]
    pub fn pfkey_bits(self) -> u32 {
        let set = Self::TABLE.iter().filter(|row| self.contains(row.0));
        set.fold(0, |bits, row| bits | row.2)
    }

    /// The words of those that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::TABLE.into_iter().filter(move |row| self.contains(row.0)).map(|row| row.1)
    }
}

impl FromStr for SaFlags {
    type Err = UnknownWord;

    /// The flag of this word.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::TABLE.iter().find(|row| row.1 == word).map(|row| row.0);
        found.ok_or_else(|| UnknownWord { concept: "flag", word: word.to_owned() })
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
        assert_eq!(SaFlags::from_xfrm(u8::MAX, u32::MAX).extra_bits(), u32::MAX);
        assert_eq!(SaFlags::from_xfrm(u8::MAX, u32::MAX).unnamed_extra_bits(), u32::MAX - 3);
        assert_eq!(SaFlags::from_xfrm(u8::MAX, 0).state_bits(), 127);
        let flags = SaFlags::from_xfrm(0b101, 2);
        assert_eq!((flags.state_bits(), flags.extra_bits()), (0b101, 2));
        let names: Vec<&str> = flags.words().collect();
        assert_eq!(names, ["noecn", "nopmtudisc", "oseq-may-wrap"]);
        let again = names.iter().map(|word| word.parse::<SaFlags>().unwrap());
        assert_eq!(again.fold(SaFlags::default(), BitOr::bitor), flags);
    }

    #[test]
    fn pf_key_has_three_flags() {
        assert_eq!(SaFlags::from_pfkey(u32::MAX).pfkey_bits(), 0xe000_0000);
        assert_eq!(SaFlags::ANY_FAMILY.pfkey_bits(), 0);
    }
}
