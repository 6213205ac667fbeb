use crate::table;

struct Row {
    word: &'static str,
    xfrm: u8,
}

table! {
    /// Which of its two SPDs the kernel has a policy in (`XFRMA_POLICY_TYPE`). AF_KEY knows the main
    /// one only.
    #[derive(Default)]
    pub enum PolicyType: Row, "type of policy" {
        /// The SPD of setkey.
        #[default]
        Main => Row { word: "main", xfrm: 0 },
        /// That of Mobile IPv6: its templates are applied before those of the main one.
        Sub => Row { word: "sub", xfrm: 1 },
    }
}

impl PolicyType {
    /// The `XFRM_POLICY_TYPE_*` number (linux/xfrm.h).
    #[must_use]
    pub const fn xfrm(self) -> u8 {
        self.row().xfrm
    }

    /// The type of an `XFRM_POLICY_TYPE_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.xfrm() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &kind in PolicyType::ALL {
            assert_eq!(PolicyType::from_xfrm(kind.xfrm()), Some(kind));
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert_eq!(PolicyType::from_xfrm(2), None);
    }
}
