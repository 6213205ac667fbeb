//! The way of operations to the kernel, and of what it answers to the printer: by XFRM netlink and
//! the engine, or as PF_KEY messages, as the original had it.

mod pf_key;
mod socket;
mod verbose;
mod xfrm;

use model::Operation;
use pfkey::request::PfKeyExtras;

use crate::{StdoutPrinter, error::Error, options::Command};
use pf_key::PfKey;
use xfrm::Xfrm;

pub use socket::Socket;

/// The one that the command line asks for.
pub enum Way {
    Xfrm(Box<Xfrm>),
    PfKey(PfKey),
}

impl Way {
    /// For a script, whose reader wants to know before its first statement that somebody is there.
    pub fn for_script(command: &Command) -> Result<Self, Error> {
        let mut way = Self::open(command)?;
        if let Way::PfKey(conversation) = &mut way {
            conversation.register()?;
        }
        Ok(way)
    }

    /// For a single operation.
    pub fn open(command: &Command) -> Result<Self, Error> {
        Ok(match &command.pf_key {
            None => Way::Xfrm(Box::new(Xfrm::open(command)?)),
            Some(whose) => Way::PfKey(PfKey::new(Socket::open(whose)?, command)),
        })
    }

    /// Takes the next operation, or one that a rule of AF_KEY refuses. `wording` is how its
    /// statement says it. Its result comes out now or with the next [`Way::settle`].
    pub fn submit(
        &mut self,
        line: usize,
        operation: Result<Operation, model::Error>,
        wording: &PfKeyExtras,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        match self {
            Way::Xfrm(way) => way.submit(line, operation, wording, printer),
            Way::PfKey(way) => way.submit(line, operation, wording, printer),
        }
    }

    /// Brings out all results.
    pub fn settle(&mut self, printer: &mut StdoutPrinter) -> Result<(), Error> {
        match self {
            Way::Xfrm(way) => way.settle(printer),
            // Each operation has been answered before the next was taken.
            Way::PfKey(_) => Ok(()),
        }
    }
}
