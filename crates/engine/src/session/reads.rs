//! Reads of the SAD and SPD.

use std::num::NonZeroU32;

use model::{Proto, SaEntry, SaId, SpiRequest};
use rustix::io::Errno;
use xfrm::{Answer, SadSelection};

use super::{Engine, near::Near};
use crate::{
    Error, Outcome, Refusal, Sink, Target,
    policy::entry::{Installed, Requested},
    state::host::Host,
};

impl Engine {
    pub(super) fn answer_get_spi(
        &mut self,
        line: usize,
        wanted: &SpiRequest,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        let range = wanted.range(&self.host.variables()?);
        let outcome = match self.host.kernel.get_spi(wanted, range)? {
            Answer::Found(entry) => {
                if let Some(undo) = &mut self.undo {
                    undo.journal.note_sa(entry.sa.id());
                }
                Outcome::Reserved(Box::new(entry))
            }
            Answer::Refused(refusal) => refused(refusal),
        };
        Ok(sink.outcome(line, outcome)?)
    }

    pub(super) fn answer_get_sa(
        &mut self,
        line: usize,
        id: SaId,
        if_id: Option<Option<NonZeroU32>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if let Some(entry) = self.find_sa(line, id, if_id, sink)? {
            let entry = self.host.store.requested_mode(entry);
            sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
            sink.outcome(line, Outcome::EndOfSad)?;
        }
        Ok(())
    }

    /// Reads the SA that a statement names; none if it is refused. The kernel finds an SA by its name alone:
    /// of another if_id, it is refused here.
    pub(crate) fn find_sa(
        &mut self,
        line: usize,
        id: SaId,
        if_id: Option<Option<NonZeroU32>>,
        sink: &mut dyn Sink,
    ) -> Result<Option<SaEntry>, Error> {
        self.flush(sink)?;
        let xfrm::KernelRefusal { errno, text } = match self.host.kernel.get_sa(&id)? {
            Answer::Found(entry) if if_id.is_none_or(|if_id| entry.sa.if_id == if_id) => {
                return Ok(Some(entry));
            }
            Answer::Found(_) => xfrm::KernelRefusal { errno: Errno::SRCH, text: None },
            Answer::Refused(refusal) => refusal,
        };
        let target = Target::NamedSa(id, if_id, Near::default());
        let mut refusal = Refusal::Kernel { target, errno, text };
        self.look_for_near(&mut refusal);
        sink.outcome(line, Outcome::Refused(refusal))?;
        Ok(None)
    }

    pub(super) fn dump_sad(
        &mut self,
        line: usize,
        proto: Option<Proto>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        let modes = self.host.store.modes();
        for entry in
            self.host.kernel.dump_sad(&SadSelection { proto, ..SadSelection::default() })?
        {
            let entry = modes.requested(entry?);
            sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSad)?)
    }

    pub(super) fn dump_spd(&mut self, line: usize, sink: &mut dyn Sink) -> Result<(), Error> {
        self.flush(sink)?;
        for entry in self.host.kernel.dump_spd()? {
            let entry = self.host.store.requested(Installed(entry?));
            sink.outcome(line, Outcome::Policy(Box::new(entry)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSpd)?)
    }

    /// Reads the SPD, newest policy first, as the iterator is pulled: each policy as it was requested, and
    /// as the kernel holds it just now.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn policies(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<(Requested, Installed), Error>> + '_, Error> {
        let Host { kernel, store, .. } = &mut self.host;
        let dump = kernel.dump_spd()?;
        Ok(dump.map(|entry| {
            let installed = Installed(entry?);
            Ok((store.requested(installed.clone()), installed))
        }))
    }

    /// Reads the SAD, newest SA first, as the iterator is pulled.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn sas(&mut self) -> Result<impl Iterator<Item = Result<SaEntry, Error>> + '_, Error> {
        let Host { kernel, store, .. } = &mut self.host;
        let modes = store.modes();
        let dump = kernel.dump_sad(&SadSelection::default())?;
        Ok(dump.map(move |entry| Ok(modes.requested(entry?))))
    }
}

fn refused(xfrm::KernelRefusal { errno, text }: xfrm::KernelRefusal) -> Outcome {
    Outcome::Refused(Refusal::Kernel { target: Target::Sa, errno, text })
}
