use std::{fmt::Display, num::NonZeroU32};

use model::{Dialect, Lifetimes, Mark, Policy, Sa, ScriptOption, SecCtx, SocketPolicy};
use zeroize::Zeroizing;

use crate::tree::{self, Algorithms, Command, Extension, Limit, MarkText, Node, Span};

/// A statement. It reads back as the same SA or policy if nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The statement, without a newline; keys stand in it.
    pub text: Zeroizing<String>,
    /// What the language cannot say, in words for a comment: `mode ro`, `icv 112`.
    pub lost: Vec<String>,
    /// Whether the statement adds an SA or policy that is like it but for what is lost. In the `linux`
    /// dialect, which has words for all, what is lost would make another one.
    pub is_loadable: bool,
}

/// The `add` statement of an SA in the `linux` dialect.
#[must_use]
pub fn script_of_sa(sa: &Sa) -> Written {
    script_of_sa_in(sa, Dialect::Linux)
}

/// The `add` statement of an SA in a dialect.
#[must_use]
pub fn script_of_sa_in(sa: &Sa, dialect: Dialect) -> Written {
    statement_of_sa(sa, dialect, |_| ())
}

/// The `add` statement of an SA in the `linux` dialect, for people: in the place of a key is what
/// `name` makes of it.
#[must_use]
pub fn redacted_script_of_sa(sa: &Sa, name: impl Fn(&model::Key) -> String) -> Written {
    statement_of_sa(sa, Dialect::Linux, |command| {
        let Command::Add(_, algorithms) = command else { return };
        let (crypt, auth) = match algorithms {
            Algorithms::Crypt(crypt, auth) => (Some(crypt), auth.as_mut()),
            Algorithms::Auth(auth) => (None, Some(auth)),
            Algorithms::Comp { .. } => (None, None),
        };
        for algorithm in crypt.into_iter().chain(auth) {
            if let Some(key) = algorithm.key.take() {
                algorithm.name.value = format!("{} {}", algorithm.name.value, name(&key.value));
            }
        }
    })
}

fn statement_of_sa(sa: &Sa, dialect: Dialect, change: impl FnOnce(&mut Command)) -> Written {
    let mut writer = Writer { dialect, ..Writer::default() };
    let mut command = writer.add(sa);
    change(&mut command);
    // AH with `null` is written by the kernel's name, which is not refused.
    let has_auth = sa.auth.is_some();
    let refused = sa.check().err();
    let refused = refused.filter(|why| *why != model::Error::AhWithoutAuth || !has_auth);
    writer.is_refused = refused.is_some() || !sa.inexpressible.is_empty();
    writer.lost.extend(refused.map(|refused| refused.to_string()));
    writer.write(&command)
}

/// The `spdadd` statement of a policy in the `linux` dialect, which adds no other policy with `setkey -k`.
#[must_use]
pub fn script_of_policy(policy: &Policy) -> Written {
    PolicyStatement::default().write(policy)
}

/// How the `spdadd` statement of a policy is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct PolicyStatement {
    /// The dialect.
    pub dialect: Dialect,
    /// `-nofwd`: an `in` policy is added without its forward copy.
    pub without_copy: bool,
}

impl PolicyStatement {
    /// The statement.
    #[must_use]
    pub fn write(self, policy: &Policy) -> Written {
        let mut writer = Writer { dialect: self.dialect, ..Writer::default() };
        let command = writer.spd_add(policy, self.without_copy);
        writer.check(policy);
        writer.write(&command)
    }
}

/// The policy string of a socket's policy, in the `linux` dialect.
#[must_use]
pub fn text_of_socket_policy(policy: &SocketPolicy) -> Written {
    let (action, templates) = (policy.action().kind(), policy.templates());
    let (writer, templates) = (Writer::default(), Writer::templates(templates));
    let text = Writer::policy_text(policy.direction(), policy.priority(), action, templates);
    writer.write(&text)
}

pub(super) fn node<T>(value: T) -> Node<T> {
    Node::new(value, Span::default())
}

/// Makes the tree of a statement, and notes what it cannot say.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) dialect: Dialect,
    pub(super) lost: Vec<String>,
    is_refused: bool,
}

impl Writer {
    fn write(self, tree: &impl Display) -> Written {
        let is_loadable = !self.is_refused && (self.lost.is_empty() || self.dialect.is_bsd());
        Written { text: Zeroizing::new(tree.to_string()), lost: self.lost, is_loadable }
    }

    /// Loses what AF_KEY's rules refuse.
    fn check(&mut self, policy: &Policy) {
        if let Err(refused) = policy.check() {
            self.is_refused = true;
            self.lost.push(refused.to_string());
        }
    }

    /// Whether the dialect has an option; its text is lost otherwise.
    pub(super) fn has_option(&mut self, option: ScriptOption, text: impl Display) -> bool {
        let has = option.dialects().contains(&self.dialect);
        if !has {
            self.lose(text.to_string());
        }
        has
    }

    pub(super) fn lose(&mut self, what: impl Into<String>) {
        self.lost.push(what.into());
    }

    pub(super) fn context(&mut self, context: Option<&SecCtx>) -> Option<tree::Context> {
        let context = context?;
        let label = &context.context;
        // A dump has the label up to its first NUL.
        let can_be_quoted = str::from_utf8(label).is_ok_and(|text| !text.contains(['"', '\0']));
        if context.doi == 0 || !can_be_quoted {
            self.lose(format!("ctx {}", String::from_utf8_lossy(label).escape_debug()));
            return None;
        }
        let (doi, alg) = (context.doi.into(), context.alg.into());
        Some(tree::Context { doi, alg, label: label.clone() })
    }
}

pub(super) fn mark(mark: Mark) -> Option<MarkText> {
    let text = MarkText { value: mark.value.into(), mask: Some(mark.mask.into()) };
    (!mark.is_none()).then_some(text)
}

pub(super) fn if_id(if_id: Option<NonZeroU32>) -> Option<Extension> {
    if_id.map(|number| Extension::IfId(number.get().into()))
}

pub(super) fn limits(mut lifetimes: Lifetimes) -> impl Iterator<Item = Extension> {
    Limit::ALL.iter().filter_map(move |limit| {
        let number = *limit.field(&mut lifetimes);
        number.map(|number| Extension::Limit(*limit, number.get()))
    })
}

/// A device name as `-offload` reads it.
pub(super) fn is_device(name: &str) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || ".:-%_@+=".contains(c);
    !name.is_empty() && name.chars().all(is_char)
}
