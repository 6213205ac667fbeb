use std::io;

use model::Operation;

use super::make::Plan;
use crate::{Engine, Error, Outcome, Refusal, policy::spd::SpdView};

/// How the carrying out of a plan ended.
#[derive(Debug)]
pub enum CarriedOut {
    /// The kernel has what files describe.
    Whole,
    /// A step of this number was refused; some of those before it are in force.
    Refused(usize, StepRefusal),
    /// The caller has stopped it; some steps are in force.
    Stopped,
}

/// Why a step has not the effect that was requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepRefusal {
    /// The kernel refused it.
    #[error("{0}")]
    Refused(Refusal),
    /// The kernel took the SA without these options.
    #[error("the kernel passes over {}", .0.join(", "))]
    Ignored(Vec<String>),
    /// A tunnel cannot use an SA that carries other packets already.
    #[error("an SA in use cannot carry the packets of this tunnel: it needs another SPI")]
    Unfit,
}

impl Engine {
    /// Carries out a plan up to the first refusal, or as long as `goes_on`, which is called with the number of steps
    /// so far. What was begun can be undone if [`Engine::prepare_undo`] was called before.
    ///
    /// Errors: those of [`Engine::submit`].
    pub fn carry_out(
        &mut self,
        plan: &Plan,
        mut goes_on: impl FnMut(usize) -> bool,
    ) -> Result<CarriedOut, Error> {
        let mut refused = None;
        self.flush(&mut sink(&mut refused))?;
        // SAs are made for the policies that will be there.
        self.known.spd = SpdView::read(plan.tunnels.clone());
        let mut has_added = false;
        for (number, step) in plan.steps.iter().enumerate() {
            if !goes_on(number) {
                return Ok(CarriedOut::Stopped);
            }
            let takes_away = step.takes_away();
            if takes_away && has_added {
                self.flush(&mut sink(&mut refused))?;
            }
            has_added = !takes_away;
            for operation in step.operations() {
                if refused.is_none() {
                    self.submit(number, Ok(operation), &mut sink(&mut refused))?;
                }
            }
            if let Some((number, refusal)) = refused {
                return Ok(CarriedOut::Refused(number, refusal));
            }
        }
        self.flush(&mut sink(&mut refused))?;
        if let Some((number, refusal)) = refused {
            return Ok(CarriedOut::Refused(number, refusal));
        }
        if !goes_on(plan.steps.len()) {
            return Ok(CarriedOut::Stopped);
        }
        self.finish(&mut sink(&mut refused))?;
        Ok(refused
            .map_or(CarriedOut::Whole, |(number, refusal)| CarriedOut::Refused(number, refusal)))
    }

    /// Carries out a plan in a copy of the tables; gives the step that the kernel would refuse. `None` also where this
    /// process may not make a network namespace.
    ///
    /// Errors: those of [`Engine::rehearse`].
    pub fn rehearse_plan(&mut self, plan: &Plan) -> Result<Option<(usize, StepRefusal)>, Error> {
        let steps = plan.steps.iter().enumerate();
        let operations: Vec<(usize, Operation)> = steps
            .flat_map(|(number, step)| step.operations().map(move |it| (number, it)))
            .collect();
        let mut refused = None;
        self.rehearse(&operations, &mut sink(&mut refused))?;
        Ok(refused)
    }
}

/// Keeps the first refusal.
fn sink(
    refused: &mut Option<(usize, StepRefusal)>,
) -> impl FnMut(usize, Outcome) -> io::Result<()> + '_ {
    |number, outcome| {
        let refusal = match outcome {
            Outcome::Refused(refusal) => StepRefusal::Refused(refusal),
            Outcome::Ignored(options) => StepRefusal::Ignored(options),
            Outcome::UnfitSa(_) => StepRefusal::Unfit,
            Outcome::NeedsDaemon
            | Outcome::Reserved(_)
            | Outcome::Sa(_)
            | Outcome::EndOfSad
            | Outcome::Policy(_)
            | Outcome::EndOfSpd => return Ok(()),
        };
        refused.get_or_insert((number, refusal));
        Ok(())
    }
}
