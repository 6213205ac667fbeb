//! SAs: their modes, flags and families, as variables and policies ask for them.

use std::num::NonZeroU32;

use model::{Dialect, Mode, Sa, SaEntry, SaGroup, SaId, SaMode, SaState, ScriptOption};
use sys::clock::unix_seconds;
use xfrm::{Answer, Change, SadSelection};

use crate::{
    Engine, Error, Outcome, Sink, Target,
    policy::tunnels::Tunnel,
    sa::outer_header,
    session::{Last, near::Near},
};

impl Engine {
    pub(crate) fn update_sa(
        &mut self,
        line: usize,
        mut sa: Sa,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if !self.completes(line, &mut sa, sink)? {
            return Ok(());
        }
        if self.options.dialect == Dialect::NetBsd && self.has_other_keys(&sa, sink)? {
            self.push(line, &Change::DeleteSa(sa.id()), Target::Sa);
            self.push(line, &Change::AddSa(&sa), Target::new_sa(&sa));
        } else {
            self.push(line, &Change::UpdateSa(&sa), Target::new_sa(&sa));
        }
        if sa.mode.is_any() && self.send(sink)? == Last::Accepted {
            self.record_mode_any(&sa);
        }
        Ok(())
    }

    /// Records that the mode of an SA was not given. Without the record, the SA is shown with the mode
    /// that was chosen.
    fn record_mode_any(&mut self, sa: &Sa) {
        if let Err(error) = self.host.store.record_mode_any(sa, unix_seconds()) {
            self.host.store.warn(&error);
        }
    }

    /// Whether the SA of this name is complete, with other algorithms or keys. An update would leave
    /// it those (`xfrm_state_update`, net/xfrm/xfrm_state.c), while NetBSD's makes a new SA
    /// (`key_api_update`, sys/netipsec/key.c).
    fn has_other_keys(&mut self, sa: &Sa, sink: &mut dyn Sink) -> Result<bool, Error> {
        self.flush(sink)?;
        let keys = |sa: &Sa| (sa.auth.clone(), sa.crypt.clone(), sa.aead.clone(), sa.comp);
        Ok(match self.host.kernel.get_sa(&sa.id())? {
            Answer::Found(SaEntry {
                sa: made, state: SaState::Mature | SaState::Dying, ..
            }) => keys(&made) != keys(sa),
            _ => false,
        })
    }

    pub(crate) fn add_sa(
        &mut self,
        line: usize,
        mut sa: Sa,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if !self.completes(line, &mut sa, sink)? {
            return Ok(());
        }
        self.push(line, &Change::AddSa(&sa), Target::new_sa(&sa));
        let may_be_ignored =
            sa.nat_keepalive.is_some() || sa.offload.is_some() || !sa.unknown.is_empty();
        if !sa.mode.is_any() && !may_be_ignored {
            return Ok(());
        }
        if self.send(sink)? == Last::Refused {
            return Ok(());
        }
        if sa.mode.is_any() {
            self.record_mode_any(&sa);
        }
        if may_be_ignored {
            self.look_for_ignored(line, &sa, sink)?;
        }
        Ok(())
    }

    /// Gives an SA what it is installed with besides what was requested; false if it is refused.
    fn completes(&mut self, line: usize, sa: &mut Sa, sink: &mut dyn Sink) -> Result<bool, Error> {
        if self.refuses_lacking(line, sa)? {
            return Ok(false);
        }
        self.reqids.note(sa.reqid);
        self.choose_mode(sa, sink)?;
        self.fit(sa, sink)?;
        Ok(true)
    }

    /// Decides with which mode an SA is installed that was given none: AF_KEY takes transport, the
    /// BSDs the mode of the policy that refers to it.
    fn choose_mode(&mut self, sa: &mut Sa, sink: &mut dyn Sink) -> Result<(), Error> {
        if !self.options.dialect.is_bsd() {
            sa.mode = SaMode::Of(sa.mode.installed());
        } else if sa.mode.is_any() {
            sa.mode = self.read_spd(sink)?.tunnels.mode_for(sa);
        }
        Ok(())
    }

