//! What of a script is in force, for a script that ends early.
//!
//! Changes go to the kernel in batches, so a statement counts when the kernel has answered.

use std::{collections::VecDeque, fmt};

use model::{Operation, Proto};

/// A statement of a script: its line, and its place among those of the line. Several statements of one
/// line are distinguished by a byte, which is enough for neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatementId(usize);

impl StatementId {
    /// No statement: an option of the command line.
    pub const NONE: StatementId = StatementId(0);

    /// The statement of this line that follows another.
    pub fn after(self, line: usize) -> Self {
        let place = if self.line() == line { (self.0 & 0xff) + 1 } else { 0 };
        Self(line << 8 | place & 0xff)
    }

    /// The one that has this number for the engine.
    pub fn of_number(number: usize) -> Self {
        Self(number)
    }

    /// Its number for the engine, which calls it a line.
    pub fn number(self) -> usize {
        self.0
    }

    /// Its line; 0: none.
    pub fn line(self) -> usize {
        self.0 >> 8
    }
}

/// What an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// SAs of one protocol, or of all.
    Sas(Option<Proto>),
    Policies,
    SadFlush(Option<Proto>),
    SpdFlush,
    Nothing,
}

impl Effect {
    fn of(operation: &Operation) -> Self {
        match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => Effect::Sas(Some(sa.proto)),
            Operation::DeleteSa(id, _) => Effect::Sas(Some(id.proto)),
            Operation::GetSpi(request) => Effect::Sas(Some(request.proto)),
            Operation::DeleteAllSa(group) => Effect::Sas(group.proto),
            Operation::AddPolicy(_) | Operation::UpdatePolicy(_) | Operation::DeletePolicy(_) => {
                Effect::Policies
            }
            Operation::FlushSad(proto) => Effect::SadFlush(*proto),
            Operation::FlushSpd(_) => Effect::SpdFlush,
            Operation::WithoutForwardCopy(operation) => Self::of(operation),
            Operation::GetSa(..) | Operation::DumpSad(_) | Operation::DumpSpd => Effect::Nothing,
        }
    }
}

/// A number of statements, and the lines of the first and last.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    count: usize,
    first: usize,
    last: usize,
}

impl Tally {
    fn add(&mut self, line: usize) {
        self.add_all(Tally { count: 1, first: line, last: line });
    }

    fn add_all(&mut self, other: Tally) {
        match (self.count, other.count) {
            (_, 0) => {}
            (0, _) => *self = other,
            _ => {
                self.count += other.count;
                self.first = self.first.min(other.first);
                self.last = self.last.max(other.last);
            }
        }
    }
}

impl fmt::Display for Tally {
    /// `2 statements (lines 3 to 5)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { count, first, last } = self;
        let s = if *count == 1 { "" } else { "s" };
        write!(f, "{count} statement{s} (")?;
        if first == last {
            write!(f, "line {first})")
        } else {
            write!(f, "lines {first} to {last})")
        }
    }
}

/// What the kernel has answered so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The operations whose answer is to come.
    waiting: VecDeque<(StatementId, Effect)>,
    counted: Option<StatementId>,
    sas: Vec<(Option<Proto>, Tally)>,
    policies: Tally,
    refused: Tally,
    /// What was flushed, and the line of the last flush.
    flushed: Vec<(Effect, usize)>,
}

impl Ledger {
    /// Notes an operation on its way to the kernel, or one that a rule refuses.
    pub fn submitted(
        &mut self,
        statement: StatementId,
        operation: &Result<Operation, model::Error>,
    ) {
        let effect = operation.as_ref().map_or(Effect::Nothing, Effect::of);
        self.waiting.push_back((statement, effect));
    }

    /// Notes that the kernel took a change.
    pub fn accepted(&mut self, statement: StatementId) {
        let effect = self.answered(statement);
        if self.counted.replace(statement) == Some(statement) {
            return;
        }
        let line = statement.line();
        match effect {
            Effect::Nothing => {}
            Effect::Policies => self.policies.add(line),
            Effect::Sas(proto) => match self.sas.iter_mut().find(|(of, _)| *of == proto) {
                Some((_, tally)) => tally.add(line),
                None => self.sas.push((proto, Tally { count: 1, first: line, last: line })),
            },
            Effect::SadFlush(None) => {
                self.sas.clear();
                self.flush(effect, line);
            }
            Effect::SadFlush(proto) => {
                self.sas.retain(|(of, _)| *of != proto);
                self.flush(effect, line);
            }
            Effect::SpdFlush => {
                self.policies = Tally::default();
                self.flush(effect, line);
            }
        }
    }

    /// Notes that a change was refused.
    pub fn refused(&mut self, statement: StatementId) {
        self.answered(statement);
        if self.counted.replace(statement) != Some(statement) {
            self.refused.add(statement.line());
        }
    }

    /// The effect of a statement that is answered. Those before it have been.
    fn answered(&mut self, statement: StatementId) -> Effect {
        while self.waiting.front().is_some_and(|(at, _)| *at != statement) {
            self.waiting.pop_front();
        }
        self.waiting.front().map_or(Effect::Nothing, |(_, effect)| *effect)
    }

    fn flush(&mut self, effect: Effect, line: usize) {
        let is_over = |other: &Effect| {
            *other == effect
                || (effect == Effect::SadFlush(None) && matches!(other, Effect::SadFlush(_)))
        };
        self.flushed.retain(|(other, _)| !is_over(other));
        self.flushed.push((effect, line));
    }

