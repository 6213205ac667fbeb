use std::{process, time::Duration};

use engine::{Outcome, Refusal, Sink, Target};
use model::{Dialect, Level, Operation, SaEntry, SaGroup, SaId};
use pfkey::{
    Message, MessageType,
    request::{self, PfKeyExtras},
    sad, spd,
};
use rustix::io::Errno;

use super::{Backend, PfKeySocket, Submission};
use crate::{
    StdoutPrinter, dump::DumpEntry, error::Error, message::MessageFormat, options::CommandLine,
    print_error,
};

/// How long an answer may take. The original waited a second; a service may have others to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// PF_KEY as the original uses it: a message, and its answers before the next one.
///
/// The original takes the first message that comes for the answer, also a notification of what another
/// program did. Here an answer is of the request's type and process.
pub struct PfKey {
    socket: PfKeySocket,
    forward_copies: bool,
    dialect: Dialect,
    /// With `-v`: how messages are shown.
    messages: Option<MessageFormat>,
}

impl PfKey {
    pub fn new(socket: PfKeySocket, command: &CommandLine) -> Self {
        let &CommandLine { forward_copies, dialect, verbose, messages, .. } = command;
        Self { socket, forward_copies, dialect, messages: verbose.then_some(messages) }
    }

    /// Registers for no type of SA, as the original does to get the list of algorithms.
    pub fn register(&mut self) -> Result<(), Error> {
        let request = Message::new(MessageType::REGISTER, 0).numbered(0, process::id());
        self.socket.send(&request)?;
        match self.answer(&request)?.errno {
            0 => Ok(()),
            errno => Err(self.socket.failed(Errno::from_raw_os_error(errno.into()))),
        }
    }

    fn carry_out(
        &mut self,
        number: usize,
        operation: &Operation,
        target: Target,
        extras: &PfKeyExtras,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let unsupported = request::unsupported(operation);
        if !unsupported.is_empty() {
            return refuse(number, Refusal::Rule(model::Error::NotInPfKey(unsupported)), printer);
        }
        let request = request::message(operation, extras)?.numbered(0, process::id());
        self.send(&request, printer)?;
        match operation {
            Operation::DeleteAllSa(group) => self.delete_all(number, &request, group, printer),
            Operation::DumpSad(_) | Operation::DumpSpd => self.dump(number, &request, printer),
            Operation::AddSa(_)
            | Operation::UpdateSa(_)
            | Operation::GetSpi(_)
            | Operation::GetSa(..)
            | Operation::DeleteSa(..)
            | Operation::FlushSad(_)
            | Operation::AddPolicy(_)
            | Operation::UpdatePolicy(_)
            | Operation::DeletePolicy(_)
            | Operation::FlushSpd(_)
            | Operation::WithoutForwardCopy(_) => {
                self.one_answer(number, target, &request, printer)
            }
        }
    }

    fn send(&self, request: &Message, printer: &mut StdoutPrinter) -> Result<(), Error> {
        if let Some(format) = self.messages {
            format.write(printer.out(), request)?;
        }
        self.socket.send(request)
    }

    /// The next answer to a request.
    fn answer(&mut self, request: &Message) -> Result<Message, Error> {
        loop {
            let message = self.socket.receive(Some(PATIENCE), Message::decode)??;
            let is_refused = message.msg_type == MessageType(0) && message.errno != 0;
            if is_refused {
                return Err(self.socket.failed(Errno::from_raw_os_error(message.errno.into())));
            }
            if (message.msg_type, message.pid) == (request.msg_type, request.pid) {
                return Ok(message);
            }
        }
    }

    fn one_answer(
        &mut self,
        number: usize,
        target: Target,
        request: &Message,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let answer = self.answer(request)?;
        if answer.errno == 0 && is_shown(&answer) {
            show(answer, printer)?;
            return Ok(printer.outcome(number, Outcome::EndOfSad)?);
        }
        self.show_verbose(&answer, printer)?;
        match answer.errno {
            0 => Ok(printer.accepted(number, answer.seq)?),
            errno => refuse(number, kernel(target, errno), printer),
        }
    }