    /// Gives an SA the flags that the tunnels of the SPD and the variables ask for.
    fn fit(&mut self, sa: &mut Sa, sink: &mut dyn Sink) -> Result<(), Error> {
        if sa.mode.installed() == Mode::Tunnel {
            self.read_spd(sink)?.tunnels.widen(sa);
            self.begin()?;
            outer_header::choose(self.variables_of_batch()?, sa);
        }
        Ok(())
    }

    /// Looks for what the kernel ignores without an error and cannot be asked about before.
    fn look_for_ignored(
        &mut self,
        line: usize,
        requested: &Sa,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let Answer::Found(SaEntry { sa: made, .. }) = self.host.kernel.get_sa(&requested.id())?
        else {
            return Ok(());
        };
        let has_others = requested.unknown.iter().all(|other| made.unknown.contains(other));
        let options = [
            (ScriptOption::KeepAlive, "Linux 6.11", made.nat_keepalive == requested.nat_keepalive),
            (ScriptOption::Offload, "the device cannot", made.offload == requested.offload),
            (ScriptOption::Attribute, "an unknown number", has_others),
        ];
        let ignored = options.into_iter().filter(|(.., is_taken)| !is_taken);
        let ignored = ignored.map(|(option, needs, _)| format!("{} ({needs})", option.word()));
        match ignored.collect::<Vec<_>>() {
            none if none.is_empty() => Ok(()),
            some => Ok(sink.outcome(line, Outcome::Ignored(some))?),
        }
    }

    /// Makes SAs fit for what a new policy asks of them. The kernel changes neither mode nor
    /// selector of an SA, so they are deleted and added; one that is in use is left as it is.
    pub(crate) fn refit(
        &mut self,
        line: usize,
        tunnel: Tunnel,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if !self.known.spd.tunnels.is_mixed(tunnel) && !self.host.store.has_modes_any() {
            return Ok(());
        }
        self.flush(sink)?;
        let filter = SadSelection { proto: Some(tunnel.0), ends: Some(tunnel.1), prefixes: None };
        let entries: Vec<SaEntry> =
            self.host.kernel.dump_sad(&filter)?.collect::<Result<_, _>>()?;
        let modes = self.host.store.modes();
        for entry in entries {
            let entry = modes.requested(entry);
            let mut fit = entry.sa.clone();
            if fit.mode.is_any() {
                fit.mode = self.known.spd.tunnels.mode_for(&fit);
            }
            self.known.spd.tunnels.widen(&mut fit);
            if entry.sa.mode.installed() != Mode::Tunnel {
                self.begin()?;
                outer_header::choose(self.variables_of_batch()?, &mut fit);
            }
            if fit == entry.sa {
                continue;
            }
            if entry.current.packets != 0 {
                sink.outcome(line, Outcome::UnfitSa(fit.id()))?;
                continue;
            }
            self.push(line, &Change::DeleteSa(fit.id()), Target::Sa);
            self.push(line, &Change::AddSa(&fit), Target::new_sa(&fit));
            if fit.mode.is_any() {
                self.record_mode_any(&fit);
            }
            if self.pending.is_full() {
                self.flush(sink)?;
            }
        }
        Ok(())
    }

    pub(crate) fn delete_sa(
        &mut self,
        line: usize,
        id: SaId,
        if_id: Option<Option<NonZeroU32>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if if_id.is_some() && self.find_sa(line, id, if_id, sink)?.is_none() {
            return Ok(());
        }
        self.push(line, &Change::DeleteSa(id), Target::NamedSa(id, if_id, Near::default()));
        Ok(())
    }

    pub(crate) fn delete_all(
        &mut self,
        line: usize,
        group: &SaGroup,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        let filter = SadSelection { proto: group.proto, ends: Some(group.ends), prefixes: None };
        let found: Vec<SaEntry> = self.host.kernel.dump_sad(&filter)?.collect::<Result<_, _>>()?;
        for SaEntry { sa, .. } in found.iter().filter(|entry| group.contains(&entry.sa)) {
            self.push(line, &Change::DeleteSa(sa.id()), Target::Sa);
            if self.pending.is_full() {
                self.flush(sink)?;
            }
        }
        Ok(())
    }
}
