use engine::{Engine, EngineOptions, Loss, Rehearsal};
use model::Operation;

use super::{Backend, Submission, verbose::Verbose};
use crate::{StdoutPrinter, error::Error, options::CommandLine};

/// XFRM netlink, by the engine.
pub struct Xfrm {
    engine: Engine,
    verbose: Option<Verbose>,
}

impl Xfrm {
    pub fn open(command: &CommandLine) -> Result<Self, Error> {
        let engine = Engine::open(EngineOptions {
            forward_copies: command.forward_copies,
            dialect: command.dialect,
        })?;
        let verbose = Verbose::of(command, &engine)?;
        Ok(Self { engine, verbose })
    }
}

impl Xfrm {
    /// Prints what the kernel would refuse of these operations.
    pub fn rehearse(
        &mut self,
        operations: &[(usize, Operation)],
        printer: &mut StdoutPrinter,
    ) -> Result<Rehearsal, Error> {
        Ok(self.engine.rehearse(operations, printer)?)
    }

    /// Has the changes from here on be such that [`Xfrm::undo`] undoes them.
    pub fn prepare_undo(&mut self) -> Result<(), Error> {
        Ok(self.engine.prepare_undo()?)
    }

    /// Sends what is pending and prints its results.
    pub fn flush(&mut self, printer: &mut StdoutPrinter) -> Result<(), Error> {
        Ok(self.engine.flush(printer)?)
    }

    /// Undoes all changes, and gives what could not be restored.
    pub fn undo(&mut self) -> Result<Vec<Loss>, Error> {
        Ok(self.engine.undo()?)
    }
}

impl Backend for Xfrm {
    fn submit(
        &mut self,
        submission: Submission<'_>,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let number = submission.number();
        let Some(verbose) = &mut self.verbose else {
            return Ok(self.engine.submit(number, submission.operation, printer)?);
        };
        // One by one, so that each answer follows its submission.
        if let Ok(operation) = &submission.operation {
            verbose.show_request(operation, &submission.extras(), printer.out())?;
        }
        self.engine.submit(number, submission.operation, printer)?;
        self.engine.flush(printer)?;
        verbose.show_events(printer.out())
    }

    fn finish(&mut self, printer: &mut StdoutPrinter) -> Result<(), Error> {
        Ok(self.engine.finish(printer)?)
    }
}
