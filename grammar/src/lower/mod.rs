use std::io::Read;

use model::{Names, Operation, Proto, names::LookUp};

use crate::{
    error::{Error, Fault},
    parse::lexer::token_at,
    parse::{Script, Statement, source::Source},
    tree::{Command, Node, SaProto, Span},
    warning::{Warning, WarningKind},
};

mod address_doubts;
mod algorithm;
mod doubts;
mod hosts;
mod kernel_options;
mod options;
pub(crate) mod policy;
mod range;
mod sa;
mod selector;
mod upper_words;

/// What a statement comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lowered {
    /// The operations, in order. An `Err` is what AF_KEY would refuse: the original reports it
    /// (`The result of line N: ...`) and goes on.
    pub operations: Vec<Result<Operation, model::Error>>,
    /// What works and should be written otherwise.
    pub warnings: Vec<Warning>,
}

impl Lowered {
    /// What comes to one operation.
    fn one(operation: Result<Operation, model::Error>) -> Self {
        Self { operations: vec![operation], ..Self::default() }
    }
}

/// Makes the operations of a statement; `names` looks up hosts, services and protocols.
///
/// The error is one of the script, where the original stops.
pub fn lower(statement: &Statement, names: &dyn Names) -> Result<Lowered, Error> {
    let lowering = Lowering { source: &statement.source, names };
    let mut lowered = match &statement.command {
        Command::Add(name, algorithms) => lowering.add(name, algorithms, Operation::AddSa)?,
        Command::Update(name, algorithms) => lowering.add(name, algorithms, Operation::UpdateSa)?,
        Command::GetSpi(name) => lowering.get_spi(name)?,
        Command::Get(name) => lowering.get(name)?,
        Command::Delete(name) => lowering.delete(name)?,
        Command::DeleteAll(ends, options) => lowering.delete_all(ends, options)?,
        Command::Flush(proto) => lowering.flush(proto.as_ref(), Operation::FlushSad)?,
        Command::Dump(proto) => lowering.flush(proto.as_ref(), Operation::DumpSad)?,
        Command::SpdAdd(what, policy) => lowering.add_policy(what, policy, Operation::AddPolicy)?,
        Command::SpdUpdate(what, policy) => {
            lowering.add_policy(what, policy, Operation::UpdatePolicy)?
        }
        Command::SpdDelete(selector, policy) => lowering.delete_policy(selector, policy)?,
        Command::SpdFlush(kind) => Lowered::one(Ok(Operation::FlushSpd(*kind))),
        Command::SpdDump => Lowered::one(Ok(Operation::DumpSpd)),
        Command::Exit => Lowered::default(),
    };
    lowered.warnings.extend(lowering.doubts_of_writing(&statement.command));
    Ok(lowered)
}

impl<R: Read> Script<R> {
    /// The next statement with what it comes to; `None` after the last one.
    pub fn next_lowered(
        &mut self,
        names: &dyn Names,
    ) -> Option<Result<(Statement, Lowered), Error>> {
        Some(self.next_statement()?.and_then(|statement| {
            let lowered = lower(&statement, names)?;
            Ok((statement, lowered))
        }))
    }
}

/// A warning, and what it is about.
type Doubt = (WarningKind, Span);

/// The statement being lowered.
struct Lowering<'a> {
    source: &'a Source,
    names: &'a dyn Names,
}

impl Lowering<'_> {
    /// An error where the original names what is wrong.
    fn error(&self, kind: Fault, wrong: Span) -> Error {
        Error::new(kind, self.source, wrong, wrong)
    }

    /// An error that the original finds when it has read the whole statement: at the `;`, which
    /// after a policy its lexer names together with the policy.
    fn error_at_end(&self, kind: Fault, wrong: Span) -> Error {
        Error::new(kind, self.source, wrong, self.end())
    }

    fn end(&self) -> Span {
        token_at(self.source, self.source.text().len().saturating_sub(1)).named
    }

    /// The protocol of an SA statement.
    fn proto(&self, proto: Option<&Node<SaProto>>, look_up: LookUp) -> Result<NamedProto, Error> {
        let Some(proto) = proto else { return Ok(NamedProto::None) };
        Ok(match &proto.value {
            SaProto::Esp | SaProto::EspOld | SaProto::EspUdp(None) => NamedProto::One(Proto::Esp),
            SaProto::EspUdp(Some(original)) => {
                // AF_KEY reads the original address and forgets it.
                self.addresses(original, look_up)
                    .map_err(|kind| self.error(kind, original.span))?;
                NamedProto::One(Proto::Esp)
            }
            SaProto::Ah | SaProto::AhOld => NamedProto::One(Proto::Ah),
            SaProto::IpComp => NamedProto::One(Proto::IpComp),
            SaProto::Tcp => NamedProto::Tcp,
        })
    }

    /// `flush` and `dump`.
    fn flush(
        &self,
        proto: Option<&Node<SaProto>>,
        operation: impl Fn(Option<Proto>) -> Operation,
    ) -> Result<Lowered, Error> {
        let proto = self.proto(proto, LookUp::default())?;
        Ok(Lowered::one(proto.one_or_all().map(operation)))
    }
}

/// The protocol that an SA statement names. AF_KEY refuses some of them after it has read the whole
/// statement, so that an error of the script comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedProto {
    /// No word.
    None,
    /// A protocol of XFRM.
    One(Proto),
    /// TCP-MD5.
    Tcp,
}

impl NamedProto {
    /// The protocol of a statement about one SA.
    fn one(self) -> Result<Proto, model::Error> {
        self.one_or_all()?.ok_or(model::Error::NoProto)
    }

    /// The protocol of a statement about all SAs, or of every protocol.
    fn one_or_all(self) -> Result<Option<Proto>, model::Error> {
        match self {
            NamedProto::None => Ok(None),
            NamedProto::One(proto) => Ok(Some(proto)),
            NamedProto::Tcp => Err(model::Error::TcpSignature),
        }
    }
}
