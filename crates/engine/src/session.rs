pub(crate) mod dumps;
pub(crate) mod outcome;
pub(crate) mod pfkey_service;
pub(crate) mod reads;
pub(crate) mod refusal;

use std::io::ErrorKind;

use model::{Dialect, Operation, PolicyEntry, Request, Variables};
use xfrm::{Batch, Change};

use crate::{
    Error, Outcome, Refusal, Sink, Target,
    policy::changes::IfThere,
    policy::installed::TunnelSas,
    policy::spd::Spd,
    state::host::Host,
    state::namespace::{Access, Lock},
    state::store::Asked,
};

/// How the engine treats what it is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Add, update and delete a `fwd` policy with every `in` policy (setkey -r).
    pub forward_copies: bool,
    /// Whose meaning operations have, where the BSDs' is another: an inbound request of IPComp may
    /// be passed without, whatever its level, and an update of an SA replaces its keys.
    pub dialect: Dialect,
}

/// Carries operations to the kernel, in order.
pub struct Engine {
    pub(crate) host: Host,
    pub(crate) options: Options,
    /// From the first change of a batch until it is sent, if anything is kept for this namespace.
    pub(crate) lock: Option<Lock>,
    /// The host's variables, as they are while the lock is held.
    pub(crate) variables: Variables,
    pub(crate) batch: Batch,
    waiting: Vec<Waiting>,
    /// Whether the last operation whose result is out was refused.
    pub(crate) last_refused: bool,
    pub(crate) spd: Spd,
    /// What was asked of policies in the batch some of whose requests are left out, by index.
    pub(crate) kept: Vec<(u32, Vec<Request>)>,
    /// The SAs before this run, read the first time they matter.
    pub(crate) tunnel_sas: Option<TunnelSas>,
    /// The line of the first policy whose form follows SAs, of which nothing was said yet.
    pub(crate) follows: Option<usize>,
    /// SAs came or went, or records may have outlived their policies.
    pub(crate) is_unsettled: bool,
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
    Refused(model::Error),
}

impl Engine {
    /// Opens the way to the kernel of this network namespace.
    pub fn open(options: Options) -> Result<Self, Error> {
        let host = Host::open()?;
        Ok(Self {
            options,
            lock: None,
            variables: Variables::default(),
            batch: host.kernel.batch(),
            host,
            waiting: Vec::new(),
            last_refused: false,
            spd: Spd::default(),
            kept: Vec::new(),
            tunnel_sas: None,
            follows: None,
            is_unsettled: false,
        })
    }

