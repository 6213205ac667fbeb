use std::{
    ops::{BitAnd, BitOr},
    str::FromStr,
};

use crate::UnknownWord;

/// The `XFRM_POLICY_*` flags of a policy (`xfrm_userpolicy_info.flags`, linux/xfrm.h), also those
/// that have no name yet: the kernel keeps all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PolicyFlags(u8);

impl PolicyFlags {
    /// The kernel keeps it and never reads it. A policy that is partial has it too.
    pub const LOCAL_OK: PolicyFlags = PolicyFlags(1);
    /// The selector also matches ICMP errors about packets that it matches.
    pub const ICMP: PolicyFlags = PolicyFlags(2);
    /// A packet that finds no SA of its own CPU requests one (Linux 6.13).
    pub const CPU_ACQUIRE: PolicyFlags = PolicyFlags(4);

    /// Every flag that has a name, with its word after `-flag`; the first two are ip-xfrm(8)'s.
    const TABLE: [(PolicyFlags, &'static str); 3] =
        [(Self::LOCAL_OK, "localok"), (Self::ICMP, "icmp"), (Self::CPU_ACQUIRE, "cpu-acquire")];

    /// The words of those that have one.
    pub const WORDS: [&'static str; 3] = [Self::TABLE[0].1, Self::TABLE[1].1, Self::TABLE[2].1];

    /// The flags of the kernel's field.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        PolicyFlags(bits)
    }

    /// The kernel's field.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every one of `flags` is set.
    #[must_use]
    pub const fn contains(self, flags: PolicyFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These flags without others.
    #[must_use]
    pub const fn without(self, flags: PolicyFlags) -> Self {
        PolicyFlags(self.0 & !flags.0)
    }

    /// The words of those that are set, and the number of those that have no name.
    pub fn words(self) -> impl Iterator<Item = String> {
        let named = Self::TABLE.into_iter().filter(move |row| self.contains(row.0));
        let known = Self::TABLE.iter().fold(0, |all, row| all | row.0.0);
        let unnamed = Some(self.0 & !known).filter(|&bits| bits != 0);
        named.map(|row| row.1.to_owned()).chain(unnamed.map(|bits| format!("{bits:#x}")))
    }
}

impl FromStr for PolicyFlags {
    type Err = UnknownWord;

    /// The flag of this word, or of a number with `0x`.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let named = Self::TABLE.iter().find(|row| row.1 == word).map(|row| row.0);
        let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let bits = || u8::from_str_radix(digits?, 16).ok().map(PolicyFlags);
        named
            .or_else(bits)
            .ok_or_else(|| UnknownWord { concept: "flag of a policy", word: word.to_owned() })
    }
}

impl BitOr for PolicyFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        PolicyFlags(self.0 | other.0)
    }
}

impl BitAnd for PolicyFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        PolicyFlags(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for bits in 0..=u8::MAX {
            let flags = PolicyFlags::from_bits(bits);
            let again = flags.words().map(|word| word.parse::<PolicyFlags>().unwrap());
            assert_eq!(again.fold(PolicyFlags::default(), BitOr::bitor), flags);
        }
        let words: Vec<String> = PolicyFlags::from_bits(0x85).words().collect();
        assert_eq!(words, ["localok", "cpu-acquire", "0x80"]);
        for wrong in ["", "0x", "0x100", "wildrecv", "1"] {
            assert!(wrong.parse::<PolicyFlags>().is_err(), "{wrong}");
        }
    }
}