    fn in_force(&self) -> Tally {
        let mut all = self.policies;
        self.sas.iter().for_each(|(_, tally)| all.add_all(*tally));
        all
    }

    /// The sentence about a script that ended early. `are_unknown`: the kernel's answers were lost.
    pub fn summary(&self, are_unknown: bool) -> String {
        let mut parts = Vec::new();
        match self.in_force() {
            none if none.count == 0 => parts.push("no statement is in force".to_owned()),
            one if one.count == 1 => parts.push(format!("{one} is in force")),
            several => parts.push(format!("{several} are in force")),
        }
        match self.refused {
            none if none.count == 0 => {}
            one if one.count == 1 => parts.push(format!("{one} was refused")),
            several => parts.push(format!("{several} were refused")),
        }
        for (effect, line) in &self.flushed {
            let what = match effect {
                Effect::SadFlush(Some(proto)) => format!("the {} SAs were", proto.word()),
                Effect::SadFlush(None) => "the SAD was".to_owned(),
                _ => "the SPD was".to_owned(),
            };
            parts.push(format!("{what} flushed (line {line})"));
        }
        if self.flushed.is_empty() {
            parts.push("nothing was flushed".to_owned());
        }
        let mut unknown = Tally::default();
        let mut last = self.counted;
        for (statement, effect) in &self.waiting {
            if *effect != Effect::Nothing && last.replace(*statement) != Some(*statement) {
                unknown.add(statement.line());
            }
        }
        if are_unknown && unknown.count > 0 {
            parts.push(format!("of {unknown} it is not known"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Direction, PolicyId, Prefix, SaGroup, Selector};

    use super::*;

    fn policy() -> Operation {
        let host = Prefix::host([192, 0, 2, 1].into());
        let id = PolicyId::new(Selector::new(host, host).unwrap(), Direction::In);
        Operation::DeletePolicy(id)
    }

    struct Script(Ledger, StatementId);

    impl Script {
        fn submit(&mut self, line: usize, operation: &Operation) -> StatementId {
            self.1 = self.1.after(line);
            self.0.submitted(self.1, &Ok(operation.clone()));
            self.1
        }
    }

    #[test]
    fn statements_of_one_line_differ() {
        let first = StatementId::NONE.after(7);
        let second = first.after(7);
        assert!(first != second && (first.line(), second.line()) == (7, 7));
        assert_eq!(second.after(8).line(), 8);
        assert_eq!(StatementId::of_number(second.number()), second);
    }

    #[test]
    fn a_flush_ends_what_was_in_force() {
        let mut script = Script(Ledger::default(), StatementId::NONE);
        assert_eq!(script.0.summary(false), "no statement is in force, nothing was flushed");
        for (line, operation) in [
            (1, policy()),
            (2, Operation::FlushSpd(model::PolicyType::Main)),
            (3, policy()),
            (3, policy()),
            (4, policy()),
        ] {
            let id = script.submit(line, &operation);
            // A policy and its forward copy.
            if line == 4 {
                script.0.refused(id);
                script.0.refused(id);
            } else {
                script.0.accepted(id);
                script.0.accepted(id);
            }
        }
        let expected = "2 statements (line 3) are in force, 1 statement (line 4) was refused, \
                        the SPD was flushed (line 2)";
        assert_eq!(script.0.summary(false), expected);
    }

    #[test]
    fn a_statement_that_was_not_answered_is_not_in_force() {
        let mut script = Script(Ledger::default(), StatementId::NONE);
        let first = script.submit(1, &policy());
        script.submit(2, &Operation::DumpSpd);
        script.submit(5, &policy());
        script.0.accepted(first);
        let sent = "1 statement (line 1) is in force, nothing was flushed";
        assert_eq!(script.0.summary(false), sent);
        let lost = format!("{sent}, of 1 statement (line 5) it is not known");
        assert_eq!(script.0.summary(true), lost);
    }

    #[test]
    fn a_rule_refuses_in_its_place() {
        let mut script = Script(Ledger::default(), StatementId::NONE);
        let first = script.submit(1, &policy());
        let ruled = first.after(1);
        script.0.submitted(ruled, &Err(model::Error::NoProto));
        script.1 = ruled;
        let last = script.submit(1, &policy());
        script.0.accepted(first);
        script.0.refused(ruled);
        script.0.accepted(last);
        let expected = "2 statements (line 1) are in force, 1 statement (line 1) was refused, \
                        nothing was flushed";
        assert_eq!(script.0.summary(true), expected);
    }

    #[test]
    fn a_flush_of_one_protocol_leaves_the_others() {
        let mut script = Script(Ledger::default(), StatementId::NONE);
        for (line, proto) in [(1, Proto::Ah), (2, Proto::Esp)] {
            let (ends, proto) = (AddressPair::UNSPECIFIED, Some(proto));
            let group = SaGroup { ends, proto, mark: None, if_id: None };
            let operation = Operation::DeleteAllSa(group);
            let id = script.submit(line, &operation);
            script.0.accepted(id);
        }
        let id = script.submit(3, &Operation::FlushSad(Some(Proto::Ah)));
        script.0.accepted(id);
        let expected = "1 statement (line 2) is in force, the ah SAs were flushed (line 3)";
        assert_eq!(script.0.summary(false), expected);
    }
}
