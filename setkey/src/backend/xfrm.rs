use engine::{Engine, Options};

use super::{Backend, Submission, verbose::Verbose};
use crate::{StdoutPrinter, error::Error, options::Command};

/// XFRM netlink, by the engine.
pub struct Xfrm {
    engine: Engine,
    verbose: Option<Verbose>,
}

impl Xfrm {
    pub fn open(command: &Command) -> Result<Self, Error> {
        let engine = Engine::open(Options {
            forward_copies: command.forward_copies,
            dialect: command.dialect,
        })?;
        let verbose = Verbose::of(command, &engine)?;
        Ok(Self { engine, verbose })
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
