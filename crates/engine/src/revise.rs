//! Makes the SPD say again what was asked, after variables or SAs have changed.

use std::collections::{HashMap, HashSet};

use ipsec::{PolicyEntry, PolicyId};
use xfrm::{Batch, Change, Event, Group, HeldPolicy, Monitor};

use crate::{
    Error,
    hold::{TunnelSas, hold, optional_tunnel},
    host::Host,
    store::Asked,
    tunnels::Tunnel,
};

/// What a revision came to.
#[derive(Debug, Default)]
pub struct Revised {
    /// Policies that were written anew.
    pub policies: usize,
    /// Tunnels whose SAs decide what the kernel holds.
    pub tunnels: HashSet<Tunnel>,
}

/// Writes those policies anew that the kernel holds in another form than it should. Each is
/// replaced at once (`xfrm_policy_insert`): no packet finds none.
///
/// The caller is alone with the SPD, as far as xfrm-tools are concerned.
pub fn revise(host: &mut Host) -> Result<Revised, Error> {
    let witness = Witness::new(host)?;
    let variables = host.variables.values()?.clone();
    let mut revision = Revision::default();
    let mut entries = Vec::new();
    for entry in host.kernel.dump_spd()? {
        let held = entry?;
        if held.socket || !(held.form.is_partial || crate::hold::depends(&held.policy)) {
            continue;
        }
        let asked = host.store.asked(held.clone())?;
        let requests = asked.policy.action.requests();
        let tunnels =
            requests.iter().filter_map(|it| optional_tunnel(&asked.policy, it, &variables));
        revision.revised.tunnels.extend(tunnels);
        entries.push((held, asked));
    }
    let follows = !revision.revised.tunnels.is_empty();
    let sas = follows.then(|| TunnelSas::read(&mut host.kernel)).transpose()?;
    // Dumps give what was written last first: the oldest is written first.
    for (held, asked) in entries.into_iter().rev() {
        let (policy, form) = hold(&asked.policy, &variables, sas.as_ref());
        if form.is_partial {
            revision.partial.insert(held.index);
        }
        if policy.action.requests() != held.policy.action.requests() || form != held.form {
            revision.wrong.push(Wrong { policy: policy.into_owned(), form, asked, held });
        }
    }
    revision.carry_out(host, witness)
}

#[derive(Default)]
struct Revision {
    revised: Revised,
    wrong: Vec<Wrong>,
    /// The policies of which the kernel will hold only a part, by index.
    partial: HashSet<u32>,
}

/// A policy that the kernel holds in another form than it should.
struct Wrong {
    /// What it should hold, and how.
    policy: ipsec::Policy,
    form: ipsec::Form,
    asked: PolicyEntry,
    held: PolicyEntry,
}

impl Revision {
    fn carry_out(mut self, host: &mut Host, mut witness: Witness) -> Result<Revised, Error> {
        // What is left out is kept before the kernel forgets it.
        let kept =
            self.wrong.iter().filter(|wrong| wrong.form.is_partial && !wrong.held.form.is_partial);
        let mut kept = kept
            .map(|wrong| Asked {
                index: wrong.held.index,
                requests: wrong.asked.policy.action.requests(),
            })
            .peekable();
        if kept.peek().is_some() {
            host.store.keep(kept)?;
        }
        let mut batch = host.kernel.batch();
        for wrong in &self.wrong {
            let held =
                HeldPolicy { policy: &wrong.policy, form: wrong.form, index: wrong.held.index };
            batch.push(&Change::UpdatePolicy(held));
            if batch.is_full() {
                witness.send(host, &mut batch, &self.wrong)?;
            }
        }
        witness.send(host, &mut batch, &self.wrong)?;
        self.revised.policies = self.wrong.len();
        host.store.keep_only(|index| self.partial.contains(&index))?;
        host.store.set_follows_tunnels(!self.revised.tunnels.is_empty())?;
        Ok(self.revised)
    }
}

/// Sees whether somebody else, who knows of no lock, deletes or replaces a policy between our
/// reading and our writing it. A request that replaces a policy adds it if it has gone.
struct Witness {
    monitor: Monitor,
    port: u32,
    /// What others did to policies lately: the last of it, `None` if that was a deletion.
    others: HashMap<PolicyId, Option<PolicyEntry>>,
    /// Somebody has emptied the SPD.
    flushed: bool,
}

impl Witness {
    fn new(host: &Host) -> Result<Self, Error> {
        let monitor = Monitor::open(&[Group::Policy])?;
        let port = host.kernel.port();
        Ok(Self { monitor, port, others: HashMap::new(), flushed: false })
    }

    /// Sends a batch of replacements, and takes back those that came too late.
    fn send(&mut self, host: &mut Host, batch: &mut Batch, sent: &[Wrong]) -> Result<(), Error> {
        // A policy that the kernel will not have is left as it is.
        host.kernel.send(batch)?;
        let mut repair = host.kernel.batch();
        while let Some(event) = self.monitor.try_next_event()? {
            self.hear(event, sent, &mut repair);
        }
        host.kernel.send(&mut repair)?;
        while self.monitor.try_next_event()?.is_some() {}
        Ok(())
    }

    fn hear(&mut self, event: Event, sent: &[Wrong], repair: &mut Batch) {
        match event {
            Event::PolicyUpdated { entry, origin } if origin.pid == self.port => {
                self.check(&entry.policy.id, sent, repair);
            }
            Event::PolicyAdded { entry, .. } | Event::PolicyUpdated { entry, .. } => {
                self.others.insert(entry.policy.id.clone(), Some(*entry));
            }
            Event::PolicyDeleted { entry, .. } => {
                self.others.insert(entry.policy.id, None);
            }
            Event::SpdFlushed { .. } => {
                self.others.clear();
                self.flushed = true;
            }
            _ => {}
        }
    }

    /// We have replaced this policy.
    fn check(&mut self, id: &PolicyId, sent: &[Wrong], repair: &mut Batch) {
        let others = self.others.remove(id).or(self.flushed.then_some(None));
        let read = || sent.iter().find(|wrong| wrong.held.policy.id == *id);
        match others {
            Some(None) => repair.push(&Change::DeletePolicy(id)),
            Some(Some(entry)) if read().is_none_or(|read| !is_same(&read.held, &entry)) => {
                let policy = &entry.policy;
                let held = HeldPolicy { policy, form: entry.form, index: entry.index };
                repair.push(&Change::UpdatePolicy(held));
            }
            Some(Some(_)) | None => {}
        }
    }
}

fn is_same(one: &PolicyEntry, other: &PolicyEntry) -> bool {
    (&one.policy, one.form, one.index) == (&other.policy, other.form, other.index)
}
