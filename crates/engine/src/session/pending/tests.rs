//! Any run of operations, with a failure at any step of any batch.

use std::{fs::File, path::Path, thread, time::Duration};

use proptest::prelude::*;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::*;

const MOMENT: Duration = Duration::from_millis(1);

/// What one operation does to the batch.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It appends a change, which the kernel accepts or refuses.
    Change { refused: bool },
    /// It takes the lock and appends a change with a record.
    Partial,
    /// It takes the lock and finds that there is nothing to change.
    Nothing,
    /// A rule refuses it.
    Rule,
    /// It appends a change with a record, and fails.
    Fails,
    /// It has the batch sent, appends a change, and fails.
    FailsAfterSending,
    /// The batch is sent.
    Send,
    /// The batch is sent, and a step of that fails.
    SendFails(Failing),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Note,
    Keep,
    Send,
}

/// A kernel and a store that fail at one step only.
#[derive(Default)]
struct Fake {
    failing: Option<Failing>,
    /// The positions in the next batch that are refused.
    refused: Vec<usize>,
    /// The sequence numbers of all changes that were made.
    made: Vec<u32>,
    records: Vec<u32>,
}

impl Fake {
    fn step(&self, step: Failing) -> Result<(), Error> {
        let failure = || Error::run(Path::new("file"), Errno::NOSPC.into());
        if self.failing == Some(step) { Err(failure()) } else { Ok(()) }
    }
}

impl Transmit for Fake {
    fn note_optional_tunnels(&mut self) -> Result<(), Error> {
        self.step(Failing::Note)
    }

    fn keep(&mut self, records: &[Record]) -> Result<(), Error> {
        self.step(Failing::Keep)?;
        self.records.extend(records.iter().map(|record| record.index));
        Ok(())
    }

    fn send(&mut self, batch: &mut Batch) -> Result<Vec<(usize, xfrm::KernelRefusal)>, Error> {
        self.step(Failing::Send)?;
        let accepted = (0..batch.len()).filter(|position| !self.refused.contains(position));
        self.made.extend(accepted.map(|position| batch.seq_at(position)));
        let refusal = xfrm::KernelRefusal { errno: Errno::EXIST, text: None };
        Ok(self.refused.drain(..).map(|position| (position, refusal.clone())).collect())
    }
}

/// The code under test, and what is expected of it.
struct Run<'a> {
    lock: &'a Path,
    pending: Pending,
    fake: Fake,
    next_batch: u32,
    line: usize,
    /// The lines of the batch, and whether each will be accepted.
    waiting: Vec<(usize, bool)>,
    /// The lines that were accepted, and those that were refused.
    answered: Vec<(usize, bool)>,
    /// The lines with a record that were sent or wait.
    recorded: Vec<u32>,
    recorded_waiting: Vec<u32>,
}

