//! The part of a statement that a finding is about.

use model::{Error, LevelKind, Mode, ScriptOption};

use super::{FindingKind, Mistake};
use crate::{
    parse::{Place, Statement, attempt::word_at},
    tree::{
        Algorithms, Command, Extension, Node, Policy, SaName, SaProto, Selection, Selector, Span,
        Template,
    },
};

/// The place of a finding: its part of the statement, or the word that the statement begins with.
pub(super) fn of(statement: &Statement, kind: &FindingKind) -> Place {
    let part = match kind {
        FindingKind::Error(_) | FindingKind::Unread(_) | FindingKind::Warning(_) => None,
        FindingKind::Refused(refusal) => of_refusal(&statement.command, refusal),
        FindingKind::Kernel(mistake) => of_mistake(&statement.command, *mistake),
    };
    let span = part.unwrap_or_else(|| first_word(statement));
    statement.source.place(span, span)
}

/// The word that the statement begins with.
pub(super) fn first_word(statement: &Statement) -> Span {
    let source = &statement.source;
    let start = source.start();
    Span { start, end: start + word_at(source, start).len() }
}

fn of_refusal(command: &Command, refusal: &Error) -> Option<Span> {
    match refusal {
        Error::PrefixTooLong { given, .. } => prefix(selector(command)?, *given),
        Error::FamilyMismatch { .. } => Some(selector(command)?.dst.address.span),
        Error::NoProto => Some(name(command)?.spi.span),
        Error::TcpSignature
        | Error::EspWithoutCipher
        | Error::AhWithoutAuth
        | Error::IpCompWithoutCompression => Some(proto(command)?.span),
        Error::AlgorithmNotForProto { .. } | Error::NoCompression(_) => {
            Some(algorithms(command)?.0)
        }
        Error::AuthWithAead => algorithms(command)?.1,
        Error::KeyLength { .. } => match written(command)? {
            Algorithms::Crypt(crypt, _) => crypt.key.as_ref().map(|key| key.span),
            _ => None,
        },
        Error::OneLifetimeOnly => extension(command, |part| matches!(part, Extension::Limit(..))),
        Error::SocketActionInSpd(_) => Some(policy(command)?.action.as_ref()?.span),
        Error::TooManyTemplates(_) => Some(policy(command)?.templates.last()?.span),
        Error::OptionalOutboundBeet => optional(command, Mode::Beet),
        Error::OptionalOutboundIpTfs => optional(command, Mode::IpTfs),
        _ => None,
    }
}

/// The first template that has a mode and may be left out.
fn optional(command: &Command, mode: Mode) -> Option<Span> {
    let mut templates = policy(command)?.templates.iter();
    let is_meant = |it: &&Node<Template>| {
        it.value.mode == mode && it.value.level.is_some_and(|level| level.kind == LevelKind::Use)
    };
    templates.find(is_meant).map(|template| template.span)
}

