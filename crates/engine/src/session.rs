//! One run of operations: taken in order, sent in batches, answered in order.

pub(crate) mod dumps;
mod finish;
mod missing;
pub(crate) mod near;
pub(crate) mod outcome;
mod pending;
mod pfkey_service;
mod reads;
pub(crate) mod refusal;
pub(crate) mod target;

use model::{Dialect, Operation, Variables};
use xfrm::{Batch, Change, OptionalAttribute};

use crate::{
    Error, Outcome, Refusal, Sink, Target,
    policy::{
        entry::{Installed, Requested},
        if_there::IfThere,
        installed::TunnelSas,
        reqids::ReqIds,
        spd::SpdView,
    },
    state::{host::Host, lock::Access, store::Record},
    undo::prepared::Undo,
};
use finish::FollowUp;
use pending::{Answered, Pending, Sent, Transmit};

/// How the engine treats what it is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineOptions {
    /// Add, update and delete a `fwd` policy with every `in` policy (setkey -r).
    pub forward_copies: bool,
    /// Whose meaning operations have, where the BSDs' is another: an inbound template of IPComp may
    /// be passed without, whatever its level, and an update of an SA replaces its keys.
    pub dialect: Dialect,
}

/// Carries operations to the kernel, in order.
///
/// When [`Engine::submit`], [`Engine::flush`] or [`Engine::finish`] returns an error, nothing is
/// pending: the operation that failed was not carried out and never will be. Those before it were,
/// unless the sink did not get their results.
pub struct Engine {
    pub(crate) host: Host,
    pub(crate) options: EngineOptions,
    pub(crate) pending: Pending,
    pub(crate) known: Known,
    pub(crate) reqids: ReqIds,
    follow_up: FollowUp,
    /// The attributes that the kernel was probed for, and whether it lacks them.
    pub(crate) probed: Vec<(OptionalAttribute, bool)>,
    /// How many more refusals are compared with the whole SAD or SPD.
    comparisons: u8,
    /// None unless changes are to be undone after a refusal.
    pub(crate) undo: Option<Undo>,
}

/// What was read for this run. It is kept up to date with what the run adds.
#[derive(Default)]
pub(crate) struct Known {
    /// The host's variables, if they were read since the lock was taken.
    variables: Option<Variables>,
    pub(crate) spd: SpdView,
    /// The SAs before this run.
    pub(crate) tunnel_sas: Option<TunnelSas>,
}

/// What the kernel did with the last operation of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Accepted,
    Refused,
}

impl Engine {
    /// Opens a connection to the kernel of this network namespace.
    pub fn open(options: EngineOptions) -> Result<Self, Error> {
        Ok(Self::of(Host::open()?, options))
    }

    pub(crate) fn of(mut host: Host, options: EngineOptions) -> Self {
        Self {
            options,
            pending: Pending::new(host.kernel.batch()),
            host,
            known: Known::default(),
            reqids: ReqIds::default(),
            follow_up: FollowUp::default(),
            probed: Vec::new(),
            comparisons: missing::MOST_COMPARISONS,
            undo: None,
        }
    }

