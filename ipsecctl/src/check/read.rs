//! Scripts, as setkey loads them one after the other.

use std::{path::Path, rc::Rc};

use cli::json::FindingJson;
use engine::EntryFilter;
use grammar::{CheckedStatement, Lowered, Statement, WarningKind};
use model::{Described, Dialect, Operation, PolicyType};

use super::{
    code::Code,
    context::{CheckedHost, TablesInContext},
    entry::{EntrySource, PlacedFinding},
    kinds,
    tables::Loader,
};
use crate::{Error, filter::Filter, state_files};

/// After so many mistakes a script is not read on, as in setkey.
const MOST_MISTAKES: usize = 100;

/// Reads scripts.
pub struct Reader<'a> {
    dialect: Dialect,
    forward_copies: bool,
    filter: &'a Filter,
    surroundings: &'a CheckedHost,
    loader: Loader,
    found: Vec<PlacedFinding>,
}

impl<'a> Reader<'a> {
    /// A reader that has read nothing.
    pub fn new(
        dialect: Dialect,
        forward_copies: bool,
        filter: &'a Filter,
        surroundings: &'a CheckedHost,
    ) -> Self {
        let loader = Loader::new(dialect, forward_copies, filter.clone());
        Self { dialect, forward_copies, filter, surroundings, loader, found: Vec::new() }
    }

    /// Reads a script, which is the file with this number on the command line.
    pub fn read(&mut self, path: &Path, file: usize) -> Result<(), Error> {
        let (name, mut script) = state_files::open(path, self.dialect, self.forward_copies)?;
        let name: Rc<str> = name.into();
        let mut mistakes = 0;
        while let Some(CheckedStatement { lowered, findings }) =
            script.next_statement().map_err(|error| Error::unreadable(&name, &error))?
        {
            let is_meant = lowered.as_ref().is_none_or(|(_, lowered)| self.means(lowered));
            for finding in findings {
                let json = FindingJson::of_finding(&name, &finding);
                let excerpt = finding.place.excerpt;
                self.found.push(PlacedFinding { file, json, excerpt, is_meant });
            }
            match lowered {
                Some((statement, lowered)) => {
                    self.load(statement, lowered.operations.iter().flatten(), file, &name);
                }
                None => mistakes += 1,
            }
            if mistakes == MOST_MISTAKES {
                break;
            }
        }
        Ok(())
    }

    /// Everything that was found, in the order of the scripts.
    pub fn finish(mut self) -> Vec<PlacedFinding> {
        self.look();
        self.found.sort_by_key(|it| (it.file, it.json.line, it.json.column));
        self.found.dedup_by(is_warning_again);
        self.found.retain(|finding| finding.is_meant);
        self.found
    }

    /// Whether a statement describes an entry that is meant, or none.
    fn means(&self, lowered: &Lowered) -> bool {
        let described = lowered.operations.iter().flatten().filter_map(Operation::described);
        let mut meant = described.map(|described| match described {
            Described::Sa { sa, .. } => self.filter.selects_sa(sa),
            Described::Policy { policy, .. } => self.filter.selects_policy(policy),
            Described::WholeSad(_) | Described::WholeSpd(_) => true,
        });
        meant.next().is_none_or(|first| first || meant.any(|it| it))
    }

    fn load<'b>(
        &mut self,
        statement: Statement,
        operations: impl Iterator<Item = &'b Operation>,
        file: usize,
        name: &Rc<str>,
    ) {
        let statement = Rc::new(statement);
        let origin = EntrySource::Statement { name: name.clone(), file, statement };
        for operation in operations {
            // A script that begins with a flush is a configuration of its own.
            if is_flush_of_all(operation) && self.loader.has_entries_of_others(file) {
                self.look();
            }
            self.loader.operation(operation, &origin);
        }
    }

    /// Looks at the tables as they are, and empties them.
    fn look(&mut self) {
        let tables = self.loader.take();
        self.found.extend(kinds::findings(&TablesInContext::new(&tables, self.surroundings)));
    }
}

/// Whether a policy that no packet reaches is the statement's own warning again, which it replaces.
fn is_warning_again(next: &mut PlacedFinding, before: &mut PlacedFinding) -> bool {
    let place = |it: &PlacedFinding| (it.file, it.json.line, it.json.column);
    let is_same = place(next) == place(before)
        && before.json.code == WarningKind::NoHost.code()
        && next.json.code == Code::UnreachablePolicy.word();
    if is_same {
        std::mem::swap(next, before);
    }
    is_same
}

fn is_flush_of_all(operation: &Operation) -> bool {
    matches!(operation, Operation::FlushSad(None) | Operation::FlushSpd(PolicyType::Main))
}
