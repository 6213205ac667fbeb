//! `ipsecctl apply`: changes the kernel to what files describe, or leaves it as it was.

mod confirmation;
mod progress;

use std::{process::ExitCode, time::Duration};

use cli::{Second, Signals, end_by, print_error};
use engine::{CarriedOut, Engine, Namespace, Plan, StepRefusal};

use crate::{
    Error,
    diff::{self, Comparison, DIFFERENT},
};
pub use confirmation::confirm;
use confirmation::{Confirmation, Ending};
use progress::Progress;

/// Exit status after a refusal, when every change was undone.
const REFUSED: u8 = 2;
/// Exit status without a confirmation, when every change was undone.
const UNCONFIRMED: u8 = 4;

/// Change the SAD and SPD to what files describe, with as few changes as possible, or not at all.
#[derive(clap::Args)]
pub struct Apply {
    #[command(flatten)]
    comparison: Comparison,
    /// Change nothing; exit with 3 if there is something to change
    #[arg(long)]
    check: bool,
    /// Undo every change after this TIME (30s, 5m), unless it is confirmed: by Enter, or by `ipsecctl confirm`
    #[arg(long, value_name = "TIME", value_parser = confirmation::time, conflicts_with = "check")]
    confirm: Option<Duration>,
}

/// Why changes are undone.
enum Undoing {
    Refused,
    Error(Error),
    Signal(i32),
    Unconfirmed,
}

impl Apply {
    /// Prints the changes and makes them.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let (mut engine, plan) = self.comparison.plan()?;
        let printed = self.comparison.print(&plan)?;
        if plan.steps.is_empty() || printed != ExitCode::SUCCESS {
            return Ok(printed);
        }
        if self.check {
            return Ok(ExitCode::from(DIFFERENT));
        }
        let signals = Signals::catch(Second::Waits)?;
        let confirmation =
            self.confirm.map(|time| Confirmation::prepare(&Namespace::current(), time));
        let confirmation = confirmation.transpose()?;
        if let Some((step, refusal)) = engine.rehearse_plan(&plan)? {
            report(&plan, step, &refusal);
            print_error("ipsecctl", &"the kernel would refuse it: nothing was changed");
            return Ok(ExitCode::from(REFUSED));
        }
        engine.prepare_undo()?;
        match change(&mut engine, &plan, &signals, confirmation) {
            None => Ok(ExitCode::SUCCESS),
            Some(reason) => undo(&mut engine, &reason),
        }
    }
}

/// Makes the changes; gives a reason to undo them.
fn change(
    engine: &mut Engine,
    plan: &Plan,
    signals: &Signals,
    confirmation: Option<Confirmation>,
) -> Option<Undoing> {
    let mut progress = Progress::new(plan.steps.len());
    let carried_out = engine.carry_out(plan, |step| {
        progress.show(step);
        signals.received().is_none()
    });
    progress.clear();
    match carried_out {
        Ok(CarriedOut::Whole) => {}
        Ok(CarriedOut::Refused(step, refusal)) => {
            report(plan, step, &refusal);
            return Some(Undoing::Refused);
        }
        Ok(CarriedOut::Stopped) => {
            return Some(Undoing::Signal(signals.received().unwrap_or_default()));
        }
        Err(error) => return Some(Undoing::Error(error.into())),
    }
    match confirmation?.wait(signals) {
        Ok(Ending::Confirmed) => None,
        Ok(Ending::None) => Some(Undoing::Unconfirmed),
        Ok(Ending::Signal(signal)) => Some(Undoing::Signal(signal)),
        Err(error) => Some(Undoing::Error(error.into())),
    }
}

/// Reports the step that was refused.
fn report(plan: &Plan, step: usize, refusal: &StepRefusal) {
    match plan.steps.get(step).map(diff::statement) {
        Some(statement) => {
            print_error("ipsecctl", &format_args!("{statement}: {refusal}"));
        }
        None => print_error("ipsecctl", refusal),
    }
}

/// Undoes every change, and reports what is in force.
fn undo(engine: &mut Engine, reason: &Undoing) -> Result<ExitCode, Error> {
    let after = match reason {
        Undoing::Refused => "after the refusal",
        Undoing::Error(error) => {
            print_error("ipsecctl", error);
            "after the error"
        }
        Undoing::Signal(_) => "after the signal",
        Undoing::Unconfirmed => "without a confirmation",
    };
    let losses = engine.undo().inspect_err(|_| {
        print_error(
            "ipsecctl",
            &format_args!("{after}, undoing failed: a part of the changes is in force"),
        );
    })?;
    for loss in &losses {
        print_error("ipsecctl", &format_args!("not restored: {}: {}", loss.entry, loss.reason));
    }
    let rest = match losses.len() {
        0 => "the SAD and SPD are as before".to_owned(),
        1 => "the SAD and SPD are as before but for 1 entry".to_owned(),
        count => format!("the SAD and SPD are as before but for {count} entries"),
    };
    print_error("ipsecctl", &format_args!("{after}, every change was undone: {rest}"));
    Ok(match reason {
        Undoing::Signal(signal) => return Err(end_by(*signal).into()),
        _ if !losses.is_empty() => ExitCode::FAILURE,
        Undoing::Error(_) => ExitCode::FAILURE,
        Undoing::Refused => ExitCode::from(REFUSED),
        Undoing::Unconfirmed => ExitCode::from(UNCONFIRMED),
    })
}
