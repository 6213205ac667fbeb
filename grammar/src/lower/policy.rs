use std::net::IpAddr;

use model::{
    Action, ActionKind, AddressPair, Level, Lifetimes, Names, Operation, Policy, PolicyId,
    Priority, PriorityBase, ReqId, SocketAction, SocketPolicy, Template, TemplateMode,
    names::LookUp,
};

use super::{Lowered, Lowering, range::NumberRange};
use crate::{
    error::{Error, Kind},
    parse::source::Source,
    tree::{self, Endpoint, Ends, Mode, Node, Offset, Selection, Selector, Span},
};

const UNIQUE: NumberRange =
    NumberRange { original: Some("Invalid ipsec level"), ..NumberRange::of_bits("unique", 32) };

impl Lowering<'_> {
    pub(super) fn add_policy(
        &self,
        what: &Selection,
        node: &Node<tree::Policy>,
        operation: impl Fn(Box<Policy>) -> Operation,
    ) -> Result<Lowered, Error> {
        match what {
            Selection::Packets(selector) => {
                let upper = self.upper(&selector.upper)?;
                let text = self.policy_text(node)?;
                let name = self.policy_name(selector, upper)?;
                let lifetimes = self.limits(selector)?;
                let made = name
                    .id(node.value.direction.value)
                    .and_then(|id| text.policy(id, lifetimes))
                    .map(operation);
                let warnings = self.doubts(selector, upper, &name, &node.value);
                Ok(Lowered { operations: vec![made], warnings })
            }
            Selection::Tagged(tag) => {
                let text = self.policy_text(node)?;
                let ids = self.tagged(tag, node.value.direction.value)?;
                let made = ids.map(|id| text.policy(id, Lifetimes::default()).map(&operation));
                Ok(Lowered { operations: made.into(), ..Lowered::default() })
            }
        }
    }

    pub(super) fn delete_policy(
        &self,
        selector: &Selector,
        node: &Node<tree::Policy>,
    ) -> Result<Lowered, Error> {
        let upper = self.upper(&selector.upper)?;
        // Its errors count; what it asks for does not.
        let _ = self.policy_text(node)?;
        let id = self.policy_name(selector, upper)?.id(node.value.direction.value);
        Ok(Lowered::one(id.map(Operation::DeletePolicy)))
    }

    fn limits(&self, selector: &Selector) -> Result<Lifetimes, Error> {
        let mut lifetimes = Lifetimes::default();
        for Node { value, span } in &selector.extensions {
            self.set_limit(value, *span, &mut lifetimes)?;
        }
        Ok(lifetimes)
    }

    fn policy_text(&self, node: &Node<tree::Policy>) -> Result<Text, Error> {
        PolicyText { lowering: self, policy: &node.value, span: node.span }.lower()
    }
}

/// The policy of a socket: a text as after `-P`, with the actions that only sockets have.
pub(crate) fn of_socket(
    source: &Source,
    names: &dyn Names,
    policy: &tree::Policy,
    span: Span,
) -> Result<SocketPolicy, Error> {
    let lowering = &Lowering { source, names };
    PolicyText { lowering, policy, span }.lower_of_socket()
}

/// What a policy text asks for.
struct Text {
    priority: Priority,
    action: ActionKind,
    templates: Vec<Template>,
}

impl Text {
    /// The policy of this name, or why AF_KEY refuses it.
    fn policy(&self, id: PolicyId, lifetimes: Lifetimes) -> Result<Box<Policy>, model::Error> {
        let action = match self.action {
            ActionKind::Discard => Action::Discard,
            ActionKind::None => Action::None,
            ActionKind::Ipsec => Action::Ipsec(self.templates.clone()),
            kind @ (ActionKind::Bypass | ActionKind::Entrust) => {
                return Err(model::Error::SocketActionInSpd(kind.word()));
            }
        };
        let policy = Policy { priority: self.priority, lifetimes, ..Policy::new(id, action) };
        policy.check()?;
        Ok(Box::new(policy))
    }
}

/// The text after `-P`: the rules of ipsec_set_policy(3), whose errors name the whole text.
struct PolicyText<'a> {
    lowering: &'a Lowering<'a>,
    policy: &'a tree::Policy,
    span: Span,
}

