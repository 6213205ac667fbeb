//! Reads of the SAD and SPD.

use model::{Proto, SaId, SpiRequest};
use xfrm::{Answer, SadFilter};

use super::Engine;
use crate::{
    Error, Outcome, Refusal, Sink, Target,
    policy::entry::{Installed, Requested},
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
            Answer::Found(entry) => Outcome::Reserved(Box::new(entry)),
            Answer::Refused(refusal) => refused(refusal),
        };
        Ok(sink.outcome(line, outcome)?)
    }

    pub(super) fn answer_get_sa(
        &mut self,
        line: usize,
        id: &SaId,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        match self.host.kernel.get_sa(id)? {
            Answer::Found(entry) => {
                let entry = self.host.store.requested_mode(entry);
                sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
                sink.outcome(line, Outcome::EndOfSad)?;
            }
            Answer::Refused(refusal) => sink.outcome(line, refused(refusal))?,
        }
        Ok(())
    }

    pub(super) fn dump_sad(
        &mut self,
        line: usize,
        proto: Option<Proto>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.flush(sink)?;
        for entry in self.host.kernel.dump_sad(&SadFilter { proto, ..SadFilter::default() })? {
            let entry = self.host.store.requested_mode(entry?);
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

    /// Reads the SPD, newest policy first: each policy as it was requested, and as the kernel holds
    /// it just now.
    pub fn policies(&mut self, mut take: impl FnMut(Requested, Installed)) -> Result<(), Error> {
        for entry in self.host.kernel.dump_spd()? {
            let installed = Installed(entry?);
            take(self.host.store.requested(installed.clone()), installed);
        }
        Ok(())
    }
}

fn refused(xfrm::Refusal { errno, text }: xfrm::Refusal) -> Outcome {
    Outcome::Refused(Refusal::Kernel { target: Target::Sa, errno, text })
}
