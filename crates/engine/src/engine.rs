use ipsec::{AddressPair, Mode, Operation, Policy, PolicyId, Proto, Sa, SaEntry, SaFlags, SaId};
use xfrm::{Batch, Change, Connection, SadFilter};

use crate::{
    Error, Outcome, Refusal, Sink, Target,
    families::is_narrow,
    forward::{forward_copy, forward_id},
    reqids::ReqIds,
    spd::Spd,
};

/// How the engine treats what it is given.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Add, update and delete a `fwd` policy with every `in` policy (setkey -r).
    pub forward_copies: bool,
}

/// Carries operations to the kernel, in order.
pub struct Engine {
    kernel: Connection,
    options: Options,
    batch: Batch,
    waiting: Vec<Waiting>,
    spd: Spd,
}

/// An operation whose result is not out yet.
struct Waiting {
    line: usize,
    what: What,
}

enum What {
    /// The next message of the batch.
    Message(Target),
    /// Not sent: refused by a rule.
    Refused(ipsec::Error),
}

impl Engine {
    /// Opens the way to the kernel of this network namespace.
    pub fn open(options: Options) -> Result<Self, Error> {
        let kernel = Connection::open()?;
        let batch = kernel.batch();
        Ok(Self { kernel, options, batch, waiting: Vec::new(), spd: Spd::default() })
    }

    /// Takes the next operation of the stream, or one that a rule of AF_KEY refuses.
    ///
    /// Its result reaches the sink now or at a later call; [`Engine::flush`] brings out the rest.
    pub fn submit(
        &mut self,
        line: usize,
        operation: Result<Operation, ipsec::Error>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match operation {
            Err(rule) => self.waiting.push(Waiting { line, what: What::Refused(rule) }),
            Ok(Operation::AddPolicy(policy)) => {
                self.add_policy(line, *policy, |p| Change::AddPolicy(p), sink)?;
            }
            Ok(Operation::UpdatePolicy(policy)) => {
                self.add_policy(line, *policy, |p| Change::UpdatePolicy(p), sink)?;
            }
            Ok(Operation::DeletePolicy(id)) => self.delete_policy(line, &id),
            Ok(Operation::AddSa(sa)) => self.add_sa(line, *sa, sink)?,
            Ok(Operation::DeleteSa(id)) => self.push(line, &Change::DeleteSa(id), Target::Sa),
            Ok(Operation::FlushSad(proto)) => {
                self.push(line, &Change::FlushSad(proto), Target::Database);
            }
            Ok(Operation::FlushSpd) => self.push(line, &Change::FlushSpd, Target::Database),
            Ok(Operation::DeleteAllSa(ends, proto)) => {
                self.delete_all(line, ends, proto, sink)?;
            }
            Ok(Operation::GetSa(id)) => self.get_sa(line, &id, sink)?,
            Ok(Operation::DumpSad(proto)) => self.dump_sad(line, proto, sink)?,
            Ok(Operation::DumpSpd) => self.dump_spd(line, sink)?,
        }
        if self.batch.is_full() { self.flush(sink) } else { Ok(()) }
    }

