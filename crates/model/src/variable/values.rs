use std::collections::BTreeMap;

use super::{DeflevMode, DeflevProto, Meaning, Setting, VARIABLES};
use crate::{IpVersion, Level, Mode, Policy, Proto, Spi, Template};

/// The values of a host's variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variables {
    /// Those that were set.
    set: BTreeMap<Meaning, i32>,
}

/// What a `default` level comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deflev {
    /// 1.
    Use,
    /// 2.
    Require,
}

/// The DF bit of a tunnel's outer IPv4 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DfBit {
    /// 0: never set.
    Clear,
    /// 1: always set.
    Set,
    /// 2: as in the inner header.
    Copy,
}

impl Variables {
    /// Sets one.
    pub fn set(&mut self, setting: Setting) {
        self.set.insert(setting.variable().meaning, setting.value());
    }

    /// Has packets of this version dropped that no policy matches.
    pub fn discard_by_default(&mut self, version: IpVersion) {
        self.set.insert(Meaning::DefaultPolicy(version), 0);
    }

    /// Those that were set, in no order that matters.
    pub fn set_values(&self) -> impl Iterator<Item = (Meaning, i32)> + '_ {
        self.set.iter().map(|(meaning, value)| (*meaning, *value))
    }

    /// The value of one.
    #[must_use]
    pub fn value(&self, meaning: Meaning) -> i32 {
        let initial = || {
            let row = VARIABLES.iter().find(|variable| variable.meaning == meaning);
            row.map_or(0, |variable| variable.initial)
        };
        self.set.get(&meaning).copied().unwrap_or_else(initial)
    }

    /// What `default` comes to in a policy of this version (`ipsec_get_reqlevel`,
    /// sys/netipsec/ipsec.c): always `use` for IPComp.
    #[must_use]
    pub fn deflev(&self, version: IpVersion, proto: Proto, mode: Mode) -> Deflev {
        let Some(proto) = DeflevProto::of(proto) else { return Deflev::Use };
        let mode = if mode == Mode::Tunnel { DeflevMode::Net } else { DeflevMode::Trans };
        match self.value(Meaning::Deflev(version, proto, mode)) {
            1 => Deflev::Use,
            _ => Deflev::Require,
        }
    }

    /// Whether packets may pass without an SA for this template of a policy.
    #[must_use]
    pub fn is_optional(&self, policy: &Policy, template: &Template) -> bool {
        let version = policy.id.selector.version();
        match template.level {
            Level::Default => {
                self.deflev(version, template.proto, template.mode.mode()) == Deflev::Use
            }
            Level::Use => true,
            Level::Require | Level::Unique(_) => false,
        }
    }

    /// Whether packets that no policy matches are dropped.
    #[must_use]
    pub fn discards_by_default(&self, version: IpVersion) -> bool {
        self.value(Meaning::DefaultPolicy(version)) == 0
    }

    /// The DF bit of outer IPv4 headers.
    #[must_use]
    pub fn df_bit(&self) -> DfBit {
        match self.value(Meaning::DfBit) {
            0 => DfBit::Clear,
            1 => DfBit::Set,
            _ => DfBit::Copy,
        }
    }

    /// Whether tunnels with an outer header of this version carry ECN bits.
    #[must_use]
    pub fn carries_ecn(&self, outer: IpVersion) -> bool {
        self.value(Meaning::Ecn(outer)) != 0
    }

    /// How much the daemon logs.
    #[must_use]
    pub fn debug(&self) -> i32 {
        self.value(Meaning::Debug)
    }

    /// The SPIs to choose from where none is asked for, both ends included.
    #[must_use]
    pub fn spi_range(&self) -> (Spi, Spi) {
        let spi = |meaning| Spi(self.value(meaning).cast_unsigned());
        (spi(Meaning::SpiMin), spi(Meaning::SpiMax))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variable::Variable;

    #[test]
    fn default_is_require_initially() {
        let mut variables = Variables::default();
        let level = |variables: &Variables, version, proto, mode| {
            variables.deflev(version, proto, mode) == Deflev::Use
        };
        assert!(!level(&variables, IpVersion::V4, Proto::Esp, Mode::Transport));
        assert!(level(&variables, IpVersion::V4, Proto::IpComp, Mode::Tunnel));
        let name = "net.inet6.ipsec6.ah_net_deflev";
        variables.set(Variable::of_name(name).unwrap().set(1).unwrap());
        assert!(level(&variables, IpVersion::V6, Proto::Ah, Mode::Tunnel));
        for (version, proto, mode) in [
            (IpVersion::V4, Proto::Ah, Mode::Tunnel),
            (IpVersion::V6, Proto::Esp, Mode::Tunnel),
            (IpVersion::V6, Proto::Ah, Mode::Transport),
            (IpVersion::V6, Proto::Ah, Mode::Beet),
        ] {
            assert!(!level(&variables, version, proto, mode));
        }
    }

    #[test]
    fn two_names_may_mean_one_variable() {
        let mut variables = Variables::default();
        variables.set(Variable::of_name("net.inet6.ipsec6.debug").unwrap().set(2).unwrap());
        assert_eq!(variables.debug(), 2);
    }
}
