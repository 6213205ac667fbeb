//! The end of a run: policies and rules that depend on SAs are made to agree with those there are.

use model::variable::DfBit;
use tracing::warn;
use xfrm::Change;

use super::Engine;
use crate::{
    Error, Outcome, Sink,
    reconcile::{df_rule, policies::reconcile},
    state::{lock::Access, reqid_counter::ReqIdCounter},
};

/// What is left to do when a run ends.
#[derive(Debug, Default)]
pub(super) struct FollowUp {
    tables: Tables,
    /// The line of the first policy with an optional tunnel that no warning was given for.
    unwarned: Option<usize>,
}

/// Whether SAs or policies that others depend on have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Tables {
    #[default]
    AsReconciled,
    Changed,
}

impl FollowUp {
    /// Has the run end with reconciling.
    pub(super) fn reconcile(&mut self) {
        self.tables = Tables::Changed;
    }

    /// Notes a change, on which partial policies, their records or the rule for DF may depend.
    pub(super) fn note(&mut self, change: &Change<'_>) {
        match change {
            Change::AddSa(_)
            | Change::UpdateSa(_)
            | Change::DeleteSa(_)
            | Change::FlushSad(_)
            | Change::DeletePolicy(_)
            | Change::FlushSpd(_) => self.reconcile(),
            Change::RestoreSa(_)
            | Change::RestorePolicy(_)
            | Change::RenewPolicy(_)
            | Change::AddPolicy(_)
            | Change::UpdatePolicy(_)
            | Change::Migrate(_)
            | Change::SetCatchAll(_)
            | Change::DeleteCatchAll(_)
            | Change::SetDefault { .. }
            | Change::Acquire { .. } => {}
        }
    }
}

impl Engine {
    /// Notes a policy with an optional outbound tunnel. It is partial while no SA serves the tunnel.
    pub(crate) fn note_optional_tunnel(&mut self, line: usize) {
        self.pending.note_optional_tunnels();
        self.follow_up.unwarned.get_or_insert(line);
    }

    /// Sends what is pending, brings out its results, and reconciles what depends on SAs with those
    /// that came and went: partial policies, and the rule that sets DF on outer headers.
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.flush(sink)?;
        self.reqids.give_back(&ReqIdCounter::of(&self.host.namespace));
        if self.follow_up.tables == Tables::Changed {
            match self.reconcile() {
                // The changes are made. A daemon reconciles again.
                Err(error) if error.is_of_run_directory() => warn!(%error, "not reconciled"),
                reconciled => reconciled?,
            }
            self.follow_up.tables = Tables::AsReconciled;
        }
        self.known.spd.wait();
        self.warn_no_daemon(sink)
    }

    fn reconcile(&mut self) -> Result<(), Error> {
        let has_tunnels =
            self.follow_up.unwarned.is_some() || self.host.store.has_optional_tunnels();
        let sets_df = self.host.variables()?.df_bit() == DfBit::Set;
        if !has_tunnels && !sets_df {
            return Ok(());
        }
        let _lock = self.host.namespace.lock(Access::Exclusive)?;
        if sets_df {
            df_rule::reconcile(&mut self.host)?;
        }
        if has_tunnels {
            self.known.tunnel_sas = None;
            reconcile(&mut self.host)?.agree()?;
        }
        Ok(())
    }

    /// Warns once, for the first policy with an optional tunnel, if no daemon keeps it up to date.
    fn warn_no_daemon(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let Some(line) = self.follow_up.unwarned.take() else { return Ok(()) };
        if !self.host.namespace.has_daemon() {
            sink.outcome(line, Outcome::NeedsDaemon)?;
        }
        Ok(())
    }
}
