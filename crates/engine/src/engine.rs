use std::{path::Path, time::SystemTime};

use ipsec::{AddressPair, Form, Mode, Operation, Policy, PolicyId, Proto, Sa, SaEntry, SaId};
use xfrm::{Batch, Change, Connection, HeldPolicy, SadFilter};

use crate::{
    Error, Outcome, RUN_DIRECTORY, Refusal, Sink, Target,
    forward::{forward_copy, forward_id},
    reqids::ReqIds,
    spd::Spd,
    store::Store,
    tunnels::Tunnel,
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
    /// Whether the last operation whose result is out was refused.
    last_refused: bool,
    spd: Spd,
    store: Store,
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
        let store = Store::of_namespace(Path::new(RUN_DIRECTORY));
        let (waiting, spd) = (Vec::new(), Spd::default());
        Ok(Self { kernel, options, batch, waiting, last_refused: false, spd, store })
    }

    /// What the kernel calls us: [`xfrm::Origin::pid`] of the events that this engine causes.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.kernel.port()
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
                self.add_policy(line, *policy, |held| Change::AddPolicy(held), sink)?;
            }
            Ok(Operation::UpdatePolicy(policy)) => {
                self.add_policy(line, *policy, |held| Change::UpdatePolicy(held), sink)?;
            }
            Ok(Operation::DeletePolicy(id)) => self.delete_policy(line, &id),
            Ok(Operation::AddSa(sa)) => self.add_sa(line, *sa, false, sink)?,
            Ok(Operation::AddSaOfAnyMode(sa)) => self.add_sa(line, *sa, true, sink)?,
            Ok(Operation::DeleteSa(id)) => self.push(line, &Change::DeleteSa(id), Target::Sa),
            Ok(Operation::FlushSad(proto)) => {
                self.push(line, &Change::FlushSad(proto), Target::Database);
            }
            Ok(Operation::FlushSpd) => self.push(line, &Change::FlushSpd, Target::Database),
            Ok(Operation::DeleteAllSa(ends, proto)) => {
                self.delete_all(line, ends, proto, sink)?;
            }
            Ok(Operation::GetSpi(wish)) => {
                self.flush(sink)?;
                let answer = self.kernel.get_spi(&wish)?;
                self.one_sa(line, answer, sink)?;
            }
            Ok(Operation::GetSa(id)) => {
                self.flush(sink)?;
                let answer = self.kernel.get_sa(&id)?;
                self.one_sa(line, answer, sink)?;
            }
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
            self.last_refused = refusal.is_some();
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
        change: fn(HeldPolicy<'_>) -> Change<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut copy = forward_copy(&policy).filter(|_| self.options.forward_copies);
        for policy in [Some(&mut policy), copy.as_mut()].into_iter().flatten() {
            if ReqIds::wanted_by(policy) && !self.read_spd(sink)?.reqids.fill(policy) {
                return Err(Error::NoReqId);
            }
            let held = HeldPolicy { policy, form: Form::plain(policy), index: 0 };
            self.push(line, &change(held), Target::NewPolicy);
        }
        for tunnel in self.spd.tunnels.note(&policy) {
            self.refit(line, tunnel, sink)?;
        }
        Ok(())
    }

    fn delete_policy(&mut self, line: usize, id: &PolicyId) {
        let copy = forward_id(id).filter(|_| self.options.forward_copies);
        for id in std::iter::once(id).chain(&copy) {
            self.push(line, &Change::DeletePolicy(id), Target::Policy);
        }
    }

    fn add_sa(
        &mut self,
        line: usize,
        mut sa: Sa,
        any_mode: bool,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if any_mode {
            self.read_spd(sink)?.tunnels.choose_mode(&mut sa);
        }
        if sa.mode == Mode::Tunnel {
            self.read_spd(sink)?.tunnels.widen(&mut sa);
        }
        self.push(line, &Change::AddSa(&sa), Target::new_sa(&sa));
        let may_be_ignored =
            sa.direction.is_some() || sa.nat_keepalive != 0 || sa.offload.is_some();
        if !any_mode && !may_be_ignored {
            return Ok(());
        }
        self.flush(sink)?;
        if any_mode && !self.last_refused {
            self.store.note_any_mode(&sa, unix_seconds())?;
        }
        if may_be_ignored && !self.last_refused {
            self.look_for_ignored(line, &sa, sink)?;
        }
        Ok(())
    }

    /// Old kernels pass over attributes that they do not know without a word.
    fn look_for_ignored(
        &mut self,
        line: usize,
        asked: &Sa,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let Ok(SaEntry { sa: made, .. }) = self.kernel.get_sa(&asked.id())? else { return Ok(()) };
        let options = [
            ("-dir (Linux 6.10)", made.direction == asked.direction),
            ("-keepalive (Linux 6.11)", made.nat_keepalive == asked.nat_keepalive),
            ("-offload (the device cannot)", made.offload == asked.offload),
        ];
        let ignored = options.into_iter().filter(|(_, taken)| !taken).map(|row| row.0);
        match ignored.collect::<Vec<_>>() {
            none if none.is_empty() => Ok(()),
            some => Ok(sink.outcome(line, Outcome::Ignored(some))?),
        }
    }

    /// Makes SAs fit for what a new policy asks of them. The kernel changes neither mode nor
    /// selector of an SA, so they are added anew; one that is in use is left as it is.
    fn refit(&mut self, line: usize, tunnel: Tunnel, sink: &mut dyn Sink) -> Result<(), Error> {
        if !self.spd.tunnels.is_mixed(tunnel) && self.store.is_empty() {
            return Ok(());
        }
        self.flush(sink)?;
        let filter = SadFilter { proto: Some(tunnel.0), ends: Some(tunnel.1) };
        let entries: Vec<SaEntry> = self.kernel.dump_sad(&filter)?.collect::<Result<_, _>>()?;
        for SaEntry { sa, state, current } in entries {
            let entry = SaEntry { sa: sa.clone(), state, current };
            let any_mode = self.store.has_any_mode(&entry)?;
            let mut fit = sa;
            if any_mode {
                self.spd.tunnels.choose_mode(&mut fit);
            }
            self.spd.tunnels.widen(&mut fit);
            if fit == entry.sa {
                continue;
            }
            if current.packets != 0 {
                sink.outcome(line, Outcome::UnfitSa(fit.id()))?;
                continue;
            }
            self.push(line, &Change::DeleteSa(fit.id()), Target::Sa);
            self.push(line, &Change::AddSa(&fit), Target::new_sa(&fit));
            if any_mode {
                self.store.note_any_mode(&fit, unix_seconds())?;
            }
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

    /// The answer to a question about one SA.
    fn one_sa(
        &mut self,
        line: usize,
        answer: Result<SaEntry, xfrm::Refusal>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match answer {
            Ok(entry) => {
                let any_mode = self.store.has_any_mode(&entry)?;
                sink.outcome(line, Outcome::Sa(Box::new(entry), any_mode))?;
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
            let entry = entry?;
            let any_mode = self.store.has_any_mode(&entry)?;
            sink.outcome(line, Outcome::Sa(Box::new(entry), any_mode))?;
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

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
