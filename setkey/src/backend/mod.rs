//! The backends: how operations reach the kernel, by XFRM netlink and the engine or, as in the
//! original, as PF_KEY messages; and how its answers reach the printer.

mod pfkey;
mod socket;
mod verbose;
mod xfrm;

use ::pfkey::request::PfKeyExtras;
use grammar::Statement;
use model::Operation;

use self::pfkey::PfKey;
use crate::{StdoutPrinter, error::Error, ledger::StatementId, options::CommandLine, pfkey_extras};
pub use socket::PfKeySocket;
pub use xfrm::Xfrm;

/// How operations reach the kernel.
pub trait Backend {
    /// Takes the next operation. Its result is printed now, or by the next [`Backend::finish`].
    fn submit(
        &mut self,
        submission: Submission<'_>,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error>;

    /// Prints the results that are still to come.
    fn finish(&mut self, printer: &mut StdoutPrinter) -> Result<(), Error>;
}

/// An operation on its way to the kernel.
pub struct Submission<'a> {
    /// What is to be done, or the rule of AF_KEY that refuses it.
    pub operation: Result<Operation, model::Error>,
    /// The statement that requests it; none: an option of the command line.
    pub statement: Option<(StatementId, &'a Statement)>,
}

impl Submission<'_> {
    /// An operation that an option of the command line requests.
    pub fn of_option(operation: Operation) -> Self {
        Self { operation: Ok(operation), statement: None }
    }

    /// The number of the statement, which results come with.
    fn number(&self) -> usize {
        self.statement.map_or(StatementId::NONE, |(id, _)| id).number()
    }

    /// What of the statement is in PF_KEY messages only.
    fn extras(&self) -> PfKeyExtras {
        let extras = self.statement.map(|(_, statement)| pfkey_extras::of(&statement.command));
        extras.unwrap_or_default()
    }
}

/// Opens the backend that the command line names.
pub fn open(command: &CommandLine) -> Result<Box<dyn Backend>, Error> {
    Ok(match &command.pf_key {
        None => Box::new(Xfrm::open(command)?),
        Some(source) => Box::new(PfKey::new(PfKeySocket::open(source)?, command)),
    })
}

/// Opens the backend for a script: a PF_KEY socket is registered first, as the original does.
pub fn open_for_script(command: &CommandLine) -> Result<Box<dyn Backend>, Error> {
    Ok(match &command.pf_key {
        None => Box::new(Xfrm::open(command)?),
        Some(source) => {
            let mut backend = PfKey::new(PfKeySocket::open(source)?, command);
            backend.register()?;
            Box::new(backend)
        }
    })
}
