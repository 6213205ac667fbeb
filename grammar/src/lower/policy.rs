use model::{
    Action, Endpoints, Level, Lifetimes, Names, Operation, Policy, PolicyId, Priority, ReqId,
    Request, RequestMode, SocketAction, SocketPolicy, names::LookUp,
};

use super::{Lowered, Lowering, options::set_limit};
use crate::{
    error::{Error, Kind},
    parse::source::Source,
    tree::{self, Base, Ends, Mode, Node, Offset, Selection, Selector, Span},
};

/// How far an offset may lead below and above a named priority (libpfkey.h).
const MOST_EARLIER: u64 = 1 << 30;
const MOST_LATER: u64 = (1 << 30) - 1;

impl Lowering<'_> {
    pub(super) fn add_policy(
        &self,
        what: &Selection,
        node: &Node<tree::Policy>,
        operation: impl Fn(Box<Policy>) -> Operation,
    ) -> Result<Lowered, Error> {
        let (ids, lifetimes, warnings, (priority, action)) = match what {
            Selection::Packets(selector) => {
                let upper = self.upper(&selector.upper)?;
                let text = self.policy_text(node)?;
                let id = self.policy_id(selector, upper, &node.value)?;
                let warnings = self.port_warning(selector, upper);
                (vec![id], limits(selector), warnings.into_iter().collect(), text)
            }
            Selection::Tagged(tag) => {
                let text = self.policy_text(node)?;
                let ids = self.tagged(tag, &node.value)?;
                (ids.into(), Lifetimes::default(), Vec::new(), text)
            }
        };
        let policy = |id: Result<PolicyId, model::Error>| {
            let (id, action) = (id?, action.clone()?);
            let policy = Policy { id, priority, action, lifetimes };
            policy.check()?;
            Ok(operation(Box::new(policy)))
        };
        let operations = ids.into_iter().map(policy).collect();
        Ok(Lowered { operations, warnings })
    }

    pub(super) fn delete_policy(
        &self,
        selector: &Selector,
        node: &Node<tree::Policy>,
    ) -> Result<Result<Operation, model::Error>, Error> {
        let upper = self.upper(&selector.upper)?;
        // Its errors count; what it asks for does not.
        let _ = self.policy_text(node)?;
        Ok(self.policy_id(selector, upper, &node.value)?.map(Operation::DeletePolicy))
    }

    fn policy_text(&self, node: &Node<tree::Policy>) -> Result<Text, Error> {
        PolicyText { lowering: self, policy: &node.value, span: node.span }.lower()
    }
}

/// The policy of a socket: a text as it stands after `-P`, with the actions that only sockets have.
pub(crate) fn of_socket(
    source: &Source,
    names: &dyn Names,
    policy: &tree::Policy,
    span: Span,
) -> Result<SocketPolicy, Error> {
    let lowering = &Lowering { source, names };
    PolicyText { lowering, policy, span }.lower_of_socket()
}

/// The priority and the action, or why AF_KEY refuses the action.
type Text = (Priority, Result<Action, model::Error>);

fn limits(selector: &Selector) -> Lifetimes {
    let mut lifetimes = Lifetimes::default();
    selector.extensions.iter().for_each(|limit| set_limit(&limit.value, &mut lifetimes));
    lifetimes
}

/// What stands after `-P`: the rules of ipsec_set_policy(3), whose errors name the whole text.
struct PolicyText<'a> {
    lowering: &'a Lowering<'a>,
    policy: &'a tree::Policy,
    span: Span,
}

