use std::{collections::BTreeMap, fmt::Write, thread};

use super::{ALLOWED, Case, Side, Step, side::Heard};
use crate::difference;

/// Two hosts on which cases are played.
pub struct Comparison {
    af_key: Side,
    service: Side,
    report: Report,
}

/// What came of the cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps that were played.
    pub steps: usize,
    /// Messages that AF_KEY said.
    pub messages: usize,
    /// How often each wanted difference was met, by its reason.
    pub allowed: BTreeMap<&'static str, usize>,
    /// The others.
    pub differences: Vec<String>,
}

impl Comparison {
    /// A comparison of these.
    #[must_use]
    pub fn new(af_key: Side, service: Side) -> Self {
        Self { af_key, service, report: Report::default() }
    }

    /// Plays a case on both hosts.
    pub fn play(&mut self, case: &Case) {
        self.af_key.start_anew();
        self.service.start_anew();
        for step in &case.steps {
            for side in [&mut self.af_key, &mut self.service] {
                take(side, step);
            }
            if let Step::Wait(time) = step {
                thread::sleep(*time);
            }
            let by_others = !matches!(step, Step::Send(..));
            let expected = self.af_key.heard(by_others, None);
            let actual = self.service.heard(by_others, Some(&expected));
            self.compare(case, step, &expected, &actual);
        }
    }

    fn compare(&mut self, case: &Case, step: &Step, expected: &Heard, actual: &Heard) {
        self.report.steps += 1;
        self.report.messages += expected.values().map(Vec::len).sum::<usize>();
        let (expected, actual) = (text(expected), text(actual));
        let Some(shown) = difference(&expected, &actual) else { return };
        let is_allowed = ALLOWED.iter().find(|it| (it.applies)(step, &expected, &actual));
        if let Some(allowed) = is_allowed {
            *self.report.allowed.entry(allowed.reason).or_default() += 1;
            return;
        }
        let step = match step {
            Step::Send(socket, draft) => format!("{socket} {}", draft.text()),
            other => format!("{other:?}"),
        };
        self.report.differences.push(format!("{}: {step}\n{shown}\n", case.name));
    }

    /// What came of all cases.
    #[must_use]
    pub fn report(self) -> Report {
        self.report
    }
}

fn take(side: &mut Side, step: &Step) {
    match step {
        Step::Send(socket, draft) => {
            let bytes = draft.bytes(side.seen()).expect("it was read before");
            side.send(socket, &bytes);
        }
        Step::Close(socket) => side.close(socket),
        Step::Command(command) => side.command(command),
        Step::Wait(_) => {}
    }
}

fn text(heard: &Heard) -> String {
    let mut text = String::new();
    for (socket, messages) in heard {
        for message in messages {
            write!(text, "{socket} < {message}").expect("a string");
        }
    }
    text
}