    /// Sends what waits and brings out its results.
    pub fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let refused =
            if self.batch.is_empty() { Vec::new() } else { self.kernel.send(&mut self.batch)? };
        let mut refused = refused.into_iter().peekable();
        let mut position = 0;
        for Waiting { line, what } in self.waiting.drain(..) {
            let refusal = match what {
                What::Refused(rule) => Some(Refusal::Rule(rule)),
                What::Message(target) => {
                    let answer = refused.next_if(|(at, _)| *at == position);
                    position += 1;
                    answer.map(|(_, xfrm::Refusal { errno, text })| Refusal::Kernel {
                        target,
                        errno,
                        text,
                    })
                }
            };
            if let Some(refusal) = refusal {
                sink.outcome(line, Outcome::Refused(refusal))?;
            }
        }
        Ok(())
    }

    fn push(&mut self, line: usize, change: &Change<'_>, target: Target) {
        self.batch.push(change);
        self.waiting.push(Waiting { line, what: What::Message(target) });
    }

    fn add_policy(
        &mut self,
        line: usize,
        mut policy: Policy,
        change: fn(&Policy) -> Change<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut copy = forward_copy(&policy).filter(|_| self.options.forward_copies);
        for policy in [Some(&mut policy), copy.as_mut()].into_iter().flatten() {
            if ReqIds::wanted_by(policy) && !self.read_spd(sink)?.reqids.fill(policy) {
                return Err(Error::NoReqId);
            }
            self.push(line, &change(policy), Target::NewPolicy);
        }
        for (proto, ends) in self.spd.mixed.note(&policy) {
            self.widen(line, proto, ends, sink)?;
        }
        Ok(())
    }

    fn delete_policy(&mut self, line: usize, id: &PolicyId) {
        let copy = forward_id(id).filter(|_| self.options.forward_copies);
        for id in std::iter::once(id).chain(&copy) {
            self.push(line, &Change::DeletePolicy(id), Target::Policy);
        }
    }

    fn add_sa(&mut self, line: usize, mut sa: Sa, sink: &mut dyn Sink) -> Result<(), Error> {
        if sa.mode == Mode::Tunnel {
            self.read_spd(sink)?.mixed.fit(&mut sa);
        }
        self.push(line, &Change::AddSa(&sa), Target::new_sa(&sa));
        Ok(())
    }

    /// Makes the SAs of a tunnel fit for packets of the other family. The kernel changes no
    /// selector of an SA, so they are added anew; one that is in use is left as it is.
    fn widen(
        &mut self,
        line: usize,
        proto: Proto,
        ends: AddressPair,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        let filter = SadFilter { proto: Some(proto), ends: Some(ends) };
        let narrow: Vec<SaEntry> = self
            .kernel
            .dump_sad(&filter)?
            .filter(|entry| entry.as_ref().map_or(true, |entry| is_narrow(&entry.sa)))
            .collect::<Result<_, _>>()?;
        for SaEntry { mut sa, current, .. } in narrow {
            if current.packets != 0 {
                sink.outcome(line, Outcome::NarrowSa(sa.id()))?;
                continue;
            }
            sa.flags = sa.flags | SaFlags::ANY_FAMILY;
            self.push(line, &Change::DeleteSa(sa.id()), Target::Sa);
            self.push(line, &Change::AddSa(&sa), Target::new_sa(&sa));
        }
        Ok(())
    }

    /// What the SPD holds, read the first time it matters.
    fn read_spd(&mut self, sink: &mut dyn Sink) -> Result<&mut Spd, Error> {
        if !self.spd.is_read {
            self.flush(sink)?;
            for entry in self.kernel.dump_spd()? {
                self.spd.note(&entry?);
            }
            self.spd.is_read = true;
        }
        Ok(&mut self.spd)
    }

    fn delete_all(
        &mut self,
        line: usize,
        ends: AddressPair,
        proto: Option<Proto>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        let filter = SadFilter { proto, ends: Some(ends) };
        let found = self.kernel.dump_sad(&filter)?.map(|entry| entry.map(|entry| entry.sa.id()));
        for id in found.collect::<Result<Vec<SaId>, _>>()? {
            self.push(line, &Change::DeleteSa(id), Target::Sa);
            if self.batch.is_full() {
                self.flush(sink)?;
            }
        }
        Ok(())
    }

    fn get_sa(&mut self, line: usize, id: &SaId, sink: &mut dyn Sink) -> Result<(), Error> {
        self.flush(sink)?;
        match self.kernel.get_sa(id)? {
            Ok(entry) => {
                sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
                sink.outcome(line, Outcome::EndOfSad)?;
            }
            Err(xfrm::Refusal { errno, text }) => {
                let refusal = Refusal::Kernel { target: Target::Sa, errno, text };
                sink.outcome(line, Outcome::Refused(refusal))?;
            }
        }
        Ok(())
    }

    fn dump_sad(
        &mut self,
        line: usize,
        proto: Option<Proto>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        for entry in self.kernel.dump_sad(&SadFilter { proto, ends: None })? {
            sink.outcome(line, Outcome::Sa(Box::new(entry?)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSad)?)
    }

    fn dump_spd(&mut self, line: usize, sink: &mut dyn Sink) -> Result<(), Error> {
        self.flush(sink)?;
        for entry in self.kernel.dump_spd()? {
            sink.outcome(line, Outcome::Policy(Box::new(entry?)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSpd)?)
    }
}
