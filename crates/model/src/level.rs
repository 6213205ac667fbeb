use std::num::NonZeroU32;

use crate::table;

/// The number of [`ReqId::MANUAL_MAX`] as a literal, for `concat!` of a static text.
#[macro_export]
macro_rules! manual_reqid_max {
    () => {
        16_383
    };
}

/// Ties a template to the SAs with the same number (`-u`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReqId(NonZeroU32);

impl ReqId {
    /// The largest that a script may choose (`IPSEC_MANUAL_REQID_MAX`, linux/ipsec.h).
    pub const MANUAL_MAX: ReqId = ReqId(NonZeroU32::new(manual_reqid_max!()).unwrap());

    /// The reqid of this number; XFRM and PF_KEY have 0 for none.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

struct Row {
    word: &'static str,
    pfkey: u8,
}

table! {
    /// A level without the number of `unique`.
    pub enum LevelKind: Row, "level" {
/// As the host's variable is.
        Default => Row { word: "default", pfkey: 0 },
        /// With an SA if there is one, in clear otherwise.
        Use => Row { word: "use", pfkey: 1 },
        /// Never without an SA.
        Require => Row { word: "require", pfkey: 2 },
        /// Never without an SA of a number.
        Unique => Row { word: "unique", pfkey: 3 },
    }
}

impl LevelKind {
    /// The `IPSEC_LEVEL_*` number (linux/ipsec.h).
    #[must_use]
    pub const fn pfkey_number(self) -> u8 {
        self.row().pfkey
    }

    /// The level of an `IPSEC_LEVEL_*` number.
    #[must_use]
    pub fn from_pfkey(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.pfkey_number() == number)
    }

    /// The level with a number that counts for `unique` only.
    #[must_use]
    pub fn with(self, reqid: Option<ReqId>) -> Level {
        match self {
            LevelKind::Default => Level::Default,
            LevelKind::Use => Level::Use,
            LevelKind::Require => Level::Require,
            LevelKind::Unique => Level::Unique(reqid),
        }
    }
}

/// How strict a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// As the host's variable is.
    Default,
    /// With an SA if there is one, in clear otherwise.
    Use,
    /// Never without an SA.
    Require,
    /// Never without an SA of this number; without one the engine picks a free number.
    Unique(Option<ReqId>),
}

impl Level {
    /// The level at which no packet passes without an SA, of this number if there is one.
    #[must_use]
    pub fn of_reqid(reqid: Option<ReqId>) -> Self {
        reqid.map_or(Level::Require, |reqid| Level::Unique(Some(reqid)))
    }

    /// The level without the number.
    #[must_use]
    pub fn kind(self) -> LevelKind {
        match self {
            Level::Default => LevelKind::Default,
            Level::Use => LevelKind::Use,
            Level::Require => LevelKind::Require,
            Level::Unique(_) => LevelKind::Unique,
        }
    }

    /// The word in scripts and dumps, without the number.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.kind().word()
    }

    /// The number that SAs must have; any will do without one.
    #[must_use]
    pub fn reqid(self) -> Option<ReqId> {
        match self {
            Level::Unique(reqid) => reqid,
            Level::Default | Level::Use | Level::Require => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &kind in LevelKind::ALL {
            assert_eq!(LevelKind::from_pfkey(kind.pfkey_number()), Some(kind));
            assert_eq!(kind.word().parse(), Ok(kind));
            assert_eq!(kind.with(ReqId::new(7)).kind(), kind);
        }
        assert_eq!(LevelKind::from_pfkey(4), None);
    }
}
