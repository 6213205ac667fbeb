//! The flags that an SA is given as it is added ([`crate::Engine::submit`]), besides those of its statement.

use model::{PolicyEntry, Sa, SaFlags, Variables};

use super::outer_header;
use crate::{Error, policy::tunnels::Tunnels, state::host::Host};

/// What decides about the flags of new SAs: the tunnels of policies, and the host's variables.
#[derive(Debug, Clone, Default)]
pub struct GivenFlags {
    tunnels: Tunnels,
    variables: Variables,
}

impl GivenFlags {
    /// For SAs that are added again beside the policies of this thread's network namespace.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`].
    pub fn of_host() -> Result<Self, Error> {
        let mut host = Host::open()?;
        let mut given = Self { variables: host.variables_or_kernels()?, ..Self::default() };
        host.read_spd(|requested| given.note(&requested.0))?;
        Ok(given)
    }

    /// For SAs that are added with these policies, on a host whose variables are not set.
    pub fn of_policies<'e>(policies: impl Iterator<Item = &'e PolicyEntry>) -> Self {
        let mut given = Self::default();
        policies.for_each(|entry| given.note(entry));
        given
    }

    fn note(&mut self, entry: &PolicyEntry) {
        self.tunnels.note(&entry.policy);
    }

    /// The flags that an SA would be given and does not have.
    #[must_use]
    pub fn to(&self, sa: &Sa) -> SaFlags {
        let mut fitted = sa.clone();
        self.tunnels.widen(&mut fitted);
        outer_header::choose(&self.variables, &mut fitted);
        fitted.flags.without(sa.flags)
    }
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Installation, IpVersion, Level, Mode, Policy,
        PolicyId, Prefix, Proto, Selector, Spi, Template, TemplateMode,
    };

    use super::*;

    #[test]
    fn a_policy_of_the_other_ip_version_gives_a_flag() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let template = Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Require);
        let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) };
        let given = |version, sa: &Sa| {
            let selector = Selector::within(Prefix::everything(version));
            let id = PolicyId::new(selector, Direction::Out);
            let policy = Policy::new(id, Action::Ipsec(vec![template]));
            let installation = Installation::plain(&policy);
            let current = Current::default();
            let entry = PolicyEntry { policy, installation, index: 8, socket: false, current };
            GivenFlags::of_policies([entry].iter()).to(sa)
        };
        assert_eq!(given(IpVersion::V6, &sa), SaFlags::ANY_FAMILY);
        assert_eq!(given(IpVersion::V4, &sa), SaFlags::default());
        let flagged = Sa { flags: SaFlags::ANY_FAMILY, ..sa.clone() };
        assert_eq!(given(IpVersion::V6, &flagged), SaFlags::default());
        let transport = Sa { mode: Mode::Transport.into(), ..sa };
        assert_eq!(given(IpVersion::V6, &transport), SaFlags::default());
    }
}
