use crate::{
    Action, ActionKind, Direction, Error, IpVersion, Level, Mode, Policy, PolicyId, Prefix,
    Priority, Selector, Template, depth::MAX_DEPTH, policy::in_order,
};

/// What a socket's own policy does with a packet, before the SPD is asked: the actions of
/// `IP_IPSEC_POLICY` (ipsec(4)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketAction {
    /// The SPD is applied, as if the socket had no policy.
    Entrust,
    /// Lets it pass in clear, whatever the SPD is. AF_KEY takes `none` for the same
    /// (`pfkey_compile_policy`, net/key/af_key.c); the BSDs refuse that word on sockets.
    Bypass,
    /// Drops it. The BSDs refuse this on sockets; AF_KEY does not.
    Discard,
    /// Transforms it, first template innermost. Without templates it lets it pass in clear.
    Ipsec(Vec<Template>),
}

impl SocketAction {
    /// The action without its templates.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            SocketAction::Entrust => ActionKind::Entrust,
            SocketAction::Bypass => ActionKind::Bypass,
            SocketAction::Discard => ActionKind::Discard,
            SocketAction::Ipsec(_) => ActionKind::Ipsec,
        }
    }

    /// The word in policy strings.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.kind().word()
    }
}

/// A socket's own policy for one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketPolicy {
    direction: Direction,
    priority: Priority,
    action: SocketAction,
}

impl SocketPolicy {
    /// A policy for packets in or out: a socket has none for what is forwarded. The priority is
    /// kept and shown, and decides nothing.
    ///
    /// Errors: [`Error::SocketDirection`], [`Error::TooManyTemplates`],
    /// [`Error::OptionalOutboundTunnel`].
    pub fn new(
        direction: Direction,
        priority: Priority,
        action: SocketAction,
    ) -> Result<Self, Error> {
        if direction == Direction::Fwd {
            return Err(Error::SocketDirection);
        }
        // One that is not too long is refused when it is set, by the host's variables.
        if let SocketAction::Ipsec(templates) = &action
            && templates.len() > MAX_DEPTH
        {
            let is_outbound = direction == Direction::Out;
            in_order(templates, |template| match (template.level, template.mode.mode()) {
                (_, Mode::Transport) => Ok(()),
                (Level::Use, _) if is_outbound => Err(Error::OptionalOutboundTunnel),
                _ => Ok(()),
            })?;
        }
        Ok(Self { direction, priority, action })
    }

    /// Which packets it is for: `In` or `Out`.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What it does.
    #[must_use]
    pub fn action(&self) -> &SocketAction {
        &self.action
    }

    /// The templates; none with another action than `ipsec`.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        match &self.action {
            SocketAction::Ipsec(templates) => templates,
            _ => &[],
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn templates_mut(&mut self) -> &mut [Template] {
        match &mut self.action {
            SocketAction::Ipsec(templates) => templates,
            _ => &mut [],
        }
    }

    /// What an SPD would hold to the same effect, for the packets of one IP version; `None` for
    /// `entrust`, which is the absence of a policy.
    #[must_use]
    pub fn policy(&self, version: IpVersion) -> Option<Policy> {
        let action = match &self.action {
            SocketAction::Entrust => return None,
            SocketAction::Bypass => Action::None,
            SocketAction::Discard => Action::Discard,
            SocketAction::Ipsec(templates) => Action::Ipsec(templates.clone()),
        };
        let all = Selector::within(Prefix::everything(version));
        Some(Policy {
            priority: self.priority,
            ..Policy::new(PolicyId::new(all, self.direction), action)
        })
    }

    /// The priority.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The policy of a socket that the kernel holds as this one, without its priority: accepted
    /// sockets have copies of their listener's policies that lack it (`clone_policy`,
    /// net/xfrm/xfrm_policy.c).
    #[must_use]
    pub fn of_policy(policy: Policy) -> Self {
        let action = match policy.action {
            Action::None => SocketAction::Bypass,
            Action::Discard => SocketAction::Discard,
            Action::Ipsec(templates) => SocketAction::Ipsec(templates),
        };
        Self { direction: policy.id.direction, priority: Priority::DEFAULT, action }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressPair, Proto, TemplateMode};

    fn new(direction: Direction, action: SocketAction) -> Result<SocketPolicy, Error> {
        SocketPolicy::new(direction, Priority::DEFAULT, action)
    }

    #[test]
    fn a_socket_forwards_nothing() {
        assert_eq!(new(Direction::Fwd, SocketAction::Bypass), Err(Error::SocketDirection));
    }

    #[test]
    fn the_kernel_takes_six_templates() {
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        let many = |count| new(Direction::In, SocketAction::Ipsec(vec![esp; count]));
        assert!(many(6).is_ok());
        assert_eq!(many(7), Err(Error::TooManyTemplates(7)));
        // Those are looked at first, in their order.
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let tunnel = Template { mode: TemplateMode::Tunnel(ends), level: Level::Use, ..esp };
        for (place, direction, expected) in [
            (0, Direction::Out, Error::OptionalOutboundTunnel),
            (5, Direction::Out, Error::OptionalOutboundTunnel),
            (6, Direction::Out, Error::TooManyTemplates(9)),
            (0, Direction::In, Error::TooManyTemplates(9)),
        ] {
            let mut templates = vec![esp; 9];
            templates[place] = tunnel;
            assert_eq!(new(direction, SocketAction::Ipsec(templates)), Err(expected), "{place}");
        }
    }

    #[test]
    fn what_is_installed_leads_back() {
        for action in [SocketAction::Bypass, SocketAction::Discard, SocketAction::Ipsec(vec![])] {
            let policy = new(Direction::Out, action).unwrap();
            let installed = policy.policy(IpVersion::V6).unwrap();
            assert_eq!(installed.id.selector.version(), IpVersion::V6);
            assert_eq!(SocketPolicy::of_policy(installed), policy);
        }
        assert_eq!(new(Direction::In, SocketAction::Entrust).unwrap().policy(IpVersion::V4), None);
    }
}