impl PolicyText<'_> {
    fn lower(&self) -> Result<Text, Error> {
        match &self.policy.action {
            Some(action) => self.parts(action.value),
            // Without an action the original asks for what spddelete does not look at.
            None => Ok(Text {
                priority: Priority(0),
                action: ActionKind::Discard,
                templates: Vec::new(),
            }),
        }
    }

    fn lower_of_socket(&self) -> Result<SocketPolicy, Error> {
        // AF_KEY would treat a direction alone as `discard`, which is never meant.
        let Some(action) = &self.policy.action else {
            let end = Span { start: self.span.end, end: self.span.end };
            return Err(self.error(Kind::NoAction, end));
        };
        let Text { priority, action, templates } = self.parts(action.value)?;
        let action = match action {
            ActionKind::Discard => SocketAction::Discard,
            ActionKind::None | ActionKind::Bypass => SocketAction::Bypass,
            ActionKind::Entrust => SocketAction::Entrust,
            ActionKind::Ipsec => SocketAction::Ipsec(templates),
        };
        SocketPolicy::new(self.policy.direction.value, priority, action)
            .map_err(|refusal| self.error(Kind::Refused(refusal), self.span))
    }

    /// The parts of a text with an action.
    fn parts(&self, action: ActionKind) -> Result<Text, Error> {
        let priority = self.priority()?;
        let templates = self.templates(action == ActionKind::Ipsec)?;
        Ok(Text { priority, action, templates })
    }

    fn priority(&self) -> Result<Priority, Error> {
        let Some(Node { value: priority, span }) = &self.policy.priority else {
            return Ok(Priority::DEFAULT);
        };
        let base = priority.base.map_or(Priority::DEFAULT, PriorityBase::priority);
        let Some(Offset { later, by }) = priority.offset else { return Ok(base) };
        let most = if later { Priority::MOST_LATER } else { Priority::MOST_EARLIER };
        if priority.base.is_some() && by > most {
            return Err(self.error(Kind::PriorityOffset, *span));
        }
        let by = u32::try_from(by).ok();
        let number =
            by.and_then(|by| if later { base.0.checked_add(by) } else { base.0.checked_sub(by) });
        number.map(Priority).ok_or_else(|| self.error(Kind::Priority, *span))
    }

    /// The templates; with another action than `ipsec` they are only looked at.
    fn templates(&self, is_ipsec: bool) -> Result<Vec<Template>, Error> {
        let mut templates = Vec::with_capacity(self.policy.templates.len());
        for Node { value: template, span } in &self.policy.templates {
            let ends = template.ends.as_ref().map(|ends| self.endpoints(ends)).transpose()?;
            if !is_ipsec {
                continue;
            }
            let of_one_family = |(src, dst)| {
                let ends = template.ends.as_ref().map_or(*span, |ends| ends.span);
                AddressPair::new(src, dst).map_err(|_| self.error(Kind::EndpointFamilies, ends))
            };
            let endpoints = ends.flatten().map(of_one_family).transpose()?;
            let mode = match (template.mode, endpoints) {
                (Mode::Transport, _) => TemplateMode::Transport,
                (Mode::Tunnel, Some(endpoints)) => TemplateMode::Tunnel(endpoints),
                (Mode::Beet, Some(endpoints)) => TemplateMode::Beet(endpoints),
                (Mode::Tunnel | Mode::Beet, None) => {
                    return Err(self.error(Kind::NoEndpoints, *span));
                }
            };
            let level = self.level(template.level, *span)?;
            templates.push(Template::new(template.proto, mode, level));
        }
        Ok(templates)
    }

    /// The endpoints, their ports dropped as AF_KEY does; none of `me-any` and `any-me`.
    fn endpoints(&self, ends: &Node<Ends>) -> Result<Option<(IpAddr, IpAddr)>, Error> {
        match (&ends.value, self.policy.direction.value) {
            (Ends::Addresses(src, dst), _) => {
                Ok(Some((self.address(src, ends.span)?, self.address(dst, ends.span)?)))
            }
            (Ends::MeAny, model::Direction::Out) | (Ends::AnyMe, model::Direction::In) => Ok(None),
            _ => Err(self.error(Kind::Direction, ends.span)),
        }
    }

    /// The level, `default` where none is given. A number that a script may not choose is none.
    fn level(&self, level: Option<tree::Level>, span: Span) -> Result<Level, Error> {
        let Some(tree::Level { kind, number }) = level else { return Ok(Level::Default) };
        let number = number.map(|number| self.number(UNIQUE, number, span)).transpose()?;
        let reqid = number.and_then(ReqId::new);
        Ok(kind.with(reqid.filter(|&reqid| reqid <= ReqId::MANUAL_MAX)))
    }

    /// A number of the text.
    fn number(&self, range: NumberRange, given: u64, span: Span) -> Result<u32, Error> {
        let given = self.lowering.in_range(range, given, span);
        let given = given.map_err(|kind| self.error(kind, span))?;
        Ok(u32::try_from(given).unwrap_or(u32::MAX))
    }

    fn address(&self, endpoint: &Endpoint, ends: Span) -> Result<IpAddr, Error> {
        let Endpoint { address, port } = endpoint;
        if let Some(port) = port {
            self.number(NumberRange::PORT, *port, ends)?;
        }
        let numeric = LookUp { version: None, numeric: true };
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
