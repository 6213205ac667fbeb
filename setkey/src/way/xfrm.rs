use engine::{Engine, Options};
use model::Operation;
use pfkey::request::PfKeyExtras;

use super::verbose::Verbose;
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

    pub fn submit(
        &mut self,
        line: usize,
        operation: Result<Operation, model::Error>,
        wording: &PfKeyExtras,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let Some(verbose) = &mut self.verbose else {
            return Ok(self.engine.submit(line, operation, printer)?);
        };
        // One by one, so that each answer follows its question.
        if let Ok(operation) = &operation {
            verbose.sent(operation, wording, printer.out())?;
        }
        self.engine.submit(line, operation, printer)?;
        self.engine.flush(printer)?;
        verbose.heard(printer.out())
    }

    pub fn settle(&mut self, printer: &mut StdoutPrinter) -> Result<(), Error> {
        Ok(self.engine.settle(printer)?)
    }
}
