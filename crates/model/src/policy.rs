use std::num::NonZeroU32;

use crate::{
    Action, Attribute, Current, DeviceName, Direction, Error, Installation, Level, Lifetimes, Mark,
    Mode, PolicyFlags, PolicyType, Prefix, Priority, SecCtx, Selector, Template, ZeroLimits,
    depth::MAX_DEPTH,
};

/// What names a policy: the kernel compares nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyId {
    /// Its selector.
    pub selector: Selector,
    /// Its direction.
    pub direction: Direction,
    /// Its security context.
    pub sec_ctx: Option<SecCtx>,
    /// The mark of the packets it sees.
    pub mark: Mark,
    /// The number of the xfrm interface it belongs to.
    pub if_id: Option<NonZeroU32>,
    /// Which SPD it is in.
    pub policy_type: PolicyType,
}

impl PolicyId {
    /// The name of a policy with nothing but selector and direction.
    #[must_use]
    pub fn new(selector: Selector, direction: Direction) -> Self {
        Self {
            selector,
            direction,
            sec_ctx: None,
            mark: Mark::default(),
            if_id: None,
            policy_type: PolicyType::Main,
        }
    }
}

/// A security policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What names it.
    pub id: PolicyId,
    /// Its place in the SPD.
    pub priority: Priority,
    /// What it does.
    pub action: Action,
    /// Limits.
    pub lifetimes: Lifetimes,
    /// Limits that are not set and that the kernel has as 0.
    pub zero_limits: ZeroLimits,
    /// Flags.
    pub flags: PolicyFlags,
    /// The device that does the work (`XFRMA_OFFLOAD_DEV`, Linux 6.2): always that of whole packets.
    pub offload: Option<DeviceName>,
    /// The templates of a policy that drops its packets: the kernel keeps them and does not use them.
    pub unused_templates: Vec<Template>,
    /// Attributes that have no field.
    pub unknown: Vec<Attribute>,
}

impl Policy {
    /// A policy of the default priority, without limits and flags.
    #[must_use]
    pub fn new(id: PolicyId, action: Action) -> Self {
        Self {
            id,
            priority: Priority::DEFAULT,
            action,
            lifetimes: Lifetimes::default(),
            zero_limits: ZeroLimits::default(),
            flags: PolicyFlags::default(),
            offload: None,
            unused_templates: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// How [`Policy::unused_templates`] are installed.
    #[must_use]
    pub fn unused_installation(&self) -> Installation {
        Installation::of(&self.unused_templates, |template| template.level == Level::Use)
    }

    /// Whether it is for packets that arrive by a tunnel for others than this host.
    #[must_use]
    pub fn is_of_gateway(&self) -> bool {
        self.id.direction == Direction::In
            && !self.id.selector.dst().is_host()
            && self.action.templates().iter().any(|it| it.mode.mode() == Mode::Tunnel)
    }

    /// Whether it can be installed: the rules of `parse_ipsecrequests` (net/key/af_key.c), but that
    /// an outbound tunnel may say `use`.
    pub fn check(&self) -> Result<(), Error> {
        let is_outbound = self.id.direction == Direction::Out;
        in_order(self.action.templates(), |template| match template.mode.mode() {
            _ if !is_outbound || template.level != Level::Use => Ok(()),
            Mode::Beet => Err(Error::OptionalOutboundBeet),
            Mode::IpTfs => Err(Error::OptionalOutboundIpTfs),
            Mode::Transport | Mode::Tunnel | Mode::RouteOptimization | Mode::InTrigger => Ok(()),
        })
    }
}

/// Checks the templates one after the other, as `parse_ipsecrequests` does, so that the first which
/// is refused decides: one by itself, or the one that is too many.
pub(crate) fn in_order(
    templates: &[Template],
    check: impl Fn(&Template) -> Result<(), Error>,
) -> Result<(), Error> {
    templates.iter().take(MAX_DEPTH).try_for_each(check)?;
    if templates.len() > MAX_DEPTH {
        return Err(Error::TooManyTemplates(templates.len()));
    }
    Ok(())
}

/// What a look-up compares of a policy, and what orders it among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyHead {
    /// Its name.
    pub id: PolicyId,
    /// Its place in the SPD.
    pub priority: Priority,
    /// The kernel's index.
    pub index: u32,
    /// Its flags.
    pub flags: PolicyFlags,
}

impl PolicyHead {
    /// That of an entry.
    #[must_use]
    pub fn of(entry: &PolicyEntry) -> Self {
        let Policy { id, priority, flags, .. } = &entry.policy;
        Self { id: id.clone(), priority: *priority, index: entry.index, flags: *flags }
    }
}

/// The addresses of a policy, which cost less to read than all that a look-up compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyAddresses {
    /// The sources of its packets.
    pub src: Prefix,
    /// Their destinations.
    pub dst: Prefix,
    /// The direction.
    pub direction: Direction,
}