    /// The netlink port of this engine: [`model::Origin::pid`] of the events that it causes.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.host.kernel.port()
    }

    /// Takes the next operation of the stream, or one that a rule of AF_KEY refuses.
    ///
    /// Its result reaches the sink now or at a later call; [`Engine::finish`] brings out the rest.
    pub fn submit(
        &mut self,
        line: usize,
        operation: Result<Operation, model::Error>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let before = self.pending.checkpoint();
        let submitted = match operation {
            Err(rule) => {
                self.pending.refuse(line, Refusal::Rule(rule));
                Ok(())
            }
            Ok(operation) => self.prepare(line, operation, sink),
        };
        if let Err(error) = submitted {
            self.pending.roll_back(before);
            self.distrust();
            // The operations before it are whole. Of two errors the first one is the cause.
            let _ = self.flush(sink);
            return Err(error);
        }
        self.pending.unlock_if_empty();
        if self.pending.is_full() { self.flush(sink) } else { Ok(()) }
    }

    /// Appends the changes of an operation to the batch, or answers a question.
    fn prepare(
        &mut self,
        line: usize,
        operation: Operation,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match operation {
            Operation::AddPolicy(policy) => self.add_policy(line, *policy, IfThere::Refuse, sink),
            Operation::UpdatePolicy(policy) => {
                self.add_policy(line, *policy, IfThere::Replace, sink)
            }
            Operation::DeletePolicy(id) => self.delete_policy(line, &id),
            Operation::FlushSpd(kind) => self.flush_spd(line, kind),
            Operation::DumpSpd => self.dump_spd(line, sink),
            Operation::WithoutForwardCopy(operation) => {
                let forward_copies = std::mem::take(&mut self.options.forward_copies);
                let prepared = self.prepare(line, *operation, sink);
                self.options.forward_copies = forward_copies;
                prepared
            }
            Operation::AddSa(sa) => self.add_sa(line, *sa, sink),
            Operation::UpdateSa(sa) => self.update_sa(line, *sa, sink),
            Operation::DeleteSa(id, if_id) => self.delete_sa(line, id, if_id, sink),
            Operation::DeleteAllSa(group) => self.delete_all(line, &group, sink),
            Operation::FlushSad(proto) => {
                self.push(line, &Change::FlushSad(proto), Target::Database);
                Ok(())
            }
            Operation::GetSpi(wanted) => self.answer_get_spi(line, &wanted, sink),
            Operation::GetSa(id, if_id) => self.answer_get_sa(line, id, if_id, sink),
            Operation::DumpSad(proto) => self.dump_sad(line, proto, sink),
        }
    }

    /// Sends what is pending and brings out its results.
    pub fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.send(sink).map(drop)
    }

    /// As [`Engine::flush`]; gives what became of the last operation.
    pub(crate) fn send(&mut self, sink: &mut dyn Sink) -> Result<Last, Error> {
        let sending = self.pending.take(self.host.kernel.batch());
        let Sent { answered, batch, has_stale_records } =
            sending.send(&mut self.host).inspect_err(|_| self.distrust())?;
        self.pending.reuse(batch);
        if has_stale_records {
            self.follow_up.reconcile();
        }
        let mut last = Last::Accepted;
        for Answered { line, result } in answered {
            last = match result {
                Ok(seq) => {
                    sink.accepted(line, seq)?;
                    Last::Accepted
                }
                Err(mut refusal) => {
                    self.look_for_near(&mut refusal);
                    sink.outcome(line, Outcome::Refused(refusal))?;
                    Last::Refused
                }
            };
        }
        Ok(last)
    }

    /// Drops what is known of the SPD, which is read again when it matters: for an engine that
    /// lives on while others change policies.
    pub fn forget_spd(&mut self) {
        self.known.spd = SpdView::default();
        self.reqids.forget();
    }

    /// After an error: what was read may not be true any more, and records may be stale.
    pub(crate) fn distrust(&mut self) {
        self.known = Known::default();
        self.follow_up.reconcile();
    }

    /// A policy of the SPD with all templates that were requested, though the kernel may have only a
    /// part of them.
    pub fn requested(&mut self, installed: Installed) -> Requested {
        self.host.store.requested(installed)
    }

    /// Begins a change: no other program may set variables, or read and rewrite the SPD, between
    /// this and the sending of the batch. Where the namespace has no state, there is none to protect.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        if self.pending.is_locked() { Ok(()) } else { self.lock_batch(Access::Shared) }
    }

    /// Begins a change that depends on the host's variables.
    pub(crate) fn begin_depending(&mut self) -> Result<(), Error> {
        if !self.pending.is_locked() {
            self.make_directory();
        }
        self.begin()
    }

    /// Begins a change that depends on what is there, which no other program may change meanwhile.
    pub(crate) fn begin_exclusive(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        // The batch before it goes with its lock.
        self.flush(sink)?;
        self.make_directory();
        self.lock_batch(Access::Exclusive)
    }

    /// Makes room for the lock. Where no directory can be made, none can set variables.
    fn make_directory(&self) {
        if let Err(error) = self.host.namespace.make() {
            tracing::debug!(%error, "no lock");
        }
    }

    fn lock_batch(&mut self, access: Access) -> Result<(), Error> {
        self.known.variables = None;
        if let Some(lock) = self.host.namespace.lock(access)? {
            self.pending.lock(access, lock);
        }
        Ok(())
    }

    /// The host's variables, as they are while the batch is locked.
    ///
    /// Errors: [`Error::Run`] if they cannot be read, [`Error::Kernel`].
    pub(crate) fn variables_of_batch(&mut self) -> Result<&Variables, Error> {
        let known = self.known.variables.take().filter(|_| self.pending.is_locked());
        let variables = match known {
            Some(known) => known,
            None => self.host.variables()?,
        };
        Ok(self.known.variables.insert(variables))
    }

    /// Appends a change. Those of SAs, and those that delete policies, are followed by reconciling.
    pub(crate) fn push(&mut self, line: usize, change: &Change<'_>, target: Target) {
        self.follow_up.note(change);
        if let Some(undo) = &mut self.undo {
            undo.journal.note(change);
        }
        self.pending.push(line, change, target);
    }
}

impl Transmit for Host {
    fn note_optional_tunnels(&mut self) -> Result<(), Error> {
        self.store.set_has_optional_tunnels(true)
    }

    fn keep(&mut self, records: &[Record]) -> Result<(), Error> {
        self.store.keep(records)
    }

    fn send(&mut self, batch: &mut Batch) -> Result<Vec<(usize, xfrm::KernelRefusal)>, Error> {
        Ok(self.kernel.send(batch)?)
    }
}

#[cfg(test)]
mod tests;
