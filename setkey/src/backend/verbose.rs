//! `-v`: the PF_KEY messages that the original would have sent and received.

use std::io::Write;

use engine::{Engine, EventMonitor};
use model::Operation;
use pfkey::{
    Message,
    request::{self, PfKeyExtras},
};

use crate::{error::Error, message::MessageFormat, options::CommandLine, print_error};

/// Shows the requests and the kernel's events as messages.
pub struct Verbose {
    monitor: EventMonitor,
    port: u32,
    format: MessageFormat,
    forward_copies: bool,
}

impl Verbose {
    /// With `-v`, opens a monitor for the changes of an engine.
    pub fn of(command: &CommandLine, engine: &Engine) -> Result<Option<Self>, Error> {
        if !command.verbose {
            return Ok(None);
        }
        let monitor = EventMonitor::open(&[model::EventGroup::Sa, model::EventGroup::Policy])?;
        let &CommandLine { messages: format, forward_copies, .. } = command;
        Ok(Some(Self { monitor, port: engine.port(), format, forward_copies }))
    }

    /// Shows the request for an operation.
    pub fn show_request(
        &mut self,
        operation: &Operation,
        extras: &PfKeyExtras,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        self.show(operation, extras, out)?;
        match engine::forward_operation(operation).filter(|_| self.forward_copies) {
            Some(copy) => self.show(&copy, extras, out),
            None => Ok(()),
        }
    }

    /// Shows the kernel's events since the last call, of the changes that this engine made.
    pub fn show_events(&mut self, out: &mut impl Write) -> Result<(), Error> {
        while let Some(event) = self.monitor.try_next_event()? {
            let ours = event.origin().is_some_and(|origin| origin.pid == self.port);
            if !ours {
                continue;
            }
            if let Ok(Some(message)) = pfkey::event::message(&event) {
                let message = message.numbered(0, std::process::id());
                self.format.without_bytes().write(out, &message)?;
            }
        }
        Ok(())
    }

    fn show(
        &self,
        operation: &Operation,
        extras: &PfKeyExtras,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        match request::message(operation, extras) {
            Ok(message) => {
                let message: Message = message.numbered(0, std::process::id());
                Ok(self.format.write(out, &message)?)
            }
            Err(error) => {
                print_error(&format_args!("PF_KEY cannot express a statement: {error}"));
                Ok(())
            }
        }
    }
}