    /// What the kernel calls us: [`model::Origin::pid`] of the events that this engine causes.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.host.kernel.port()
    }

    /// Takes the next operation of the stream, or one that a rule of AF_KEY refuses.
    ///
    /// Its result reaches the sink now or at a later call; [`Engine::settle`] brings out the rest.
    pub fn submit(
        &mut self,
        line: usize,
        operation: Result<Operation, model::Error>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match operation {
            Err(rule) => self.waiting.push(Waiting { line, what: What::Refused(rule) }),
            Ok(Operation::AddPolicy(policy)) => {
                self.add_policy(line, *policy, IfThere::Refuse, sink)?;
            }
            Ok(Operation::UpdatePolicy(policy)) => {
                self.add_policy(line, *policy, IfThere::Replace, sink)?;
            }
            Ok(Operation::DeletePolicy(id)) => self.delete_policy(line, &id)?,
            Ok(Operation::AddSa(sa)) => self.add_sa(line, *sa, sink)?,
            Ok(Operation::UpdateSa(sa)) => self.update_sa(line, *sa, sink)?,
            Ok(Operation::DeleteSa(id)) => {
                self.is_unsettled = true;
                self.push(line, &Change::DeleteSa(id), Target::Sa);
            }
            Ok(Operation::FlushSad(proto)) => {
                self.is_unsettled = true;
                self.push(line, &Change::FlushSad(proto), Target::Database);
            }
            Ok(Operation::FlushSpd) => self.flush_spd(line)?,
            Ok(Operation::DeleteAllSa(ends, proto)) => {
                self.delete_all(line, ends, proto, sink)?;
            }
            Ok(Operation::GetSpi(wish)) => {
                self.flush(sink)?;
                let range = wish.range(self.host.variables.values()?);
                let answer = self.host.kernel.get_spi(&wish, range)?;
                reads::reserved(line, answer, sink)?;
            }
            Ok(Operation::GetSa(id)) => {
                self.flush(sink)?;
                let answer = self.host.kernel.get_sa(&id)?;
                self.one_sa(line, answer, sink)?;
            }
            Ok(Operation::DumpSad(proto)) => self.dump_sad(line, proto, sink)?,
            Ok(Operation::DumpSpd) => self.dump_spd(line, sink)?,
        }
        if self.batch.is_full() { self.flush(sink) } else { Ok(()) }
    }

    /// Sends what waits and brings out its results. After an error it is not known which of the
    /// changes were made, and none waits any more.
    pub fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let first_seq = self.host.kernel.next_seq();
        let refused = if self.batch.is_empty() { Vec::new() } else { self.send()? };
        let mut refused = refused.into_iter().peekable();
        let mut position = 0;
        for Waiting { line, what } in waiting {
            let refusal = match what {
                What::Refused(rule) => Some(Refusal::Rule(rule)),
                What::Message(target) => {
                    let at = position;
                    position += 1;
                    let answer = refused.next_if(|(refused, _)| *refused == at);
                    if answer.is_none() {
                        sink.taken(line, seq_at(first_seq, at))?;
                    }
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

    /// Forgets what it knows of the SPD, which is read again when it matters: for an engine that
    /// lives on while others change policies.
    pub fn forget_spd(&mut self) {
        self.spd = Spd::default();
    }

    /// A policy of the SPD with everything that was asked of it, though the kernel may hold only a
    /// part.
    ///
    /// Errors: [`Error::Store`].
    pub fn asked(&mut self, entry: PolicyEntry) -> Result<PolicyEntry, Error> {
        Ok(self.host.store.asked(entry)?)
    }

    /// Sends the batch, and keeps first what the kernel will not hold of it.
    fn send(&mut self) -> Result<Vec<(usize, xfrm::Refusal)>, Error> {
        if self.follows.is_some() {
            self.host.store.set_follows_tunnels(true)?;
        }
        if !self.kept.is_empty() {
            let kept = self.kept.iter();
            self.host
                .store
                .keep(kept.map(|(index, requests)| Asked { index: *index, requests }))?;
        }
        let refused = self.host.kernel.send(&mut self.batch)?;
        self.is_unsettled |= !(self.kept.is_empty() || refused.is_empty());
        self.kept.clear();
        self.lock = None;
        Ok(refused)
    }

    /// Begins a change: nobody that sets variables, or reads and rewrites the SPD, may come between
    /// it and the sending of the batch. Where nothing is kept, nobody does.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        if self.lock.is_none() && self.host.namespace.exists() {
            self.lock = self.lock(Access::Shared)?;
            self.variables = self.host.variables.values()?.clone();
        }
        Ok(())
    }

    /// Begins a change that depends on the host's variables.
    pub(crate) fn begin_depending(&mut self) -> Result<(), Error> {
        if self.lock.is_none() {
            self.host.namespace.make().map_err(Error::run)?;
        }
        self.begin()
    }

    /// Begins a change that depends on what is there, while no other waits: nobody else may change
    /// it meanwhile.
    pub(crate) fn begin_alone(&mut self) -> Result<(), Error> {
        self.host.namespace.make().map_err(Error::run)?;
        // One of our own would keep us waiting too.
        self.lock = None;
        self.lock = self.lock(Access::Alone)?;
        self.variables = self.host.variables.values()?.clone();
        Ok(())
    }

    /// Keeps others out, if this process may: CAP_NET_ADMIN alone does not open what root keeps.
    pub(crate) fn lock(&self, access: Access) -> Result<Option<Lock>, Error> {
        match self.host.namespace.lock(access) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
            lock => Ok(Some(lock.map_err(Error::run)?)),
        }
    }

    pub(crate) fn push(&mut self, line: usize, change: &Change<'_>, target: Target) {
        self.batch.push(change);
        self.waiting.push(Waiting { line, what: What::Message(target) });
    }
}

/// The sequence number of the change at a place in a batch.
fn seq_at(first: u32, position: usize) -> u32 {
    first.wrapping_add(position.try_into().unwrap_or(u32::MAX))
}
