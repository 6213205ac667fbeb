//! `--all-or-nothing`: a script that is carried out as a whole, or leaves the SAD and SPD as they were.

use std::{io::Write, process::ExitCode};

use cli::{Second, Signals, end_by};
use engine::Rehearsal;
use grammar::Statement;
use model::Operation;

use crate::{
    REFUSED, StdoutPrinter,
    backend::{Backend, Submission, Xfrm},
    check,
    error::Error,
    input::ScriptInput,
    ledger::StatementId,
    options::CommandLine,
    print_error, printer,
    printer::{ResultSource, Streams},
    words::Words,
};

/// A statement and what it comes to.
struct Step {
    id: StatementId,
    statement: Statement,
    operations: Vec<Operation>,
}

/// Reads the script, tries it, and carries it out.
pub fn run(command: &CommandLine, input: ScriptInput) -> Result<ExitCode, Error> {
    let name = input.name.clone();
    let unchanged =
        |reason: &str| print_error(&format_args!("{name}: {reason}: nothing was changed"));
    let mut words = Words::new(command, &input);
    let mut steps: Vec<Step> = Vec::new();
    check::read(command, input, &mut words, |statement, operations| {
        let before = steps.last().map_or(StatementId::NONE, |step| step.id);
        let id = before.after(statement.line());
        steps.push(Step { id, statement, operations });
    })?;
    if words.mistakes > 0 {
        unchanged("it has mistakes");
        return Ok(ExitCode::FAILURE);
    }
    if command.no_action {
        return Ok(ExitCode::SUCCESS);
    }
    let mut backend = Xfrm::open(command)?;
    let mut printer = printer(command, ResultSource::Script(name.clone()))?;
    rehearse(command, &steps, &mut backend, &mut printer)?;
    printer.out().flush()?;
    if printer.has_refused() {
        unchanged("the kernel would refuse it");
        return Ok(ExitCode::from(REFUSED));
    }
    let signals = Signals::catch(Second::Waits)?;
    backend.prepare_undo()?;
    let carried_out = carry_out(steps, &mut backend, &mut printer, &signals);
    printer.out().flush()?;
    let (reason, end) = match carried_out {
        Ok(None) => return Ok(ExitCode::SUCCESS),
        Ok(Some(Ended::ByRefusal)) => ("after the refusal", Ok(ExitCode::from(REFUSED))),
        Ok(Some(Ended::BySignal(signal))) => ("after the signal", Err(signal)),
        Err(error) => {
            print_error(&error);
            ("after the error", Ok(error.exit_code(command.dialect)))
        }
    };
    let is_restored = undo(&name, reason, &mut backend, &printer);
    match end {
        Err(signal) => Err(end_by(signal).into()),
        Ok(_) if !is_restored => Ok(ExitCode::FAILURE),
        Ok(code) => Ok(code),
    }
}

/// Why a script ended early.
enum Ended {
    ByRefusal,
    BySignal(i32),
}

/// Prints what the kernel would refuse.
fn rehearse(
    command: &CommandLine,
    steps: &[Step],
    backend: &mut Xfrm,
    printer: &mut StdoutPrinter,
) -> Result<(), Error> {
    let operations: Vec<(usize, Operation)> = steps
        .iter()
        .flat_map(|step| step.operations.iter().map(|it| (step.id.number(), it.clone())))
        .collect();
    match backend.rehearse(&operations, printer)? {
        Rehearsal::Impossible(errno) if Streams::of(command).notes => {
            let reason = sys::errno_text(errno);
            print_error(&format_args!("not tried in a network namespace of its own: {reason}"));
        }
        Rehearsal::Impossible(_) | Rehearsal::Done => {}
    }
    Ok(())
}

/// Carries out all statements, or up to the first refusal or signal.
fn carry_out(
    steps: Vec<Step>,
    backend: &mut Xfrm,
    printer: &mut StdoutPrinter,
    signals: &Signals,
) -> Result<Option<Ended>, Error> {
    let ended = |printer: &StdoutPrinter| match signals.received() {
        Some(signal) => Some(Ended::BySignal(signal)),
        None => printer.has_refused().then_some(Ended::ByRefusal),
    };
    for Step { id, statement, operations } in steps {
        for operation in operations.into_iter().map(Ok) {
            printer.ledger.submitted(id, &operation);
            let submission = Submission { operation, statement: Some((id, &statement)) };
            backend.submit(submission, printer)?;
            if let Some(ended) = ended(printer) {
                return Ok(Some(ended));
            }
        }
    }
    backend.flush(printer)?;
    if let Some(ended) = ended(printer) {
        return Ok(Some(ended));
    }
    // From here on the script is carried out; what follows agrees with it.
    backend.finish(printer)?;
    Ok(None)
}

/// Undoes what was carried out, and reports what could not be restored. Whether all was.
fn undo(name: &str, reason: &str, backend: &mut Xfrm, printer: &StdoutPrinter) -> bool {
    let losses = match backend.undo() {
        Ok(losses) => losses,
        Err(error) => {
            let summary = printer.ledger.summary(true);
            print_error(&error);
            print_error(&format_args!("{name}: {reason}, undoing failed: {summary}"));
            return false;
        }
    };
    for loss in &losses {
        print_error(&format_args!("{name}: not restored: {}: {}", loss.entry, loss.reason));
    }
    let rest = match losses.len() {
        0 => "the SAD and SPD are as before".to_owned(),
        1 => "the SAD and SPD are as before but for 1 entry".to_owned(),
        count => format!("the SAD and SPD are as before but for {count} entries"),
    };
    print_error(&format_args!("{name}: {reason}, every change was undone: {rest}"));
    losses.is_empty()
}