impl Run<'_> {
    fn open(&self) -> File {
        File::options().append(true).create(true).open(self.lock).unwrap()
    }

    fn batch(&mut self) -> Batch {
        self.next_batch = self.next_batch.wrapping_add(1 << 16);
        Batch::of_no_connection(self.next_batch).unwrap()
    }

    fn begin(&mut self) {
        if !self.pending.is_locked() {
            let limit = Duration::from_secs(1);
            let queue = tempfile::tempfile().unwrap();
            let file = self.open();
            let lock = Lock::wait(&queue, file, self.lock, Access::Shared, limit).unwrap();
            self.pending.lock(Access::Shared, lock);
        }
    }

    fn push(&mut self, has_record: bool) {
        self.pending.push(self.line, &Change::FlushSpd(model::PolicyType::Main), Target::Database);
        if has_record {
            self.pending.note_optional_tunnels();
            let index = self.line.try_into().unwrap();
            self.pending.record(Record { index, templates: Vec::new(), is_local_ok: false });
        }
    }

    fn step(&mut self, step: Step) {
        self.line += 1;
        let before = self.pending.checkpoint();
        let index = self.line.try_into().unwrap();
        match step {
            Step::Change { refused } => {
                if refused {
                    let position = self.pending.batch.len();
                    self.fake.refused.push(position);
                }
                self.push(false);
                self.waiting.push((self.line, !refused));
            }
            Step::Partial => {
                self.begin();
                self.push(true);
                self.waiting.push((self.line, true));
                self.recorded_waiting.push(index);
            }
            Step::Nothing => self.begin(),
            Step::Rule => {
                self.pending.refuse(self.line, Refusal::Rule(model::Error::NoProto));
                self.waiting.push((self.line, false));
            }
            Step::Fails => {
                self.begin();
                self.push(true);
                self.pending.roll_back(before);
            }
            Step::FailsAfterSending => {
                self.send(None);
                self.begin();
                self.push(true);
                self.pending.roll_back(before);
            }
            Step::Send => self.send(None),
            Step::SendFails(failing) => self.send(Some(failing)),
        }
        self.pending.unlock_if_empty();
    }

    fn send(&mut self, failing: Option<Failing>) {
        self.fake.failing = failing;
        let batch = self.batch();
        let sending = self.pending.take(batch);
        let waiting = std::mem::take(&mut self.waiting);
        let recorded = std::mem::take(&mut self.recorded_waiting);
        let made = self.fake.made.len();
        if let Ok(sent) = sending.send(&mut self.fake) {
            let results = sent.answered.iter();
            let results: Vec<_> = results.map(|a| (a.line, a.result.is_ok())).collect();
            assert_eq!(results, waiting);
            let seqs = sent.answered.iter().filter_map(|a| a.result.as_ref().ok().copied());
            assert_eq!(seqs.collect::<Vec<_>>(), self.fake.made[made..]);
            self.answered.extend(results);
            self.recorded.extend(recorded);
        } else {
            assert!(failing.is_some());
            self.fake.refused.clear();
            if failing == Some(Failing::Send) {
                // The kernel is asked last: its records are there, and stale.
                self.recorded.extend(recorded);
            }
        }
        assert!(self.pending.batch.is_empty() && self.pending.waiting.is_empty());
        assert!(self.pending.records.is_empty() && !self.pending.is_locked());
    }

    fn check(&self) {
        let is_free = || flock(self.open(), FlockOperation::NonBlockingLockExclusive).is_ok();
        if self.pending.is_locked() {
            assert!(!is_free() && !self.pending.batch.is_empty(), "a lock outlives its batch");
        } else {
            // Another test may start a program, which has all descriptors until it is executed.
            assert!((0..1000).any(|_| is_free() || {
                thread::sleep(MOMENT);
                false
            }));
        }
        let accepted = self.answered.iter().filter(|(_, accepted)| *accepted).count();
        assert_eq!(self.fake.made.len(), accepted, "no change but those that were answered");
        assert_eq!(self.fake.records, self.recorded);
        let waiting: Vec<_> = self.pending.waiting.iter().map(|waiting| waiting.line).collect();
        assert_eq!(waiting, self.waiting.iter().map(|(line, _)| *line).collect::<Vec<_>>());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let failing = prop_oneof![Just(Failing::Note), Just(Failing::Keep), Just(Failing::Send)];
    prop_oneof![
        any::<bool>().prop_map(|refused| Step::Change { refused }),
        Just(Step::Partial),
        Just(Step::Nothing),
        Just(Step::Rule),
        Just(Step::Fails),
        Just(Step::FailsAfterSending),
        Just(Step::Send),
        failing.prop_map(Step::SendFails),
    ]
}

proptest! {
    #[test]
    fn a_failed_step_leaves_neither_changes_nor_locks(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let lock = directory.path().join("lock");
        let mut run = Run {
            lock: &lock,
            pending: Pending::new(Batch::of_no_connection(1).unwrap()),
            fake: Fake::default(),
            next_batch: 1,
            line: 0,
            waiting: Vec::new(),
            answered: Vec::new(),
            recorded: Vec::new(),
            recorded_waiting: Vec::new(),
        };
        for step in steps {
            run.step(step);
            run.check();
        }
    }
}
