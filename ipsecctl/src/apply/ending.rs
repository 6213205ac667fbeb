//! What is in force at the end, and why, as text, as JSON and as an exit status.

use std::process::ExitCode;

use cli::{
    json::{AppliedJson, NotRestoredJson},
    print_error,
};
use engine::{Engine, Loss, Plan, StepRefusal};

use crate::{
    Error,
    diff::{self, DIFFERENT},
};

/// Exit status after a refusal or a conflict: the kernel is as before.
const REFUSED: u8 = 2;
/// Exit status without a confirmation: the kernel is as before.
const UNCONFIRMED: u8 = 4;

/// Why not all that the files describe is in force.
pub enum EndReason {
    Check,
    Conflict,
    /// The statement and the reason.
    Refused(String),
    Error(Error),
    Signal(i32),
    Unconfirmed,
    /// The process that made the changes has ended in their midst.
    Killed,
}

/// What is in force.
enum InForce {
    All,
    /// The tables as they were: nothing was begun.
    Before,
    /// The tables as they were, but for these entries.
    Restored(Vec<Loss>),
    /// Undoing failed.
    Part(Error),
}

/// How a run of `apply` ended.
pub struct Ending {
    in_force: InForce,
    pub reason: Option<EndReason>,
}

impl EndReason {
    /// The refusal of a step.
    pub fn refused(plan: &Plan, step: usize, refusal: &StepRefusal) -> Self {
        Self::Refused(match plan.steps.get(step).map(diff::statement) {
            Some(statement) => format!("{statement}: {refusal}"),
            None => refusal.to_string(),
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Conflict => "conflict",
            Self::Refused(_) => "refusal",
            Self::Error(_) => "error",
            Self::Signal(_) => "signal",
            Self::Unconfirmed => "unconfirmed",
            Self::Killed => "killed",
        }
    }

    fn message(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(refusal.clone()),
            Self::Error(error) => Some(error.to_string()),
            Self::Check | Self::Conflict | Self::Signal(_) | Self::Unconfirmed | Self::Killed => {
                None
            }
        }
    }
}

impl Ending {
    /// The kernel has what the files describe.
    pub const WHOLE: Self = Self { in_force: InForce::All, reason: None };

    /// Nothing was begun.
    pub fn unchanged(reason: EndReason) -> Self {
        Self { in_force: InForce::Before, reason: Some(reason) }
    }

    /// Undoes every change.
    pub fn undoing(engine: &mut Engine, reason: EndReason) -> Self {
        let in_force = match engine.undo() {
            Ok(losses) => InForce::Restored(losses),
            Err(error) => InForce::Part(error.into()),
        };
        Self { in_force, reason: Some(reason) }
    }

    /// Reports what is in force, if it is not what was requested.
    pub fn report(&self, plan: &Plan) {
        let print = |message: &dyn std::fmt::Display| print_error("ipsecctl", message);
        let Some(reason) = &self.reason else { return };
        if let Some(message) = reason.message() {
            print(&message);
        }
        let after = match reason {
            EndReason::Check => return,
            EndReason::Conflict => {
                for step in &plan.conflicts {
                    print(&format_args!("another program's: {}", diff::installed(step)));
                }
                for step in &plan.crossing {
                    print(&format_args!("selected in part: {}", diff::installed(step)));
                }
                return print(&if plan.conflicts.is_empty() {
                    "the filter selects these as they are or as they are to be, not as both: nothing was changed"
                } else {
                    "another program has these otherwise: nothing was changed"
                });
            }
            EndReason::Refused(_) => "after the refusal",
            EndReason::Error(_) => "after the error",
            EndReason::Signal(_) => "after the signal",
            EndReason::Unconfirmed => "without a confirmation",
            EndReason::Killed => "after the end of the process",
        };
        match &self.in_force {
            InForce::All => {}
            InForce::Before => print(&"the kernel would refuse it: nothing was changed"),
            InForce::Restored(losses) => {
                for Loss { entry, reason } in losses {
                    print(&format_args!("not restored: {entry}: {reason}"));
                }
                let rest = match losses.len() {
                    0 => "the SAD and SPD are as before".to_owned(),
                    1 => "the SAD and SPD are as before but for 1 entry".to_owned(),
                    count => format!("the SAD and SPD are as before but for {count} entries"),
                };
                print(&format_args!("{after}, every change was undone: {rest}"));
            }
            InForce::Part(error) => {
                print(error);
                let part = "a part of the changes is in force";
                print(&format_args!("{after}, undoing failed: {part}"));
            }
        }
    }

    /// The exit status, but for that of a signal.
    pub fn exit_code(&self) -> ExitCode {
        match (&self.in_force, &self.reason) {
            (InForce::Part(_), _) => ExitCode::FAILURE,
            (InForce::Restored(losses), _) if !losses.is_empty() => ExitCode::FAILURE,
            (_, None) => ExitCode::SUCCESS,
            (_, Some(EndReason::Check)) => ExitCode::from(DIFFERENT),
            (_, Some(EndReason::Refused(_) | EndReason::Conflict)) => ExitCode::from(REFUSED),
            (_, Some(EndReason::Unconfirmed)) => ExitCode::from(UNCONFIRMED),
            (_, Some(EndReason::Error(_) | EndReason::Signal(_) | EndReason::Killed)) => {
                ExitCode::FAILURE
            }
        }
    }

    /// The same as JSON.
    pub fn json(&self, plan: &Plan) -> AppliedJson {
        let in_force = match &self.in_force {
            InForce::All => "all",
            InForce::Before => "before",
            InForce::Restored(losses) if losses.is_empty() => "before",
            InForce::Restored(_) | InForce::Part(_) => "part",
        };
        let counts = match in_force {
            "all" => diff::counts(plan).map(Some),
            "before" => [Some(0); 3],
            _ => [None; 3],
        };
        let [added, changed, deleted] = counts;
        let losses = match &self.in_force {
            InForce::Restored(losses) => losses.as_slice(),
            _ => &[],
        };
        let not_restored = losses.iter().map(|Loss { entry, reason }| NotRestoredJson {
            entry: entry.clone(),
            reason: reason.clone(),
        });
        AppliedJson {
            in_force,
            reason: self.reason.as_ref().map(EndReason::word),
            message: self.reason.as_ref().and_then(EndReason::message),
            added,
            changed,
            deleted,
            not_restored: not_restored.collect(),
        }
    }
}
