use std::{collections::BTreeMap, fmt::Write, thread};

use super::{
    ALLOWED, Case, Side, Step,
    allowed::{has_part, leaves_larval_sa},
    modules::Modules,
    side::Received,
};
use crate::difference;

/// A socket that is there in every case and has registered ESP, for what others receive.
const LISTENER: &str = "listener";

/// Two hosts on which cases are played.
pub struct Comparison {
    af_key: Side,
    service: Side,
    report: Report,
    _modules: Modules,
}

/// What came of the cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps that were played.
    pub steps: usize,
    /// Cases after which the tables were compared.
    pub tables: usize,
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
        Self { af_key, service, report: Report::default(), _modules: Modules::load() }
    }

    /// Joins both hosts to a wire, so that packets may need SAs.
    pub fn connect_wires(&self) {
        self.af_key.connect_a_wire();
        self.service.connect_a_wire();
    }

    /// Plays a case on both hosts.
    pub fn play(&mut self, case: &Case) {
        self.restart();
        let mut are_alike = true;
        for step in &case.steps {
            are_alike &= self.step(case, step);
        }
        // What was allowed to differ leaves different tables.
        if are_alike {
            self.compare_tables(case);
        }
    }

    /// Plays a case until its first difference, wanted or not, since from then on the hosts are not
    /// alike.
    pub fn play_while_same(&mut self, case: &Case) {
        self.restart();
        let differences = self.report.differences.len();
        let end = case.steps.iter().position(|step| !self.step(case, step));
        if end.is_none() {
            self.compare_tables(case);
        }
        if self.report.differences.len() != differences {
            let steps = &case.steps[..end.map_or(case.steps.len(), |end| end + 1)];
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            self.report.differences.push(format!("after:\n{}\n\n", steps.join("\n")));
        }
    }

    fn restart(&mut self) {
        for side in [&mut self.af_key, &mut self.service] {
            side.restart(LISTENER);
        }
    }

    /// Whether a step was the same on both, and leaves them alike.
    fn step(&mut self, case: &Case, step: &Step) -> bool {
        for side in [&mut self.af_key, &mut self.service] {
            take(side, step);
        }
        if let Step::Wait(time) = step {
            thread::sleep(*time);
        }
        let by_others = !matches!(step, Step::Send(..));
        let expected = self.af_key.received(by_others, None);
        let actual = self.service.received(by_others, Some(&expected));
        self.compare(case, step, &expected, &actual)
    }

    fn compare_tables(&mut self, case: &Case) {
        let (expected, actual) = (self.af_key.tables(), self.service.tables());
        if has_part(&actual) {
            return;
        }
        let shown = difference(&expected, &actual);
        let shown =
            shown.map(|shown| format!("{}: what ip(8) shows in the end\n{shown}\n", case.name));
        self.report.differences.extend(shown);
        self.report.tables += 1;
    }

    fn compare(
        &mut self,
        case: &Case,
        step: &Step,
        expected: &Received,
        actual: &Received,
    ) -> bool {
        self.report.steps += 1;
        self.report.messages += expected.values().map(Vec::len).sum::<usize>();
        let (expected, actual) = (text(expected), text(actual));
        let Some(shown) = difference(&expected, &actual) else {
            return !leaves_larval_sa(&expected);
        };
        let is_allowed = ALLOWED.iter().find(|it| (it.applies)(step, &expected, &actual));
        if let Some(allowed) = is_allowed {
            *self.report.allowed.entry(allowed.reason).or_default() += 1;
        } else {
            self.report.differences.push(format!("{}: {step}\n{shown}\n", case.name));
        }
        false
    }

    /// What came of all that was played until now.
    #[must_use]
    pub fn so_far(&self) -> &Report {
        &self.report
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
        Step::Packet(destination) => side.send_packet(*destination),
        Step::Wait(_) => {}
    }
}

fn text(received: &Received) -> String {
    let mut text = String::new();
    for (socket, messages) in received {
        for message in messages {
            write!(text, "{socket} < {message}").expect("a string");
        }
    }
    text
}
