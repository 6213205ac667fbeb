//! Options of an SA that the kernel lacks. They are refused before the SA is there without them.

use model::{Mode, Sa, ScriptOption};
use xfrm::OptionalAttribute;

use crate::{Engine, Error, Refusal};

impl Engine {
    /// Refuses an SA with an option that the kernel would ignore.
    pub(super) fn refuses_lacking(&mut self, line: usize, sa: &Sa) -> Result<bool, Error> {
        let mut lacking = Vec::new();
        for (attribute, option) in options(sa) {
            if self.lacks(attribute)? {
                lacking.push(format!("{option} ({})", attribute.since()));
            }
        }
        let refuses = !lacking.is_empty();
        if refuses {
            self.pending.refuse(line, Refusal::Lacking(lacking));
        }
        Ok(refuses)
    }

    fn lacks(&mut self, attribute: OptionalAttribute) -> Result<bool, Error> {
        if let Some((_, lacks)) = self.probed.iter().find(|(probed, _)| *probed == attribute) {
            return Ok(*lacks);
        }
        let lacks = self.host.kernel.lacks(attribute)?;
        self.probed.push((attribute, lacks));
        Ok(lacks)
    }
}

/// The optional attributes of an SA, each with the option that is for it.
fn options(sa: &Sa) -> impl Iterator<Item = (OptionalAttribute, &'static str)> {
    OptionalAttribute::ALL.into_iter().filter_map(|attribute| {
        let option = |is_given: bool, option: ScriptOption| is_given.then(|| option.word());
        let option = match attribute {
            OptionalAttribute::MappingInterval => {
                option(sa.mapping_interval.is_some(), ScriptOption::MappingInterval)
            }
            OptionalAttribute::Direction => option(sa.direction.is_some(), ScriptOption::Direction),
            OptionalAttribute::KeepAlive => {
                option(sa.nat_keepalive.is_some(), ScriptOption::KeepAlive)
            }
            OptionalAttribute::Cpu => option(sa.cpu.is_some(), ScriptOption::Cpu),
            OptionalAttribute::IpTfs if sa.iptfs.is_empty() => {
                (sa.mode.installed() == Mode::IpTfs).then_some("-m iptfs")
            }
            OptionalAttribute::IpTfs => Some(ScriptOption::IpTfs.word()),
        };
        Some((attribute, option?))
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use model::{AddressPair, IpTfs, Proto, SaDirection, SaMode, Spi};

    use super::*;

    #[test]
    fn each_option_has_its_attribute() {
        let bare = || Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(256));
        let given = |sa: &Sa| options(sa).map(|(_, option)| option).collect::<Vec<_>>();
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
        assert_eq!(given(&Sa { mode: SaMode::Of(Mode::IpTfs), ..bare() }), ["-m iptfs"]);
    }
}