impl PolicyText<'_> {
    fn lower(&self) -> Result<Text, Error> {
        // Without an action the original asks for what spddelete does not look at.
        let Some(action) = &self.policy.action else {
            return Ok((Priority(0), Ok(Action::Discard)));
        };
        let (priority, requests) = self.parts(action.value)?;
        let action = match action.value {
            tree::Action::Discard => Ok(Action::Discard),
            tree::Action::None => Ok(Action::None),
            tree::Action::Ipsec => Ok(Action::Ipsec(requests)),
            tree::Action::Bypass => Err(model::Error::SocketActionInSpd("bypass")),
            tree::Action::Entrust => Err(model::Error::SocketActionInSpd("entrust")),
        };
        Ok((priority, action))
    }

    fn lower_of_socket(&self) -> Result<SocketPolicy, Error> {
        // AF_KEY would take a direction alone for `discard`, which nobody means.
        let Some(action) = &self.policy.action else {
            let end = Span { start: self.span.end, end: self.span.end };
            return Err(self.error(Kind::NoAction, end));
        };
        let (priority, requests) = self.parts(action.value)?;
        let action = match action.value {
            tree::Action::Discard => SocketAction::Discard,
            tree::Action::None | tree::Action::Bypass => SocketAction::Bypass,
            tree::Action::Entrust => SocketAction::Entrust,
            tree::Action::Ipsec => SocketAction::Ipsec(requests),
        };
        SocketPolicy::new(self.policy.direction.value, priority, action)
            .map_err(|refusal| self.error(Kind::Refused(refusal), self.span))
    }

    /// What stands beside the action.
    fn parts(&self, action: tree::Action) -> Result<(Priority, Vec<Request>), Error> {
        Ok((self.priority()?, self.requests(action == tree::Action::Ipsec)?))
    }

    fn priority(&self) -> Result<Priority, Error> {
        let Some(Node { value: priority, span }) = &self.policy.priority else {
            return Ok(Priority::DEFAULT);
        };
        let base = match priority.base {
            Some(Base::Low) => Priority::LOW,
            Some(Base::Def) | None => Priority::DEFAULT,
            Some(Base::High) => Priority::HIGH,
        };
        let Some(Offset { later, by }) = priority.offset else { return Ok(base) };
        let most = if later { MOST_LATER } else { MOST_EARLIER };
        if priority.base.is_some() && by > most {
            return Err(self.error(Kind::PriorityOffset, *span));
        }
        let by = super::cut(by);
        let number = if later { base.0.wrapping_add(by) } else { base.0.wrapping_sub(by) };
        Ok(Priority(number))
    }

    /// The requests; with another action than `ipsec` they are only looked at.
    fn requests(&self, is_ipsec: bool) -> Result<Vec<Request>, Error> {
        let mut requests = Vec::with_capacity(self.policy.requests.len());
        for Node { value: request, span } in &self.policy.requests {
            let endpoints = request.ends.as_ref().map(|ends| self.endpoints(ends)).transpose()?;
            let mode = match (request.mode, endpoints.flatten()) {
                _ if !is_ipsec => continue,
                (_, Some(Err(_))) => {
                    let ends = request.ends.as_ref().map_or(*span, |ends| ends.span);
                    return Err(self.error(Kind::EndpointFamilies, ends));
                }
                (Mode::Transport, _) => RequestMode::Transport,
                (Mode::Tunnel, Some(Ok(endpoints))) => RequestMode::Tunnel(endpoints),
                (Mode::Beet, Some(Ok(endpoints))) => RequestMode::Beet(endpoints),
                (Mode::Tunnel | Mode::Beet, None) => {
                    return Err(self.error(Kind::NoEndpoints, *span));
                }
            };
            requests.push(Request { proto: request.proto, mode, level: level(request.level) });
        }
        Ok(requests)
    }

    /// The endpoints, their ports dropped as AF_KEY does; none of `me-any` and `any-me`.
    fn endpoints(
        &self,
        ends: &Node<Ends>,
    ) -> Result<Option<Result<Endpoints, model::Error>>, Error> {
        match (&ends.value, self.policy.direction.value) {
            (Ends::Addresses(src, dst), _) => {
                let (src, dst) = (self.address(&src.address)?, self.address(&dst.address)?);
                Ok(Some(Endpoints::new(src, dst)))
            }
            (Ends::MeAny, model::Direction::Out) | (Ends::AnyMe, model::Direction::In) => Ok(None),
            _ => Err(self.error(Kind::Direction, ends.span)),
        }
    }

    fn address(&self, address: &Node<String>) -> Result<std::net::IpAddr, Error> {
        let numeric = LookUp { family: None, numeric: true };
        let found = self.lowering.names.addresses(&address.value, numeric);
        let found = found.map_err(|error| error.0).and_then(|found| {
            found.first().copied().ok_or_else(|| String::from("Name or service not known"))
        });
        found.map_err(|reason| {
            self.error(Kind::Endpoint { word: address.value.clone(), reason }, address.span)
        })
    }

    fn error(&self, kind: Kind, wrong: Span) -> Error {
        Error::new(kind, self.lowering.source, wrong, self.span)
    }
}

fn level(level: Option<tree::Level>) -> Level {
    match level {
        None | Some(tree::Level::Default) => Level::Default,
        Some(tree::Level::Use) => Level::Use,
        Some(tree::Level::Require) => Level::Require,
        Some(tree::Level::Unique(number)) => Level::Unique(
            number
                .map(|number| ReqId(super::cut(number)))
                .filter(|&reqid| reqid != ReqId(0) && reqid <= ReqId::MANUAL_MAX),
        ),
    }
}