    /// Prints a dump. The last entry has number 0; of an empty table there is a refusal.
    fn dump(
        &mut self,
        number: usize,
        request: &Message,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let end = match request.msg_type {
            MessageType::DUMP => Outcome::EndOfSad,
            _ => Outcome::EndOfSpd,
        };
        loop {
            let answer = self.answer(request)?;
            let (seq, errno) = (answer.seq, answer.errno);
            if answer.extensions.is_empty() {
                self.show_verbose(&answer, printer)?;
            } else {
                show(answer, printer)?;
            }
            if errno != 0 && !is_empty_table(errno) {
                return refuse(number, kernel(Target::Database, errno), printer);
            }
            if errno != 0 || seq == 0 {
                return Ok(printer.outcome(number, end)?);
            }
        }
    }

    /// Deletes one by one what a dump has: AF_KEY deletes no SA without its SPI.
    fn delete_all(
        &mut self,
        number: usize,
        request: &Message,
        group: &SaGroup,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        for id in self.found(request, group, printer)? {
            let extras = PfKeyExtras { src: Some(group.ends.src()), ..PfKeyExtras::default() };
            self.carry_out(number, &Operation::DeleteSa(id, None), Target::Sa, &extras, printer)?;
        }
        Ok(())
    }

    /// The SAs of a dump that are between two addresses.
    fn found(
        &mut self,
        request: &Message,
        group: &SaGroup,
        printer: &mut StdoutPrinter,
    ) -> Result<Vec<SaId>, Error> {
        let mut found = Vec::new();
        loop {
            let answer = self.answer(request)?;
            self.show_verbose(&answer, printer)?;
            if let Ok(SaEntry { sa, .. }) = sad::read(&answer)
                && group.contains(&sa)
            {
                found.push(sa.id());
            }
            if answer.errno != 0 || answer.seq == 0 {
                return Ok(found);
            }
        }
    }

    /// With `-v`, shows an answer that has nothing else to print.
    fn show_verbose(&self, answer: &Message, printer: &mut StdoutPrinter) -> Result<(), Error> {
        if let Some(format) = self.messages {
            format.without_bytes().write(printer.out(), answer)?;
        }
        Ok(())
    }
}

impl Backend for PfKey {
    fn submit(
        &mut self,
        submission: Submission<'_>,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        let (number, extras) = (submission.number(), submission.extras());
        let operation = match submission.operation {
            Ok(operation) => in_dialect(operation, self.dialect),
            Err(rule) => return refuse(number, Refusal::Rule(rule), printer),
        };
        let target = Target::of(&operation);
        self.carry_out(number, &operation, target.clone(), &extras, printer)?;
        match engine::forward_operation(&operation).filter(|_| self.forward_copies) {
            Some(copy) => self.carry_out(number, &copy, target.of_copy(), &extras, printer),
            None => Ok(()),
        }
    }

    /// Each operation has been answered before the next was taken.
    fn finish(&mut self, _: &mut StdoutPrinter) -> Result<(), Error> {
        Ok(())
    }
}

/// The operation that means on Linux what it means in a dialect: AF_KEY has no other word than `use`
/// for what packets may pass without.
fn in_dialect(mut operation: Operation, dialect: Dialect) -> Operation {
    if let Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) = &mut operation {
        let direction = policy.id.direction;
        for request in policy.action.templates_mut() {
            if dialect.lets_in_without(direction, request.proto) {
                request.level = Level::Use;
            }
        }
    }
    operation
}

/// Whether an answer is printed: that of GET, beside dumps.
fn is_shown(answer: &Message) -> bool {
    answer.msg_type == MessageType::GET
}

/// Prints an SA or a policy.
fn show(answer: Message, printer: &mut StdoutPrinter) -> Result<(), Error> {
    let entry = match answer.msg_type {
        MessageType::SPDDUMP => spd::read(&answer)
            .map(|entry| DumpEntry::Policy(Box::new(entry), Some(answer.reserved))),
        _ => sad::read(&answer).map(|entry| DumpEntry::Sa(Box::new(entry))),
    };
    match entry {
        Ok(entry) => Ok(printer.entry(entry, Some(answer))?),
        Err(error) => {
            print_error(&format_args!("an entry cannot be read: {error}"));
            Ok(())
        }
    }
}

fn is_empty_table(errno: u8) -> bool {
    Errno::from_raw_os_error(errno.into()) == Errno::NOENT
}

fn kernel(target: Target, errno: u8) -> Refusal {
    let errno = Errno::from_raw_os_error(errno.into());
    Refusal::Kernel { target, errno, text: None }
}

fn refuse(number: usize, refusal: Refusal, printer: &mut StdoutPrinter) -> Result<(), Error> {
    Ok(printer.outcome(number, Outcome::Refused(refusal))?)
}