/// Which policies of an SPD are read whole. Each is asked about once, newest first.
pub trait PolicyFilter {
    /// Whether a policy is passed over for its addresses alone. Not every policy is asked about so.
    fn passes_over(&mut self, _: &PolicyAddresses) -> bool {
        false
    }

    /// Whether a policy that was not passed over is wanted.
    fn takes(&mut self, head: &PolicyHead) -> bool;
}

/// All policies.
#[derive(Debug, Clone, Copy)]
pub struct EveryPolicy;

impl PolicyFilter for EveryPolicy {
    fn takes(&mut self, _: &PolicyHead) -> bool {
        true
    }
}

/// A policy as it stands in the SPD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// The policy, with the templates that the kernel holds.
    pub policy: Policy,
    /// How the kernel holds them.
    pub installation: Installation,
    /// The kernel's index (`spid`): its low three bits are the direction.
    pub index: u32,
    /// Whether it is a socket's own policy.
    pub socket: bool,
    /// What it has seen.
    pub current: Current,
}

impl PolicyEntry {
    /// A policy that the kernel does not have yet.
    #[must_use]
    pub fn requested(policy: Policy) -> Self {
        let (installation, current) = (Installation::default(), Current::default());
        Self { policy, installation, index: 0, socket: false, current }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressPair, Prefix, Proto, TemplateMode};

    fn policy(direction: Direction, templates: Vec<Template>) -> Policy {
        let any = Prefix::new([0, 0, 0, 0].into(), Some(0)).unwrap();
        let selector = Selector::new(any, any).unwrap();
        Policy::new(PolicyId::new(selector, direction), Action::Ipsec(templates))
    }

    #[test]
    fn af_key_takes_six_templates() {
        let template = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        assert_eq!(policy(Direction::Out, vec![template; 6]).check(), Ok(()));
        let error = policy(Direction::Out, vec![template; 7]).check().unwrap_err();
        assert_eq!(error.errno(), rustix::io::Errno::LOOP);
    }

    #[test]
    fn the_first_template_that_is_refused_decides() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        let beet = Template { mode: TemplateMode::Beet(ends), level: Level::Use, ..esp };
        for (place, expected) in [(5, Error::OptionalOutboundBeet), (6, Error::TooManyTemplates(7))]
        {
            let mut templates = vec![esp; 7];
            templates[place] = beet;
            assert_eq!(policy(Direction::Out, templates).check(), Err(expected));
        }
    }

    #[test]
    fn an_outbound_beet_or_iptfs_template_is_not_optional() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let template = Template::new(Proto::Esp, TemplateMode::Beet(ends), Level::Use);
        assert!(policy(Direction::Out, vec![template]).check().is_err());
        assert!(policy(Direction::In, vec![template]).check().is_ok());
        let template = Template { mode: TemplateMode::Tunnel(ends), ..template };
        assert!(policy(Direction::Out, vec![template]).check().is_ok());
        let template = Template { mode: TemplateMode::Other(Mode::IpTfs, Some(ends)), ..template };
        let expected = Err(Error::OptionalOutboundIpTfs);
        assert_eq!(policy(Direction::Out, vec![template]).check(), expected);
        assert!(policy(Direction::Fwd, vec![template]).check().is_ok());
    }
}
