use std::io::{self, Read};

use model::Names;

use super::{Checker, Finding, FindingKind, Part};
use crate::{
    error::{Error, Fault},
    lower::Lowered,
    parse::{Place, Script, Statement},
    tree::Command,
    warning::{Warning, WarningKind},
};

/// A script that is read whole: an error ends it only if the rest cannot be read.
pub struct CheckedScript<'a, R> {
    script: Script<R>,
    checker: Checker,
    names: &'a dyn Names,
    is_over: bool,
    /// Whether what is behind the end of the script is looked at.
    is_read_whole: bool,
    end: End,
    /// The error before, which may make others.
    last: Option<Error>,
    /// Whether every statement has a meaning.
    is_sound: bool,
}

/// How far a script has come.
enum End {
    /// It goes on.
    Ahead,
    /// The statement before ended it, in this line.
    Here(usize),
    /// A statement behind its end was reported.
    Passed,
}

/// A statement of a [`CheckedScript`].
#[derive(Debug)]
pub struct CheckedStatement {
    /// The statement and what it comes to; none if it has an error, and behind the last one.
    pub lowered: Option<(Statement, Lowered)>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl<'a, R: Read> CheckedScript<'a, R> {
    /// A script from its next statement on; `names` looks up hosts, services and protocols.
    pub fn new(script: Script<R>, checker: Checker, names: &'a dyn Names) -> Self {
        let (is_over, is_read_whole, end, last) = (false, false, End::Ahead, None);
        Self { script, checker, names, is_over, is_read_whole, end, last, is_sound: true }
    }

    /// The same, with what is behind an `exit`: that it is not read, and its errors, as warnings.
    #[must_use]
    pub fn read_whole(self) -> Self {
        Self { is_read_whole: true, ..self }
    }

    /// The next statement; `None` after the last one that can be read.
    ///
    /// Errors: those of the reader.
    pub fn next_statement(&mut self) -> io::Result<Option<CheckedStatement>> {
        if self.is_over {
            return Ok(None);
        }
        let last = self.last.take();
        let is_made = |error: &Error| last.as_ref().is_some_and(|last| last.makes(error));
        let mut next = self.script.next_lowered(self.names);
        while matches!(&next, Some(Err(error)) if is_made(error)) {
            next = self.script.next_lowered(self.names);
        }
        Ok(match next {
            None => self.at_the_end(),
            Some(Ok((statement, _))) if self.is_behind_end() => {
                Some(self.unread(statement.place_of(Part::Command), None))
            }
            Some(Ok((statement, lowered))) => {
                if self.is_read_whole && matches!(statement.command, Command::Exit) {
                    self.end = End::Here(statement.line());
                    self.script.go_on();
                }
                let findings = self.checker.statement(&statement, &lowered);
                Some(CheckedStatement { lowered: Some((statement, lowered)), findings })
            }
            Some(Err(error)) => {
                if let Fault::Unreadable(reason) = error.kind() {
                    return Err(io::Error::other(reason.clone()));
                }
                self.is_over = error.ends_script();
                self.last = Some(error.clone());
                self.is_sound = false;
                if self.is_behind_end() {
                    return Ok(Some(self.unread(error.place().clone(), Some(error))));
                }
                Some(CheckedStatement { lowered: None, findings: vec![error.into()] })
            }
        })
    }

    /// What is wrong with the whole, as a last statement.
    fn at_the_end(&mut self) -> Option<CheckedStatement> {
        let findings = self.checker.at_the_end();
        let is_known = self.is_sound && !findings.is_empty();
        is_known.then_some(CheckedStatement { lowered: None, findings })
    }

    fn is_behind_end(&self) -> bool {
        !matches!(self.end, End::Ahead)
    }

    /// What is reported of a statement behind the end of the script: of the first, that it is there.
    fn unread(&mut self, place: Place, error: Option<Error>) -> CheckedStatement {
        let mut findings = Vec::new();
        if let End::Here(line) = self.end {
            findings
                .push(Warning { kind: WarningKind::BehindExit(line), place: place.clone() }.into());
        }
        self.end = End::Passed;
        findings.extend(error.map(|error| Finding { kind: FindingKind::Unread(error), place }));
        CheckedStatement { lowered: None, findings }
    }

    /// Bytes of the statements so far, and of what is before and between them.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.script.bytes_read()
    }
}
