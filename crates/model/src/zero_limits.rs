use std::{ops::BitOr, str::FromStr};

use crate::UnknownWord;

/// The limits of bytes and packets that are 0 in the kernel, where a program means none by that. No limit is
/// `XFRM_INF`; but the kernel compares those of a policy with nothing, so 0 has no effect there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ZeroLimits(u8);

impl ZeroLimits {
    /// Each limit with the letters of its option.
    const TABLE: [(ZeroLimits, &'static str); 4] = [
        (ZeroLimits(1), "bs"),
        (ZeroLimits(2), "bh"),
        (ZeroLimits(4), "ps"),
        (ZeroLimits(8), "ph"),
    ];
    /// The letters of the options, in the kernel's order: soft and hard of bytes, then of packets.
    pub const WORDS: [&'static str; 4] =
        [Self::TABLE[0].1, Self::TABLE[1].1, Self::TABLE[2].1, Self::TABLE[3].1];

    /// Of which limits, in the kernel's order, it is so.
    #[must_use]
    pub fn new(are_zero: [bool; 4]) -> Self {
        let set = Self::TABLE.iter().zip(are_zero).filter(|(_, is_zero)| *is_zero);
        set.fold(Self::default(), |all, (row, _)| all | row.0)
    }

    /// Of which limits, in the kernel's order, it is so.
    #[must_use]
    pub fn are_zero(self) -> [bool; 4] {
        Self::TABLE.map(|row| self.0 & row.0.0 != 0)
    }

    /// The letters of those that are 0.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::TABLE.into_iter().filter(move |row| self.0 & row.0.0 != 0).map(|row| row.1)
    }
}

impl FromStr for ZeroLimits {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::TABLE.iter().find(|row| row.1 == word).map(|row| row.0);
        found.ok_or_else(|| UnknownWord { concept: "limit", word: word.to_owned() })
    }
}

impl BitOr for ZeroLimits {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        ZeroLimits(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for bits in 0..16_u8 {
            let limits = ZeroLimits::new([1, 2, 4, 8].map(|bit| bits & bit != 0));
            let again = limits.words().map(|word| word.parse::<ZeroLimits>().unwrap());
            assert_eq!(again.fold(ZeroLimits::default(), BitOr::bitor), limits);
            assert_eq!(ZeroLimits::new(limits.are_zero()), limits);
        }
        assert!("lh".parse::<ZeroLimits>().is_err());
    }
}
