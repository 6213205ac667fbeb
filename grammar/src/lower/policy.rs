use std::net::IpAddr;

use model::{
    Action, ActionKind, AddressPair, DeviceName, Level, LevelKind, Lifetimes, Mode, Names,
    Operation, Policy, PolicyFlags, PolicyId, Priority, PriorityBase, ReqId, SocketAction,
    SocketPolicy, Spi, Template, TemplateDetails, TemplateMode, ZeroLimits, names::LookUp,
};

use super::{Lowered, Lowering, range::NumberRange};
use crate::{
    error::{Error, Fault},
    parse::{lists::NAMES_POLICY, source::Source},
    tree::{
        self, Detail, DetailWord, Endpoint, Ends, Extension, Node, Offset, Selection, Selector,
        Span, StatementWord,
    },
};

const UNIQUE: NumberRange = NumberRange {
    original: Some("Invalid ipsec level"),
    ..NumberRange::of_bits(LevelKind::Unique.word(), 32)
};

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
                let options = self.policy_options(selector)?;
                let made = name
                    .id(node.value.direction.value)
                    .and_then(|id| text.policy(id, options))
                    .map(|policy| with_or_without_copy(selector, operation(policy)));
                let warnings = self.doubts(selector, upper, &name, &node.value);
                Ok(Lowered { operations: vec![made], warnings })
            }
            Selection::Tagged(tag) => {
                let text = self.policy_text(node)?;
                let ids = self.tagged(tag, node.value.direction.value)?;
                let made = ids.map(|id| text.policy(id, SaOptions::default()).map(&operation));
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
        self.refuse_unused(StatementWord::SpdDelete, &selector.extensions, |option| {
            NAMES_POLICY.contains(&option)
        })?;
        // Its errors count; what it asks for does not.
        let _ = self.policy_text(node)?;
        let id = self.policy_name(selector, upper)?.id(node.value.direction.value);
        Ok(Lowered::one(id.map(|id| with_or_without_copy(selector, Operation::DeletePolicy(id)))))
    }

    fn policy_options(&self, selector: &Selector) -> Result<SaOptions, Error> {
        let mut options = SaOptions::default();
        for Node { value, span } in &selector.extensions {
            match value {
                Extension::PolicyFlag(flag) => options.flags = options.flags | *flag,
                Extension::ZeroLimit(limit) => options.zero_limits = options.zero_limits | *limit,
                Extension::PolicyOffload(device) | Extension::HardwareInterface(device) => {
                    options.offload = Some(self.device(device, *span)?);
                }
                Extension::Limit(limit, number) => {
                    self.set_limit(*limit, *number, *span, &mut options.lifetimes)?;
                }
                // Part of the policy's name, or of an SA.
                _ => {}
            }
        }
        Ok(options)
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

/// The operation on a policy, with `-nofwd` if the statement has it.
fn with_or_without_copy(selector: &Selector, operation: Operation) -> Operation {
    let has_no_copy = |node: &Node<Extension>| node.value == Extension::NoForwardCopy;
    if selector.extensions.iter().any(has_no_copy) {
        Operation::WithoutForwardCopy(Box::new(operation))
    } else {
        operation
    }
}

/// What the options of a statement say of a policy beside its name.
#[derive(Clone, Copy, Default)]
struct SaOptions {
    lifetimes: Lifetimes,
    zero_limits: ZeroLimits,
    flags: PolicyFlags,
    offload: Option<DeviceName>,
}

/// What a policy text asks for.
struct Text {
    priority: Priority,
    action: ActionKind,
    /// Of `ipsec`, and those of `discard` that have details.
    templates: Vec<Template>,
}

impl Text {
    /// The policy of this name, or why AF_KEY refuses it.
    fn policy(&self, id: PolicyId, options: SaOptions) -> Result<Box<Policy>, model::Error> {
        let SaOptions { lifetimes, zero_limits, flags, offload } = options;
        let action = match self.action {
            ActionKind::Discard => Action::Discard,
            ActionKind::None => Action::None,
            ActionKind::Ipsec => Action::Ipsec(self.templates.clone()),
            kind @ (ActionKind::Bypass | ActionKind::Entrust) => {
                return Err(model::Error::SocketActionInSpd(kind.word()));
            }
        };
        let is_discard = self.action == ActionKind::Discard;
        let unused_templates = if is_discard { self.templates.clone() } else { Vec::new() };
        let policy = Policy {
            priority: self.priority,
            lifetimes,
            zero_limits,
            flags,
            offload,
            unused_templates,
            ..Policy::new(id, action)
        };
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
            return Err(self.error(Fault::NoAction, end));
        };
        // PF_KEY, in which the services take policies of sockets, has no details.
        let mut details = self.policy.templates.iter().flat_map(|template| &template.value.details);
        if let Some(Node { value, span }) = details.next() {
            let word = value.word().word().to_owned();
            return Err(self.error(Fault::PolicySyntax { word, expected: Vec::new() }, *span));
        }
        let Text { priority, action, templates } = self.parts(action.value)?;
        let action = match action {
            ActionKind::Discard => SocketAction::Discard,
            ActionKind::None | ActionKind::Bypass => SocketAction::Bypass,
            ActionKind::Entrust => SocketAction::Entrust,
            ActionKind::Ipsec => SocketAction::Ipsec(templates),
        };
        SocketPolicy::new(self.policy.direction.value, priority, action)
            .map_err(|refusal| self.error(Fault::Refused(refusal), self.span))
    }

    /// The parts of a text with an action.
    fn parts(&self, action: ActionKind) -> Result<Text, Error> {
        let priority = self.priority()?;
        let templates = self.templates(action)?;
        Ok(Text { priority, action, templates })
    }

    fn priority(&self) -> Result<Priority, Error> {
        let Some(Node { value: priority, span }) = &self.policy.priority else {
            return Ok(Priority::DEFAULT);
        };
        let (named, offset) = match *priority {
            tree::Priority::From { base, offset } => (base, offset),
            tree::Priority::Number(number) => {
                let range = NumberRange::of_bits("the priority", 32);
                return self.number(range, number, *span).map(Priority);
            }
        };
        let base = named.map_or(Priority::DEFAULT, PriorityBase::priority);
        let Some(Offset { later, by }) = offset else { return Ok(base) };
        let most = if later { Priority::MOST_LATER } else { Priority::MOST_EARLIER };
        if named.is_some() && by > most {
            return Err(self.error(Fault::PriorityOffset, *span));
        }
        let by = u32::try_from(by).ok();
        let number =
            by.and_then(|by| if later { base.0.checked_add(by) } else { base.0.checked_sub(by) });
        number.map(Priority).ok_or_else(|| self.error(Fault::Priority, *span))
    }

    /// The templates. With another action than `ipsec` they are only looked at, but for those that have
    /// details: the kernel keeps templates of a policy that drops its packets, and so does a script.
    fn templates(&self, action: ActionKind) -> Result<Vec<Template>, Error> {
        let mut templates = Vec::with_capacity(self.policy.templates.len());
        for Node { value: template, span } in &self.policy.templates {
            let ends = template.ends.as_ref().map(|ends| self.endpoints(ends)).transpose()?;
            let is_kept = action == ActionKind::Discard && !template.details.is_empty();
            if action != ActionKind::Ipsec && !is_kept {
                continue;
            }
            let of_one_family = |(src, dst)| {
                let ends = template.ends.as_ref().map_or(*span, |ends| ends.span);
                AddressPair::new(src, dst).map_err(|_| self.error(Fault::EndpointFamilies, ends))
            };
            let endpoints = ends.flatten().map(of_one_family).transpose()?;
            let mode = match (template.mode, endpoints) {
                // AF_KEY drops endpoints in transport mode.
                (Mode::Transport, _) if template.details.is_empty() => TemplateMode::Transport,
                (mode, Some(endpoints)) => TemplateMode::new(mode, endpoints),
                (Mode::Tunnel | Mode::Beet | Mode::IpTfs, None) => {
                    return Err(self.error(Fault::NoEndpoints, *span));
                }
                (mode, None) => TemplateMode::new(mode, AddressPair::UNSPECIFIED),
            };
            let level = self.level(template.level, *span)?;
            let mut lowered = Template::new(template.proto, mode, level);
            for Node { value, span } in &template.details {
                self.set_detail(*value, *span, &mut lowered)?;
            }
            templates.push(lowered);
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
            _ => Err(self.error(Fault::Direction, ends.span)),
        }
    }

    /// The level, `default` where none is given. A number that a script may not choose is none.
    fn level(&self, level: Option<tree::Level>, span: Span) -> Result<Level, Error> {
        let Some(tree::Level { kind, number }) = level else { return Ok(Level::Default) };
        let number = number.map(|number| self.number(UNIQUE, number, span)).transpose()?;
        let reqid = number.and_then(ReqId::new);
        Ok(kind.with(reqid.filter(|&reqid| reqid <= ReqId::MANUAL_MAX)))
    }

    /// Sets what follows the level. With a reqid, `require` is `unique` of that number.
    fn set_detail(&self, detail: Detail, span: Span, to: &mut Template) -> Result<(), Error> {
        let (word, number) = match detail {
            Detail::Share(share) => {
                to.set_share(share);
                return Ok(());
            }
            Detail::Number(word, number) => (word, number),
        };
        let number = self.number(NumberRange::of_bits(word.word(), 32), number, span)?;
        let TemplateDetails { reqid, spi, algorithms, .. } = &mut to.details;
        match word {
            DetailWord::ReqId => match to.level {
                Level::Default | Level::Use => *reqid = ReqId::new(number),
                Level::Require | Level::Unique(_) => to.level = Level::of_reqid(ReqId::new(number)),
            },
            DetailWord::Spi => *spi = (number != 0).then_some(Spi(number)),
            DetailWord::CryptMask => algorithms.crypt = number,
            DetailWord::AuthMask => algorithms.auth = number,
            DetailWord::CompMask => algorithms.comp = number,
            DetailWord::Share => {}
        }
        Ok(())
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
            self.error(Fault::Endpoint { word: address.value.clone(), reason }, address.span)
        })
    }

    fn error(&self, kind: Fault, wrong: Span) -> Error {
        Error::new(kind, self.lowering.source, wrong, self.span)
    }
}
