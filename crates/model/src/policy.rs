use crate::{
    AddressPair, Current, Error, Form, Lifetimes, Mark, Priority, Proto, SecCtx, Selector,
    mode::Mode,
};

/// The most requests in one policy (`XFRM_MAX_DEPTH`).
pub(crate) const MAX_REQUESTS: usize = 6;

/// Which packets a policy sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// For this host.
    In,
    /// From this host, or through it.
    Out,
    /// Through this host, before they leave: Linux only.
    Fwd,
}

impl Direction {
    /// The word in scripts and dumps.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Fwd => "fwd",
        }
    }

    /// The `XFRM_POLICY_*` number: in 0, out 1, fwd 2.
    #[must_use]
    pub fn xfrm(self) -> u8 {
        self as u8
    }

    /// The direction of an `XFRM_POLICY_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        [Direction::In, Direction::Out, Direction::Fwd].get(usize::from(number)).copied()
    }
}

/// Ties a request to the SAs with the same number (`-u`); 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReqId(pub u32);

impl ReqId {
    /// The largest that a script may choose (`IPSEC_MANUAL_REQID_MAX`, linux/ipsec.h).
    pub const MANUAL_MAX: ReqId = ReqId(0x3fff);
}

/// How strict a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// As the host's variable says.
    Default,
    /// With an SA if there is one, in clear otherwise.
    Use,
    /// Never without an SA.
    Require,
    /// Never without an SA of this number; without one the engine picks a free number.
    Unique(Option<ReqId>),
}

impl Level {
    /// The word in scripts and dumps, without the number.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Default => "default",
            Level::Use => "use",
            Level::Require => "require",
            Level::Unique(_) => "unique",
        }
    }

    /// The number that SAs must have; 0: any will do.
    #[must_use]
    pub fn reqid(self) -> ReqId {
        match self {
            Level::Unique(Some(reqid)) => reqid,
            Level::Default | Level::Use | Level::Require | Level::Unique(None) => ReqId(0),
        }
    }
}

/// The ends of a tunnel.
pub type Endpoints = AddressPair;

/// How a request encapsulates, with the endpoints where the mode has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestMode {
    /// Between the packet's own addresses.
    Transport,
    /// Between these.
    Tunnel(Endpoints),
    /// Bound end-to-end tunnel between these.
    Beet(Endpoints),
    /// A mode that only `ip xfrm` or a daemon sets, by its kernel number.
    Other(Mode, Option<Endpoints>),
}

impl RequestMode {
    /// The kernel's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self {
            RequestMode::Transport => Mode::Transport,
            RequestMode::Tunnel(_) => Mode::Tunnel,
            RequestMode::Beet(_) => Mode::Beet,
            RequestMode::Other(mode, _) => *mode,
        }
    }

    /// The endpoints, where it has its own.
    #[must_use]
    pub fn endpoints(&self) -> Option<Endpoints> {
        match *self {
            RequestMode::Transport => None,
            RequestMode::Tunnel(endpoints) | RequestMode::Beet(endpoints) => Some(endpoints),
            RequestMode::Other(_, endpoints) => endpoints,
        }
    }
}

/// One transform of a policy: `esp/tunnel/A-B/require`. In the kernel a template
/// (`xfrm_user_tmpl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its protocol.
    pub proto: Proto,
    /// Its mode and endpoints.
    pub mode: RequestMode,
    /// How strict.
    pub level: Level,
}

/// What a policy does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Drops it.
    Discard,
    /// Lets it pass in clear.
    None,
    /// Transforms it, first request innermost. Without requests it is `None`, and dumped so.
    Ipsec(Vec<Request>),
}

impl Action {
    /// The requests; empty for `Discard` and `None`.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        match self {
            Action::Ipsec(requests) => requests,
            Action::Discard | Action::None => &[],
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn requests_mut(&mut self) -> &mut [Request] {
        match self {
            Action::Ipsec(requests) => requests,
            Action::Discard | Action::None => &mut [],
        }
    }

