use crate::table;

struct Row {
    word: &'static str,
    pfkey: u8,
}

table! {
    /// The life of an SA, RFC 2367 section 3.1.
    pub enum SaState: Row, "state of an SA" {
        /// Its SPI is taken, its keys are still missing.
        Larval => Row { word: "larval", pfkey: 0 },
        /// In use.
        Mature => Row { word: "mature", pfkey: 1 },
        /// In use, its soft limit is passed.
        Dying => Row { word: "dying", pfkey: 2 },
        /// Not in use any more.
        Dead => Row { word: "dead", pfkey: 3 },
    }
}

impl SaState {
    /// The `SADB_SASTATE_*` number (linux/pfkeyv2.h).
    #[must_use]
    pub fn pfkey_number(self) -> u8 {
        self.row().pfkey
    }

    /// The state of a `SADB_SASTATE_*` number.
    #[must_use]
    pub fn from_pfkey(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.pfkey_number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &state in SaState::ALL {
            assert_eq!(SaState::from_pfkey(state.pfkey_number()), Some(state));
            assert_eq!(state.word().parse(), Ok(state));
        }
    }
}
