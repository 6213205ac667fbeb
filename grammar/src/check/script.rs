use std::io::{self, Read};

use model::Names;

use super::{Checker, Finding};
use crate::{
    error::Fault,
    lower::Lowered,
    parse::{Script, Statement},
};

/// A script that is read whole: an error ends it only if the rest cannot be read.
pub struct CheckedScript<'a, R> {
    script: Script<R>,
    checker: Checker,
    names: &'a dyn Names,
    is_over: bool,
}

/// A statement of a [`CheckedScript`].
#[derive(Debug)]
pub struct CheckedStatement {
    /// The statement and what it comes to; none if it has an error.
    pub lowered: Option<(Statement, Lowered)>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl<'a, R: Read> CheckedScript<'a, R> {
    /// A script from its next statement on; `names` looks up hosts, services and protocols.
    pub fn new(script: Script<R>, checker: Checker, names: &'a dyn Names) -> Self {
        Self { script, checker, names, is_over: false }
    }

    /// The next statement; `None` after the last one that can be read.
    ///
    /// Errors: those of the reader.
    pub fn next_statement(&mut self) -> io::Result<Option<CheckedStatement>> {
        if self.is_over {
            return Ok(None);
        }
        Ok(match self.script.next_lowered(self.names) {
            None => None,
            Some(Ok((statement, lowered))) => {
                let findings = self.checker.statement(&statement, &lowered);
                Some(CheckedStatement { lowered: Some((statement, lowered)), findings })
            }
            Some(Err(error)) => {
                if let Fault::Unreadable(reason) = error.kind() {
                    return Err(io::Error::other(reason.clone()));
                }
                self.is_over = error.ends_script();
                Some(CheckedStatement { lowered: None, findings: vec![error.into()] })
            }
        })
    }

    /// Bytes of the statements so far, and of what is before and between them.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.script.bytes_read()
    }
}
