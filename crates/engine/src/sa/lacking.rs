//! Options of an SA that the kernel lacks. They are refused before the SA is there without them.

use std::fmt;

use model::{Mode, Sa, ScriptOption};
use xfrm::OptionalAttribute;

use crate::{Engine, Error, Refusal};

/// An option of an SA that not every kernel since 5.10 has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentOption {
    attribute: OptionalAttribute,
    /// As scripts have it.
    pub words: &'static str,
}

impl RecentOption {
    /// All, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |attribute| Self { attribute, words: option_of(attribute).word() };
        OptionalAttribute::ALL.into_iter().map(of)
    }

    /// Those that an SA has.
    pub fn of(sa: &Sa) -> impl Iterator<Item = Self> {
        OptionalAttribute::ALL.into_iter().filter_map(|attribute| {
            let is_given = match attribute {
                OptionalAttribute::MappingInterval => sa.mapping_interval.is_some(),
                OptionalAttribute::Direction => sa.direction.is_some(),
                OptionalAttribute::KeepAlive => sa.nat_keepalive.is_some(),
                OptionalAttribute::Cpu => sa.cpu.is_some(),
                OptionalAttribute::IpTfs if sa.iptfs.is_empty() => {
                    let is_mode = sa.mode.installed() == Mode::IpTfs;
                    return is_mode.then_some(Self { attribute, words: "-m iptfs" });
                }
                OptionalAttribute::IpTfs => true,
            };
            is_given.then(|| Self { attribute, words: option_of(attribute).word() })
        })
    }

    /// The first release of Linux that has it.
    #[must_use]
    pub fn since(self) -> (u32, u32) {
        self.attribute.since()
    }
}

impl fmt::Display for RecentOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.since();
        write!(f, "{} (Linux {major}.{minor})", self.words)
    }
}

fn option_of(attribute: OptionalAttribute) -> ScriptOption {
    match attribute {
        OptionalAttribute::MappingInterval => ScriptOption::MappingInterval,
        OptionalAttribute::Direction => ScriptOption::Direction,
        OptionalAttribute::KeepAlive => ScriptOption::KeepAlive,
        OptionalAttribute::Cpu => ScriptOption::Cpu,
        OptionalAttribute::IpTfs => ScriptOption::IpTfs,
    }
}

impl Engine {
    /// Refuses an SA with an option that the kernel would ignore.
    pub(super) fn refuses_lacking(&mut self, line: usize, sa: &Sa) -> Result<bool, Error> {
        let mut lacking = Vec::new();
        for option in RecentOption::of(sa) {
            if self.lacks(option)? {
                lacking.push(option.to_string());
            }
        }
        let refuses = !lacking.is_empty();
        if refuses {
            self.pending.refuse(line, Refusal::Lacking(lacking));
        }
        Ok(refuses)
    }

    /// Whether the kernel lacks an option. It is asked without a change, and once; without CAP_NET_ADMIN it
    /// seems to have every option.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn lacks(&mut self, option: RecentOption) -> Result<bool, Error> {
        let attribute = option.attribute;
        if let Some((_, lacks)) = self.probed.iter().find(|(probed, _)| *probed == attribute) {
            return Ok(*lacks);
        }
        let lacks = self.host.kernel.lacks(attribute)?;
        self.probed.push((attribute, lacks));
        Ok(lacks)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use model::{AddressPair, IpTfs, Proto, SaDirection, SaMode, Spi};

    use super::*;

    #[test]
    fn each_option_has_its_attribute() {
        let bare = || Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(256));
        let given = |sa: &Sa| RecentOption::of(sa).map(|it| it.words).collect::<Vec<_>>();
        assert_eq!(given(&bare()), [""; 0]);
        let all = Sa {
            direction: Some(SaDirection::In),
            nat_keepalive: NonZeroU32::new(20),
            cpu: Some(0),
            mapping_interval: NonZeroU32::new(3),
            iptfs: IpTfs { dont_fragment: true, ..IpTfs::default() },
            ..bare()
        };
        assert_eq!(given(&all), ["-mtimer", "-dir", "-keepalive", "-pcpu", "-iptfs"]);
        assert!(RecentOption::of(&all).eq(RecentOption::all()));
        assert_eq!(RecentOption::all().next().unwrap().to_string(), "-mtimer (Linux 5.17)");
        assert_eq!(given(&Sa { mode: SaMode::Of(Mode::IpTfs), ..bare() }), ["-m iptfs"]);
    }
}
