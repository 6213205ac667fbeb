//! What in a script will fail or never work, whatever the kernel and the tables that it finds.

mod entries;
mod mistake;
mod part;
mod place;
mod policy;
mod sa;
mod sad;
mod script;
mod spd;
mod state;

use std::{borrow::Cow, fmt};

use model::Operation;

use crate::{
    error::Error,
    lower::Lowered,
    parse::{Place, Statement},
    warning::{Warning, WarningKind},
};

use entries::Entries;
pub use mistake::Mistake;
pub use part::Part;
use sad::Sad;
pub use script::{CheckedScript, CheckedStatement};
use spd::Spd;
use state::State;

/// Something about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// The place in the script.
    pub place: Place,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingKind {
    /// An error of the script: the statement means nothing.
    Error(Error),
    /// The same behind the end of the script.
    Unread(Error),
    /// A warning of the statement alone.
    Warning(WarningKind),
    /// AF_KEY's refusal.
    Refused(model::Error),
    /// What every kernel refuses.
    Kernel(Mistake),
}

impl FindingKind {
    /// Whether the statement will fail or never have an effect.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            FindingKind::Warning(kind) => kind.is_failure(),
            FindingKind::Unread(_) => false,
            FindingKind::Error(_) | FindingKind::Refused(_) | FindingKind::Kernel(_) => true,
        }
    }

    /// What would have been right, in plain words.
    #[must_use]
    pub fn expected(&self) -> Option<String> {
        match self {
            FindingKind::Error(error) | FindingKind::Unread(error) => error.expected(),
            FindingKind::Warning(_) | FindingKind::Refused(_) | FindingKind::Kernel(_) => None,
        }
    }

    /// What to do about it, unless the message contains it.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'static, str>> {
        match self {
            FindingKind::Error(error) | FindingKind::Unread(error) => error.help(),
            FindingKind::Warning(kind) => Some(kind.help().into()),
            FindingKind::Refused(_) => None,
            FindingKind::Kernel(mistake) => Some(mistake.help().into()),
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FindingKind::Error(error) | FindingKind::Unread(error) => error.fmt(f),
            FindingKind::Warning(kind) => kind.fmt(f),
            FindingKind::Refused(error) => error.fmt(f),
            FindingKind::Kernel(mistake) => mistake.fmt(f),
        }
    }
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        let place = error.place().clone();
        Self { kind: FindingKind::Error(error), place }
    }
}

impl From<Warning> for Finding {
    fn from(Warning { kind, place }: Warning) -> Self {
        Self { kind: FindingKind::Warning(kind), place }
    }
}

/// The statements of a script so far, as a kernel would have carried them out.
#[derive(Debug)]
pub struct Checker {
    sad: Sad,
    spd: Spd,
    /// Set for a file that describes a state.
    state: Option<State>,
    /// Set if the entries are compared with one another.
    entries: Option<Entries>,
}

impl Checker {
    /// Nothing is known of the tables. With `forward_copies`, an `in` policy makes a `fwd` policy too.
    #[must_use]
    pub fn new(forward_copies: bool) -> Self {
        let (sad, spd) = (Sad::default(), Spd::new(forward_copies));
        Self { sad, spd, state: None, entries: None }
    }

    /// The same for a file that describes a state: what is no part of one is a mistake.
    #[must_use]
    pub fn of_state(forward_copies: bool) -> Self {
        Self { state: Some(State::default()), ..Self::new(forward_copies) }
    }

    /// The same with warnings about what the SAs and policies have to do with one another.
    #[must_use]
    pub fn comparing(self) -> Self {
        Self { entries: Some(Entries::default()), ..self }
    }

    /// What is wrong with all of them, once.
    pub(crate) fn at_the_end(&mut self) -> Vec<Finding> {
        self.entries.take().map_or_else(Vec::new, |mut entries| entries.at_the_end())
    }

    /// What is wrong with the next statement.
    pub fn statement(&mut self, statement: &Statement, lowered: &Lowered) -> Vec<Finding> {
        let mut found: Vec<_> = lowered.warnings.iter().cloned().map(Finding::from).collect();
        for operation in &lowered.operations {
            let kind = match operation {
                Err(refusal) => Some(FindingKind::Refused(refusal.clone())),
                Ok(operation) => {
                    let late = self.late_flush(operation).map(WarningKind::LateFlush);
                    let mistake = self.operation(operation, statement.line());
                    let entries = self.entries.as_mut().filter(|_| mistake.is_none());
                    found.extend(entries.and_then(|it| it.take(statement, operation)));
                    mistake.map(FindingKind::Kernel).or(late.map(FindingKind::Warning))
                }
            };
            let Some(kind) = kind else { continue };
            let place = place::of(statement, &kind);
            found.push(Finding { kind, place });
        }
        // A name with several addresses makes one mistake.
        found.dedup();
        found
    }

    /// The line that adds the first of what a flush deletes, if nothing has shown it since.
    fn late_flush(&self, operation: &Operation) -> Option<usize> {
        match operation {
            Operation::FlushSad(proto) => self.sad.first_unseen(*proto),
            Operation::FlushSpd(kind) => self.spd.first_unseen(*kind),
            _ => None,
        }
    }

    fn operation(&mut self, operation: &Operation, line: usize) -> Option<Mistake> {
        if let Some(mistake) = self.state.as_mut().and_then(|state| state.take(operation, line)) {
            return Some(mistake);
        }
        match operation {
            // The state of an SA, whether others were described before or not.
            Operation::UpdateSa(new) if self.state.is_some() => sa::mistake(new),
            Operation::AddSa(new) => sa::mistake(new).or_else(|| self.sad.add(new, line)),
            Operation::UpdateSa(new) => sa::mistake(new).or_else(|| self.sad.find(&new.id(), None)),
            Operation::GetSa(id, if_id) => {
                self.sad.see();
                self.sad.find(id, *if_id)
            }
            Operation::DeleteSa(id, if_id) => self.sad.delete(id, *if_id),
            Operation::DeleteAllSa(group) => {
                self.sad.delete_all(group);
                None
            }
            Operation::FlushSad(proto) => {
                self.sad.flush(*proto, line);
                None
            }
            Operation::AddPolicy(policy) => {
                policy::mistake(policy).or_else(|| self.spd.add(&policy.id, line))
            }
            Operation::UpdatePolicy(policy) => {
                self.spd.update(&policy.id, line);
                policy::mistake(policy)
            }
            Operation::DeletePolicy(id) => self.spd.delete(id),
            Operation::FlushSpd(kind) => {
                self.spd.flush(*kind, line);
                None
            }
            Operation::WithoutForwardCopy(operation) => {
                let forward_copies = self.spd.set_forward_copies(false);
                let mistake = self.operation(operation, line);
                self.spd.set_forward_copies(forward_copies);
                mistake
            }
            Operation::GetSpi(_) => {
                self.sad.reserve();
                None
            }
            Operation::DumpSad(_) => {
                self.sad.see();
                None
            }
            Operation::DumpSpd => {
                self.spd.see();
                None
            }
        }
    }
}
