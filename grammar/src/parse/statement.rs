use std::fmt;

use pest::{Parser, iterators::Pair};

use super::{
    reader::{Foreign, Reader, part_if},
    rules::{Rule, SetkeyParser},
    source::Source,
    syntax::{not_read, syntax_error},
};
use crate::{error::Error, tree::Command};

/// A statement and the text it was read from.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The command.
    pub command: Command,
    /// Its text.
    pub source: Source,
}

impl Statement {
    /// The line of its `;`, as the original counts: for `The result of line N: ...`.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.lexer_line(self.source.text().len())
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

/// Reads one statement.
pub(crate) fn parse(source: Source) -> Result<Statement, Error> {
    let mut found = SetkeyParser::parse(Rule::statement, source.ascii())
        .map_err(|error| not_read(&source, &error))?;
    let reader = Reader::new(&source);
    let command = reader.command(&reader.part(&mut found)?);
    if let Some(Foreign { at, hint }) = reader.take_foreign() {
        return Err(syntax_error(&source, at, Vec::new()).with_hint(Some(hint)));
    }
    Ok(Statement { command: command?, source })
}

impl Reader<'_> {
    fn command(&self, pair: &Pair<'_, Rule>) -> Result<Command, Error> {
        let rule = pair.as_rule();
        let mut parts = pair.clone().into_inner();
        self.own(&self.part(&mut parts)?);
        Ok(match rule {
            Rule::add => {
                let name = Box::new(self.sa_name(&mut parts)?);
                Command::Add(name, self.algorithms(self.part(&mut parts)?)?)
            }
            Rule::update => {
                let name = Box::new(self.sa_name(&mut parts)?);
                Command::Update(name, self.algorithms(self.part(&mut parts)?)?)
            }
            Rule::get_spi => Command::GetSpi(Box::new(self.sa_name(&mut parts)?)),
            Rule::get => Command::Get(Box::new(self.sa_name(&mut parts)?)),
            Rule::delete => Command::Delete(Box::new(self.sa_name(&mut parts)?)),
            Rule::delete_all => {
                let ends = Box::new(self.sa_ends(&mut parts)?);
                Command::DeleteAll(ends, self.extensions(&mut parts, Rule::group_option)?)
            }
            Rule::flush => Command::Flush(self.proto(&mut parts)?),
            Rule::dump => Command::Dump(self.proto(&mut parts)?),
            Rule::spd_add => {
                let (what, policy) = self.selection_and_policy(&mut parts)?;
                Command::SpdAdd(what, policy)
            }
            Rule::spd_update => {
                let (what, policy) = self.selection_and_policy(&mut parts)?;
                Command::SpdUpdate(what, policy)
            }
            Rule::spd_delete => {
                let selector = Box::new(self.selector(self.part(&mut parts)?)?);
                Command::SpdDelete(selector, self.policy(&self.part(&mut parts)?)?)
            }
            Rule::spd_flush => {
                let kind = part_if(&mut parts, Rule::policy_type);
                let kind = kind.map(|kind| self.word(&self.first(&kind)?)).transpose()?;
                Command::SpdFlush(kind.unwrap_or_default())
            }
            Rule::spd_dump => Command::SpdDump,
            Rule::exit => Command::Exit,
            _ => return Err(self.unexpected(pair)),
        })
    }
}
