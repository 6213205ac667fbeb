//! Policies: their `fwd` copies, the numbers of `unique`, and the form that the kernel can have.

use std::iter;

use model::{Installation, Policy, PolicyId, PolicyType, Template};
use xfrm::{CatchAll, Change, InstalledPolicy};

use crate::{
    Engine, Error, Refusal, Sink, Target,
    policy::{
        catch_alls,
        forward::{forward_copy, forward_id},
        if_there::IfThere,
        installed::{TunnelSas, depends, optional_tunnel, to_install},
        reqids::ReqIds,
        spd::SpdView,
        tunnels::Tunnels,
    },
    state::{reqid_counter::ReqIdCounter, store::Record},
};

/// A policy on its way into the batch.
#[derive(Debug, Clone, Copy)]
struct Addition {
    line: usize,
    if_there: IfThere,
    /// Whether it is the forward copy of the statement's policy.
    is_copy: bool,
}

impl Engine {
    pub(crate) fn add_policy(
        &mut self,
        line: usize,
        mut policy: Policy,
        if_there: IfThere,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut copy = forward_copy(&policy).filter(|_| self.options.forward_copies);
        for (policy, is_copy) in
            iter::once((&mut policy, false)).chain(copy.as_mut().map(|copy| (copy, true)))
        {
            let addition = Addition { line, if_there, is_copy };
            self.choose_numbers(policy.action.templates_mut(), sink)?;
            if depends(policy) {
                self.push_depending(addition, policy, sink)?;
            } else {
                // Nothing was read for a new one, and no program rewrites it: it needs no lock.
                if if_there == IfThere::Replace {
                    self.begin()?;
                }
                let installation = self.in_dialect(policy, Installation::plain(policy));
                self.push_policy(addition, InstalledPolicy { policy, installation, index: 0 });
            }
        }
        for tunnel in self.known.spd.tunnels.note(&policy) {
            self.refit(line, tunnel, sink)?;
        }
        Ok(())
    }

    /// Gives each `unique` without a number one of its own.
    fn choose_numbers(
        &mut self,
        templates: &mut [Template],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        for template in &*templates {
            self.reqids.note(template.reqid());
        }
        let count = ReqIds::wanted_by(templates);
        if count > 0 && !self.reqids.has(count) {
            // The counter has a lock of its own, and no second lock is waited for. The SPD and SAD are
            // read with what is pending.
            self.flush(sink)?;
            let counter = ReqIdCounter::of(&self.host.namespace);
            self.reqids.reserve(count, &mut self.host.kernel, &counter)?;
        }
        self.reqids.fill(templates);
        Ok(())
    }

    /// The form of a policy in the meaning of its script's dialect.
    pub(crate) fn in_dialect(&self, policy: &Policy, installation: Installation) -> Installation {
        let (dialect, direction) = (self.options.dialect, policy.id.direction);
        installation
            .and_optional(policy, |_, template| dialect.lets_in_without(direction, template.proto))
    }

    fn push_policy(&mut self, addition: Addition, installed: InstalledPolicy<'_>) {
        let change = match addition.if_there {
            IfThere::Refuse => Change::AddPolicy(installed),
            IfThere::Replace => Change::UpdatePolicy(installed),
        };
        let target = Target::new_policy(installed.policy);
        let target = if addition.is_copy { target.of_copy() } else { target };
        self.push(addition.line, &change, target);
    }

    /// Appends a policy of which it depends on variables, or on SAs, what is installed.
    fn push_depending(
        &mut self,
        addition: Addition,
        policy: &Policy,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let line = addition.line;
        // A policy that is replaced keeps its index.
        let index = match addition.if_there {
            IfThere::Refuse => {
                self.begin_depending()?;
                None
            }
            IfThere::Replace => {
                self.begin_exclusive(sink)?;
                self.host.kernel.get_policy(&policy.id)?.found().map(|entry| entry.index)
            }
        };
        let templates = policy.action.templates();
        let variables = self.variables_of_batch()?.clone();
        let has_optional_tunnel =
            templates.iter().any(|it| optional_tunnel(policy, it, &variables).is_some());
        if has_optional_tunnel {
            if let Err(error) = self.host.store.prepare() {
                let reason = sys::without_number(error.to_string());
                self.pending.refuse(line, Refusal::NoRecord(error.errno(), reason));
                return Ok(());
            }
            self.read_tunnel_sas()?;
        }
        let (installed, installation) =
            to_install(policy, &variables, self.known.tunnel_sas.as_ref());
        let installation = self.in_dialect(&installed, installation);
        let index = match index {
            _ if !installation.is_partial => 0,
            Some(index) => index,
            None => self.host.store.choose_index(policy.id.direction),
        };
        if installation.is_partial {
            self.pending.record(Record::new(index, policy));
        }
        let installed = InstalledPolicy { policy: &installed, installation, index };
        self.push_policy(addition, installed);
        if has_optional_tunnel {
            self.note_optional_tunnel(line);
        }
        Ok(())
    }

    /// Reads the SAs before this run, once. Those that the run adds are read when it is finished.
    fn read_tunnel_sas(&mut self) -> Result<(), Error> {
        if self.known.tunnel_sas.is_none() {
            self.known.tunnel_sas = Some(TunnelSas::read(&mut self.host.kernel)?);
        }
        Ok(())
    }

    pub(crate) fn delete_policy(&mut self, line: usize, id: &PolicyId) -> Result<(), Error> {
        self.begin()?;
        self.push(line, &Change::DeletePolicy(id), Target::policy(id));
        if let Some(copy) = forward_id(id).filter(|_| self.options.forward_copies) {
            self.push(line, &Change::DeletePolicy(&copy), Target::policy(&copy).of_copy());
        }
        Ok(())
    }

    /// Empties the SPD of a type but for what becomes of packets that no policy matches.
    pub(crate) fn flush_spd(&mut self, line: usize, kind: PolicyType) -> Result<(), Error> {
        self.begin()?;
        self.known.spd = SpdView::default();
        self.push(line, &Change::FlushSpd(kind), Target::Database);
        if kind != PolicyType::Main {
            return Ok(());
        }
        let variables = self.host.variables_or_kernels()?;
        let catch_alls: Vec<CatchAll> = catch_alls::wanted(&variables).collect();
        for it in catch_alls {
            self.push(line, &Change::SetCatchAll(it), Target::Database);
        }
        Ok(())
    }

    /// What the SPD holds, read the first time it matters.
    pub(crate) fn read_spd(&mut self, sink: &mut dyn Sink) -> Result<&mut SpdView, Error> {
        if !self.known.spd.is_current() {
            self.flush(sink)?;
            let mut tunnels = Tunnels::default();
            self.host.read_spd(|entry| {
                tunnels.note(&entry.policy);
            })?;
            self.known.spd = SpdView::read(tunnels);
        }
        Ok(&mut self.known.spd)
    }
}
