use crate::table;

struct Row {
    word: &'static str,
    xfrm: u8,
    pfkey: Option<u8>,
}

table! {
    /// How packets are encapsulated. Of modes that scripts do not have, the word is that of
    /// ip-xfrm(8).
    pub enum Mode: Row, "mode" {
        /// The payload only.
        Transport => Row { word: "transport", xfrm: 0, pfkey: Some(1) },
        /// The whole packet, in a new one.
        Tunnel => Row { word: "tunnel", xfrm: 1, pfkey: Some(2) },
        /// Mobile IPv6 route optimisation.
        RouteOptimization => Row { word: "ro", xfrm: 2, pfkey: None },
        /// Mobile IPv6 inbound trigger.
        InTrigger => Row { word: "in_trigger", xfrm: 3, pfkey: None },
        /// Bound end-to-end tunnel.
        Beet => Row { word: "beet", xfrm: 4, pfkey: Some(3) },
        /// RFC 9347 aggregation and fragmentation.
        IpTfs => Row { word: "iptfs", xfrm: 5, pfkey: None },
    }
}

impl Mode {
    /// The `XFRM_MODE_*` number (linux/xfrm.h).
    #[must_use]
    pub fn xfrm(self) -> u8 {
        self.row().xfrm
    }

    /// The mode of an `XFRM_MODE_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.xfrm() == number)
    }

    /// The `IPSEC_MODE_*` number (linux/ipsec.h), where there is one: scripts have words for these
    /// modes only.
    #[must_use]
    pub fn pfkey_number(self) -> Option<u8> {
        self.row().pfkey
    }

    /// The mode of an `IPSEC_MODE_*` number. 0, any mode, is none: see [`SaMode::Any`].
    #[must_use]
    pub fn from_pfkey(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.pfkey_number() == Some(number))
    }
}

/// The mode of an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SaMode {
    /// The mode was given.
    Of(Mode),
    /// No mode was given: a script has no `-m`, or `-m any`. AF_KEY takes it for transport. On the
    /// BSDs such an SA serves policies of either mode; in the kernel it has one of them.
    Any {
        /// The mode that the SA is, or is to be, installed with.
        installed: Mode,
    },
}

impl SaMode {
    /// The mode of an SA whose mode was not given, until a policy asks for another.
    pub const ANY: SaMode = SaMode::Any { installed: Mode::Transport };

    /// The word for no mode, in scripts and dumps.
    pub const ANY_WORD: &str = "any";

    /// The mode that the SA has in the kernel.
    #[must_use]
    pub fn installed(self) -> Mode {
        match self {
            SaMode::Of(mode) | SaMode::Any { installed: mode } => mode,
        }
    }

    /// The `IPSEC_MODE_*` number in a template, where there is one: 0 is `IPSEC_MODE_ANY`.
    #[must_use]
    pub fn pfkey_number(self) -> Option<u8> {
        match self {
            SaMode::Of(mode) => mode.pfkey_number(),
            SaMode::Any { .. } => Some(0),
        }
    }

    /// Whether no mode was given.
    #[must_use]
    pub fn is_any(self) -> bool {
        matches!(self, SaMode::Any { .. })
    }
}

impl From<Mode> for SaMode {
    fn from(mode: Mode) -> Self {
        SaMode::Of(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &mode in Mode::ALL {
            assert_eq!(Mode::from_xfrm(mode.xfrm()), Some(mode));
            assert_eq!(mode.word().parse(), Ok(mode));
            assert!(
                mode.pfkey_number().is_none_or(|number| Mode::from_pfkey(number) == Some(mode))
            );
        }
        assert_eq!((Mode::from_xfrm(6), Mode::from_pfkey(0)), (None, None));
    }
}
