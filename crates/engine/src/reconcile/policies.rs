//! Makes the SPD say again what was asked, after variables or SAs have changed.

use std::collections::HashSet;

use model::{Direction, Form, Policy, PolicyEntry, Proto, Variables};
use tracing::warn;
use xfrm::{Batch, Change, HeldPolicy};

use crate::{
    Error,
    policy::installed::{TunnelSas, depends, hold, optional_tunnel},
    policy::tunnels::Tunnel,
    reconcile::conflicts::Witness,
    state::host::Host,
    state::store::Asked,
};

/// How often to begin again when others change more at once than can be heard.
const TRIES: u32 = 3;

/// What a revision came to.
#[derive(Debug, Default)]
pub struct Revised {
    /// Policies that were written anew.
    pub policies: usize,
    /// Tunnels whose SAs decide what the kernel holds.
    pub tunnels: HashSet<Tunnel>,
    /// The policies of which the kernel holds only a part, by index.
    pub partial: HashSet<u32>,
}

/// Writes those policies anew that the kernel holds in another form than it should. Each is
/// replaced at once (`xfrm_policy_insert`): no packet finds none.
///
/// The caller is alone with the SPD, as far as xfrm-tools are concerned.
pub fn revise(host: &mut Host) -> Result<Revised, Error> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match Revision::begin(host).and_then(|revision| revision.carry_out(host)) {
            Err(Error::Kernel(xfrm::Error::RepliesLost)) if tries > 0 => {}
            result => return result,
        }
    }
}

/// The form of a policy, with the inbound requests of IPComp optional that a BSD's script has made
/// so, whatever their levels ([`model::Dialect::lets_in_without`]).
fn keep_lenient(policy: &Policy, form: Form, held: &PolicyEntry) -> Form {
    // What comes in is never partial: the requests have the same places.
    let is_inbound = policy.id.direction != Direction::Out;
    form.and_optional(policy, |place, request| {
        is_inbound && request.proto == Proto::IpComp && held.form.is_optional(place)
    })
}

struct Revision {
    witness: Witness,
    revised: Revised,
    wrong: Vec<Wrong>,
}

/// A policy that the kernel holds in another form than it should.
struct Wrong {
    /// What it should hold, and how.
    policy: Policy,
    form: Form,
    asked: PolicyEntry,
    held: PolicyEntry,
}

impl Revision {
    /// Finds what is wrong.
    fn begin(host: &mut Host) -> Result<Self, Error> {
        let witness = Witness::new(host.kernel.port())?;
        let variables = host.variables.values()?.clone();
        let mut revision = Self { witness, revised: Revised::default(), wrong: Vec::new() };
        let entries = revision.read(host, &variables)?;
        let follows = !revision.revised.tunnels.is_empty();
        let sas = follows.then(|| TunnelSas::read(&mut host.kernel)).transpose()?;
        // Dumps give what was written last first: the oldest is written first.
        for (held, asked) in entries.into_iter().rev() {
            let (policy, form) = hold(&asked.policy, &variables, sas.as_ref());
            let form = keep_lenient(&policy, form, &held);
            if policy.action.requests() != held.policy.action.requests() || form != held.form {
                let policy = policy.into_owned();
                revision.wrong.push(Wrong { policy, form, asked, held });
            }
        }
        Ok(revision)
    }

    /// The policies whose form depends on something, each with what was asked of it.
    fn read(
        &mut self,
        host: &mut Host,
        variables: &Variables,
    ) -> Result<Vec<(PolicyEntry, PolicyEntry)>, Error> {
        let mut entries = Vec::new();
        for entry in host.kernel.dump_spd()? {
            let held = match entry {
                Ok(held) => held,
                // None of ours: those can be read.
                Err(xfrm::Error::Malformed(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            if held.socket || !(held.form.is_partial || depends(&held.policy)) {
                continue;
            }
            let asked = host.store.asked(held.clone())?;
            if held.form.is_partial {
                // Of one that nobody knows more about, there is no more to hold.
                if asked.policy == held.policy {
                    continue;
                }
                self.revised.partial.insert(held.index);
            }
            let requests = asked.policy.action.requests().iter();
            let tunnels = requests.filter_map(|it| optional_tunnel(&asked.policy, it, variables));
            self.revised.tunnels.extend(tunnels);
            entries.push((held, asked));
        }
        Ok(entries)
    }

    /// Sets it right, but for what others have changed since it was read.
    fn carry_out(mut self, host: &mut Host) -> Result<Revised, Error> {
        self.witness.listen()?;
        let (witness, wrong) = (&self.witness, &mut self.wrong);
        wrong.retain(|wrong| witness.agrees(&wrong.held));
        self.witness.forget();
        self.keep(host)?;
        let mut batch = host.kernel.batch();
        let mut sent = Vec::new();
        for wrong in std::mem::take(&mut self.wrong) {
            if self.witness.knows_of(&wrong.held.policy.id) {
                continue;
            }
            let held =
                HeldPolicy { policy: &wrong.policy, form: wrong.form, index: wrong.held.index };
            batch.push(&Change::UpdatePolicy(held));
            sent.push(wrong);
            if batch.is_full() {
                self.send(host, &mut batch, &mut sent)?;
            }
        }
        self.send(host, &mut batch, &mut sent)?;
        let partial = &self.revised.partial;
        host.store.keep_only(|index| partial.contains(&index))?;
        host.store.set_follows_tunnels(!self.revised.tunnels.is_empty())?;
        Ok(self.revised)
    }

    /// Keeps what is to be left out, before the kernel forgets it.
    fn keep(&mut self, host: &mut Host) -> Result<(), Error> {
        let news = || self.wrong.iter().filter(|it| it.form.is_partial && !it.held.form.is_partial);
        self.revised.partial.extend(news().map(|wrong| wrong.held.index));
        let mut asked = news()
            .map(|wrong| Asked {
                index: wrong.held.index,
                requests: wrong.asked.policy.action.requests(),
            })
            .peekable();
        if asked.peek().is_some() {
            host.store.keep(asked)?;
        }
        Ok(())
    }

    /// Sends a batch of replacements, and takes back those that came too late.
    fn send(
        &mut self,
        host: &mut Host,
        batch: &mut Batch,
        sent: &mut Vec<Wrong>,
    ) -> Result<(), Error> {
        let mut refused = host.kernel.send(batch)?.into_iter().peekable();
        for (place, wrong) in sent.drain(..).enumerate() {
            // A policy that the kernel will not have in another form is left as it is.
            let form = if let Some((_, refusal)) = refused.next_if(|(at, _)| *at == place) {
                warn!(policy = ?wrong.policy.id, %refusal, "a policy cannot be written anew");
                wrong.held.form
            } else {
                self.revised.policies += 1;
                wrong.form
            };
            if !form.is_partial {
                self.revised.partial.remove(&wrong.held.index);
            }
        }
        self.witness.listen()?;
        self.witness.take_back(host)
    }
}