fn of_mistake(command: &Command, mistake: Mistake) -> Option<Span> {
    let option = |is_meant: fn(&Extension) -> bool| extension(command, is_meant);
    match mistake {
        Mistake::WideCpi | Mistake::SaExists(_) | Mistake::NoSa(_) => Some(name(command)?.spi.span),
        Mistake::EsnOfIpComp | Mistake::EsnWithoutWindow => {
            option(|part| matches!(part, Extension::Esn))
        }
        Mistake::EncapNotOfEsp => {
            option(|part| matches!(part, Extension::Natt(_) | Extension::Encap { .. }))
        }
        Mistake::BeetOfIpComp
        | Mistake::ModeOfSa(_)
        | Mistake::IpTfsNotOfEsp
        | Mistake::IpTfsWithoutDirection => option(|part| matches!(part, Extension::Mode(_))),
        Mistake::IpTfsOfOtherMode | Mistake::IpTfsOfDirection(_) => {
            option(|part| matches!(part, Extension::IpTfs(_)))
        }
        Mistake::TfcPadding => option(|part| matches!(part, Extension::TfcPadding(_))),
        Mistake::MappingWithoutEncap | Mistake::MappingOfOutbound => {
            option(|part| matches!(part, Extension::MappingInterval(_)))
        }
        Mistake::KeepAliveNotOfOutbound | Mistake::KeepAliveWithoutEncap => {
            option(|part| matches!(part, Extension::KeepAlive(_)))
        }
        Mistake::CpuWithoutDirection => option(|part| matches!(part, Extension::Cpu(_))),
        Mistake::ReplayOfOutbound | Mistake::WindowOfIpComp => {
            option(|part| matches!(part, Extension::Replay(..)))
        }
        Mistake::NumberOfDirection(ScriptOption::Sent) => {
            option(|part| matches!(part, Extension::Sent(_)))
        }
        Mistake::NumberOfDirection(_) => option(|part| matches!(part, Extension::Received(..))),
        Mistake::FlagOfDirection => option(|part| matches!(part, Extension::KernelFlag(_))),
        Mistake::OffloadOfDirection => option(|part| matches!(part, Extension::Offload { .. })),
        Mistake::SelectorVersion => option(|part| matches!(part, Extension::Selector(_))),
        Mistake::TemplateOfAny(at) | Mistake::TemplateVersion(at) => {
            Some(policy(command)?.templates.get(at)?.span)
        }
        Mistake::PolicyExists(_)
        | Mistake::ForwardCopyExists(_)
        | Mistake::ForwardExists(_)
        | Mistake::NoPolicy(_)
        | Mistake::NoState
        | Mistake::LateFlush(_) => None,
    }
}

pub(super) fn name(command: &Command) -> Option<&SaName> {
    match command {
        Command::Add(name, _)
        | Command::Update(name, _)
        | Command::GetSpi(name)
        | Command::Get(name)
        | Command::Delete(name) => Some(name),
        _ => None,
    }
}

fn proto(command: &Command) -> Option<&Node<SaProto>> {
    match command {
        Command::Flush(proto) | Command::Dump(proto) => proto.as_ref(),
        Command::DeleteAll(ends, _) => ends.proto.as_ref(),
        command => name(command)?.ends.proto.as_ref(),
    }
}

pub(super) fn written(command: &Command) -> Option<&Algorithms> {
    match command {
        Command::Add(_, algorithms) | Command::Update(_, algorithms) => Some(algorithms),
        _ => None,
    }
}

/// The names of the algorithms.
pub(super) fn algorithms(command: &Command) -> Option<(Span, Option<Span>)> {
    Some(match written(command)? {
        Algorithms::Crypt(crypt, auth) => {
            (crypt.name.span, auth.as_ref().map(|auth| auth.name.span))
        }
        Algorithms::Auth(auth) => (auth.name.span, None),
        Algorithms::Comp { name, .. } => (name.span, None),
    })
}

pub(super) fn extension(command: &Command, is_meant: impl Fn(&Extension) -> bool) -> Option<Span> {
    let extensions = match command {
        Command::SpdAdd(Selection::Packets(selector), _)
        | Command::SpdUpdate(Selection::Packets(selector), _) => &selector.extensions,
        command => &name(command)?.extensions,
    };
    extensions.iter().find(|part| is_meant(&part.value)).map(|part| part.span)
}

pub(super) fn selector(command: &Command) -> Option<&Selector> {
    match command {
        Command::SpdAdd(Selection::Packets(selector), _)
        | Command::SpdUpdate(Selection::Packets(selector), _)
        | Command::SpdDelete(selector, _) => Some(selector),
        _ => None,
    }
}

pub(super) fn policy(command: &Command) -> Option<&Policy> {
    match command {
        Command::SpdAdd(_, policy)
        | Command::SpdUpdate(_, policy)
        | Command::SpdDelete(_, policy) => Some(&policy.value),
        _ => None,
    }
}

/// The prefix length that is too long.
fn prefix(selector: &Selector, given: u32) -> Option<Span> {
    let prefixes = [&selector.src.prefix, &selector.dst.prefix].into_iter().flatten();
    let is_given = |length: u64| u32::try_from(length).unwrap_or(u32::MAX) == given;
    prefixes.into_iter().find(|prefix| is_given(prefix.value)).map(|prefix| prefix.span)
}
