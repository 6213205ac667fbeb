//! `-v`: the PF_KEY messages that the original would have sent and received.

use std::io::Write;

use engine::{Engine, Monitor};
use ipsec::{Direction, Operation, Policy};
use pfkey::{
    Message,
    request::{self, Wording},
};

use crate::{error::Error, messages, monitor::write_message, options::Command};

/// Shows what goes to the kernel and what comes back.
pub struct Verbose {
    monitor: Monitor,
    port: u32,
    hexdump: bool,
    forward_copies: bool,
}

impl Verbose {
    /// With `-v`, listens to what an engine brings about.
    pub fn of(command: &Command, engine: &Engine) -> Result<Option<Self>, Error> {
        if !command.verbose {
            return Ok(None);
        }
        let monitor = Monitor::open(&[engine::Group::Sa, engine::Group::Policy])?;
        let (port, hexdump) = (engine.port(), command.hexdump);
        Ok(Some(Self { monitor, port, hexdump, forward_copies: command.forward_copies }))
    }

    /// Shows the request for an operation.
    pub fn sent(
        &mut self,
        operation: &Operation,
        wording: &Wording,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        self.show(operation, wording, out)?;
        if let Some(copy) = self.forward_copy(operation) {
            self.show(&copy, wording, out)?;
        }
        Ok(())
    }

    /// Shows what the kernel did since the last call, if it was for us.
    pub fn heard(&mut self, out: &mut impl Write) -> Result<(), Error> {
        while let Some(event) = self.monitor.try_next_event()? {
            let ours = messages::origin(&event).is_some_and(|origin| origin.pid == self.port);
            if !ours {
                continue;
            }
            if let Ok(Some(message)) = messages::of_event(&event) {
                write_message(out, &message.numbered(0, std::process::id()), false)?;
            }
        }
        Ok(())
    }

    fn show(
        &self,
        operation: &Operation,
        wording: &Wording,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        match request::message(operation, wording) {
            Ok(message) => {
                let message: Message = message.numbered(0, std::process::id());
                Ok(write_message(out, &message, self.hexdump)?)
            }
            Err(error) => {
                eprintln!("setkey: PF_KEY has no words for a statement: {error}");
                Ok(())
            }
        }
    }

    /// The `fwd` policy that goes with an `in` policy is a request of its own.
    fn forward_copy(&self, operation: &Operation) -> Option<Operation> {
        let copy = |policy: &Policy| engine::forward_copy(policy).map(Box::new);
        match operation {
            _ if !self.forward_copies => None,
            Operation::AddPolicy(policy) => copy(policy).map(Operation::AddPolicy),
            Operation::UpdatePolicy(policy) => copy(policy).map(Operation::UpdatePolicy),
            Operation::DeletePolicy(id) if id.direction == Direction::In => {
                let direction = Direction::Fwd;
                Some(Operation::DeletePolicy(ipsec::PolicyId { direction, ..id.clone() }))
            }
            _ => None,
        }
    }
}
