//! The parts of a statement that a program's own findings are about.

use super::place;
use crate::{
    parse::{Place, Statement},
    tree::{Algorithms, Command, Extension, Limit, Span},
};

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The word that the statement begins with.
    Command,
    /// The SPI of an SA.
    Spi,
    /// The name of the algorithm of `-E`, or of `-C`.
    Encryption,
    /// The name of the algorithm of `-A`.
    Authentication,
    /// The key of `-E`.
    EncryptionKey,
    /// The key of `-A`.
    AuthenticationKey,
    /// `-m` of an SA.
    Mode,
    /// `-u` of an SA.
    ReqId,
    /// `-r` of an SA.
    Replay,
    /// The first soft limit.
    SoftLimit,
    /// The settings of mode `iptfs`.
    IpTfs,
    /// The source of a policy.
    Src,
    /// The destination of a policy.
    Dst,
    /// The direction of a policy.
    Direction,
    /// The action of a policy.
    Action,
    /// A template, by its place among those of the policy.
    Template(usize),
}

impl Statement {
    /// The place of a part, or of the word that the statement begins with if it lacks the part.
    #[must_use]
    pub fn place_of(&self, part: Part) -> Place {
        let span = span(&self.command, part).unwrap_or_else(|| place::first_word(self));
        self.source.place(span, span)
    }
}

fn span(command: &Command, part: Part) -> Option<Span> {
    let extension = |is_meant: fn(&Extension) -> bool| place::extension(command, is_meant);
    match part {
        Part::Command => None,
        Part::Spi => Some(place::name(command)?.spi.span),
        Part::Encryption => Some(place::algorithms(command)?.0),
        Part::Authentication => match place::written(command)? {
            Algorithms::Crypt(_, auth) => Some(auth.as_ref()?.name.span),
            Algorithms::Auth(auth) => Some(auth.name.span),
            Algorithms::Comp { .. } => None,
        },
        Part::EncryptionKey => match place::written(command)? {
            Algorithms::Crypt(crypt, _) => Some(crypt.key.as_ref()?.span),
            Algorithms::Auth(_) | Algorithms::Comp { .. } => None,
        },
        Part::AuthenticationKey => match place::written(command)? {
            Algorithms::Crypt(_, auth) => Some(auth.as_ref()?.key.as_ref()?.span),
            Algorithms::Auth(auth) => Some(auth.key.as_ref()?.span),
            Algorithms::Comp { .. } => None,
        },
        Part::Mode => extension(|part| matches!(part, Extension::Mode(_))),
        Part::ReqId => extension(|part| matches!(part, Extension::ReqId(_))),
        Part::Replay => extension(|part| matches!(part, Extension::Replay(..))),
        Part::IpTfs => extension(|part| matches!(part, Extension::IpTfs(_))),
        Part::SoftLimit => extension(|part| {
            use Limit::{SoftBytes, SoftPackets, SoftTime, SoftUse};
            matches!(part, Extension::Limit(SoftTime | SoftBytes | SoftUse | SoftPackets, _))
        }),
        Part::Src => Some(place::selector(command)?.src.address.span),
        Part::Dst => Some(place::selector(command)?.dst.address.span),
        Part::Direction => Some(place::policy(command)?.direction.span),
        Part::Action => Some(place::policy(command)?.action.as_ref()?.span),
        Part::Template(at) => template_span(command, at),
    }
}

/// Where a template of a policy is.
pub(super) fn template_span(command: &Command, at: usize) -> Option<Span> {
    Some(place::policy(command)?.templates.get(at)?.span)
}