    /// The word in scripts and dumps.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::Discard => "discard",
            Action::None => "none",
            Action::Ipsec(requests) if requests.is_empty() => "none",
            Action::Ipsec(_) => "ipsec",
        }
    }
}

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
    /// The number of the xfrm interface it belongs to; 0: none.
    pub if_id: u32,
}

impl PolicyId {
    /// The name of a policy with nothing but selector and direction.
    #[must_use]
    pub fn new(selector: Selector, direction: Direction) -> Self {
        Self { selector, direction, sec_ctx: None, mark: Mark::default(), if_id: 0 }
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
}

impl Policy {
    /// Whether it can be installed: the rules of `parse_ipsecrequests` (net/key/af_key.c), but that
    /// an outbound tunnel may say `use`.
    pub fn check(&self) -> Result<(), Error> {
        let is_outbound = self.id.direction == Direction::Out;
        in_order(self.action.requests(), |request| match request.mode {
            RequestMode::Beet(_) if is_outbound && request.level == Level::Use => {
                Err(Error::OptionalOutboundBeet)
            }
            _ => Ok(()),
        })
    }
}

/// Checks the requests one after the other, as `parse_ipsecrequests` does, so that the first which
/// is refused decides: one by itself, or the one that is too many.
pub(crate) fn in_order(
    requests: &[Request],
    check: impl Fn(&Request) -> Result<(), Error>,
) -> Result<(), Error> {
    requests.iter().take(MAX_REQUESTS).try_for_each(check)?;
    if requests.len() > MAX_REQUESTS {
        return Err(Error::TooManyRequests(requests.len()));
    }
    Ok(())
}

/// A policy as it stands in the SPD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// The policy, with the requests that the kernel holds.
    pub policy: Policy,
    /// How the kernel holds them.
    pub form: Form,
    /// The kernel's index (`spid`): its low three bits are the direction.
    pub index: u32,
    /// Whether it is a socket's own policy.
    pub socket: bool,
    /// What it has seen.
    pub current: Current,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prefix;

    fn policy(direction: Direction, requests: Vec<Request>) -> Policy {
        let any = Prefix::new([0, 0, 0, 0].into(), Some(0)).unwrap();
        let selector = Selector::new(any, any).unwrap();
        Policy {
            id: PolicyId::new(selector, direction),
            priority: Priority::DEFAULT,
            action: Action::Ipsec(requests),
            lifetimes: Lifetimes::default(),
        }
    }

    #[test]
    fn af_key_takes_six_requests() {
        let request =
            Request { proto: Proto::Esp, mode: RequestMode::Transport, level: Level::Require };
        assert_eq!(policy(Direction::Out, vec![request; 6]).check(), Ok(()));
        let error = policy(Direction::Out, vec![request; 7]).check().unwrap_err();
        assert_eq!(error.errno(), rustix::io::Errno::LOOP);
    }

    #[test]
    fn the_first_request_that_is_refused_decides() {
        let ends = Endpoints::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let esp =
            Request { proto: Proto::Esp, mode: RequestMode::Transport, level: Level::Require };
        let beet = Request { mode: RequestMode::Beet(ends), level: Level::Use, ..esp };
        for (place, expected) in [(5, Error::OptionalOutboundBeet), (6, Error::TooManyRequests(7))]
        {
            let mut requests = vec![esp; 7];
            requests[place] = beet;
            assert_eq!(policy(Direction::Out, requests).check(), Err(expected));
        }
    }

    #[test]
    fn an_outbound_beet_request_is_not_optional() {
        let ends = Endpoints::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let request =
            Request { proto: Proto::Esp, mode: RequestMode::Beet(ends), level: Level::Use };
        assert!(policy(Direction::Out, vec![request]).check().is_err());
        assert!(policy(Direction::In, vec![request]).check().is_ok());
        let request = Request { mode: RequestMode::Tunnel(ends), ..request };
        assert!(policy(Direction::Out, vec![request]).check().is_ok());
    }
}
