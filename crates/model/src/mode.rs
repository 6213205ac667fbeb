/// How an SA encapsulates: the kernel's modes (`XFRM_MODE_*`, linux/xfrm.h).
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

    /// The word in scripts and dumps; modes that setkey has no word for are shown as their
    /// `IPSEC_MODE_*` number (linux/ipsec.h) where they have one, else under their Linux name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Transport => "transport",
            Mode::Tunnel => "tunnel",
            Mode::Beet => "3",
            Mode::RouteOptimization => "ro",
            Mode::InTrigger => "in_trigger",
            Mode::IpTfs => "iptfs",
        }
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
