//! `ipsecctl apply`: changes the kernel to what files describe, or leaves it as it was.

mod confirmation;
mod ending;
mod progress;
mod watcher;

use std::{process::ExitCode, time::Duration};

use cli::{Second, Signals, end_by};
use engine::{CarriedOut, Engine, EngineOptions, Lock, Namespace, Plan};

use crate::{
    Error,
    diff::{self, Comparison},
};
pub use confirmation::confirm;
use confirmation::{Confirmation, WaitEnd};
use ending::{EndReason, Ending};
use progress::Progress;
use watcher::Watcher;

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
    /// Entries that are there as the files describe them become own
    #[arg(long, requires = "owned", conflicts_with = "check")]
    adopt: bool,
}

impl Apply {
    /// Makes the changes, and prints them and what came of them.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let lock = if self.check { None } else { Namespace::current().lock_plan()? };
        let (options, mut engine, mut plan) = self.comparison.plan()?;
        if !self.adopt {
            plan.adopted = engine::Adopted::default();
        }
        if !self.comparison.json {
            let printed = self.comparison.print(&plan)?;
            if printed != ExitCode::SUCCESS {
                return Ok(printed);
            }
        }
        let ending = self.apply(options, &mut engine, &plan, lock.as_ref())?;
        ending.report(&plan);
        if self.comparison.json {
            let printed = self.comparison.print_applied(&plan, ending.json(&plan))?;
            if printed != ExitCode::SUCCESS {
                return Ok(printed);
            }
        }
        match ending.reason {
            Some(EndReason::Signal(signal)) => Err(end_by(signal).into()),
            _ => Ok(ending.exit_code()),
        }
    }

    /// Makes the changes, or undoes them again.
    fn apply(
        &self,
        options: EngineOptions,
        engine: &mut Engine,
        plan: &Plan,
        lock: Option<&Lock>,
    ) -> Result<Ending, Error> {
        if diff::has_conflicts(plan) {
            return Ok(Ending::unchanged(EndReason::Conflict));
        }
        if plan.steps.is_empty() {
            if !plan.adopted.is_empty() {
                engine.record_owned(plan)?;
            }
            return Ok(Ending::WHOLE);
        }
        if self.check {
            return Ok(Ending::unchanged(EndReason::Check));
        }
        let signals = Signals::catch(Second::Waits)?;
        // Before anything has a thread, and before the confirmation, so that the other process does not listen at the socket of
        // this one.
        let mut watcher = Watcher::start(options, plan, self.confirm, lock)?;
        let confirmation =
            self.confirm.map(|time| Confirmation::prepare(&Namespace::current(), time));
        let confirmation = confirmation.transpose()?;
        if let Some((step, refusal)) = engine.rehearse_plan(plan)? {
            return Ok(Ending::unchanged(EndReason::refused(plan, step, &refusal)));
        }
        engine.prepare_undo()?;
        watcher.await_ready()?;
        if self.comparison.owned {
            engine.announce(plan)?;
        }
        watcher.begin();
        let reason = self
            .change(engine, plan, &signals)
            .or_else(|| confirmation.and_then(|it| unconfirmed(it, &signals, &mut watcher)));
        let ending = match reason {
            None => Ending::WHOLE,
            Some(reason) => Ending::undoing(engine, reason),
        };
        watcher.end();
        Ok(ending)
    }

    /// Makes the changes; gives a reason to undo them.
    fn change(&self, engine: &mut Engine, plan: &Plan, signals: &Signals) -> Option<EndReason> {
        carry_out(engine, plan, signals).or_else(|| {
            let recorded = if self.comparison.owned { engine.record_owned(plan) } else { Ok(()) };
            recorded.err().map(|error| EndReason::Error(error.into()))
        })
    }
}

/// Waits for the confirmation; gives a reason to undo the changes.
fn unconfirmed(
    confirmation: Confirmation,
    signals: &Signals,
    watcher: &mut Watcher,
) -> Option<EndReason> {
    watcher.await_confirmation();
    match confirmation.wait(signals) {
        Ok(WaitEnd::Confirmed) => None,
        Ok(WaitEnd::None) => Some(EndReason::Unconfirmed),
        Ok(WaitEnd::Signal(signal)) => Some(EndReason::Signal(signal)),
        Err(error) => Some(EndReason::Error(error.into())),
    }
}

/// Makes the changes; gives a reason to undo them.
fn carry_out(engine: &mut Engine, plan: &Plan, signals: &Signals) -> Option<EndReason> {
    let mut progress = Progress::new(plan.steps.len());
    let carried_out = engine.carry_out(plan, |step| {
        progress.show(step);
        signals.received().is_none()
    });
    progress.clear();
    match carried_out {
        Ok(CarriedOut::Whole) => None,
        Ok(CarriedOut::Refused(step, refusal)) => Some(EndReason::refused(plan, step, &refusal)),
        Ok(CarriedOut::Stopped) => Some(EndReason::Signal(signals.received().unwrap_or_default())),
        Err(error) => Some(EndReason::Error(error.into())),
    }
}
