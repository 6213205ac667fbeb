/// How packets are encapsulated: the kernel's modes (`XFRM_MODE_*`, linux/xfrm.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The payload only.
    Transport,
    /// The whole packet, in a new one.
    Tunnel,
    /// Mobile IPv6 route optimisation.
    RouteOptimization,
    /// Mobile IPv6 inbound trigger.
    InTrigger,
    /// Bound end-to-end tunnel.
    Beet,
    /// RFC 9347 aggregation and fragmentation.
    IpTfs,
}

impl Mode {
    const ALL: [Mode; 6] = [
        Mode::Transport,
        Mode::Tunnel,
        Mode::RouteOptimization,
        Mode::InTrigger,
        Mode::Beet,
        Mode::IpTfs,
    ];

    /// The `XFRM_MODE_*` number.
    #[must_use]
    pub fn xfrm(self) -> u8 {
        self as u8
    }

    /// The mode of an `XFRM_MODE_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word in scripts, tables and JSON; of modes that scripts do not have, the word of
    /// ip-xfrm(8).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Transport => "transport",
            Mode::Tunnel => "tunnel",
            Mode::Beet => "beet",
            Mode::RouteOptimization => "ro",
            Mode::InTrigger => "in_trigger",
            Mode::IpTfs => "iptfs",
        }
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

    /// The mode that the SA has in the kernel.
    #[must_use]
    pub fn installed(self) -> Mode {
        match self {
            SaMode::Of(mode) | SaMode::Any { installed: mode } => mode,
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
    fn numbers_are_those_of_linux_xfrm_h() {
        for (number, mode) in (0u8..).zip(Mode::ALL) {
            assert_eq!(mode.xfrm(), number);
            assert_eq!(Mode::from_xfrm(number), Some(mode));
        }
        assert_eq!(Mode::from_xfrm(6), None);
    }
}
