//! What the kernel is asked.

use model::{PolicyEntry, Proto, SaEntry};
use xfrm::SadFilter;

use super::Engine;
use crate::{Error, Outcome, Refusal, Sink, Target};

impl Engine {
    /// The answer to a question about one SA.
    pub(super) fn one_sa(
        &mut self,
        line: usize,
        answer: Result<SaEntry, xfrm::Refusal>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match answer {
            Ok(entry) => {
                let entry = self.host.store.requested_mode(entry)?;
                sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
                sink.outcome(line, Outcome::EndOfSad)?;
            }
            Err(xfrm::Refusal { errno, text }) => {
                let refusal = Refusal::Kernel { target: Target::Sa, errno, text };
                sink.outcome(line, Outcome::Refused(refusal))?;
            }
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
            let entry = self.host.store.requested_mode(entry?)?;
            sink.outcome(line, Outcome::Sa(Box::new(entry)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSad)?)
    }

    pub(super) fn dump_spd(&mut self, line: usize, sink: &mut dyn Sink) -> Result<(), Error> {
        self.flush(sink)?;
        for entry in self.host.kernel.dump_spd()? {
            let entry = self.host.store.asked(entry?)?;
            sink.outcome(line, Outcome::Policy(Box::new(entry)))?;
        }
        Ok(sink.outcome(line, Outcome::EndOfSpd)?)
    }

    /// Reads the SPD, newest policy first: each policy as it was asked for, and as the kernel holds
    /// it just now.
    pub fn policies(
        &mut self,
        mut take: impl FnMut(PolicyEntry, PolicyEntry),
    ) -> Result<(), Error> {
        for entry in self.host.kernel.dump_spd()? {
            let held = entry?;
            take(self.host.store.asked(held.clone())?, held);
        }
        Ok(())
    }
}

/// The answer to a wish for an SPI.
pub(super) fn reserved(
    line: usize,
    answer: Result<SaEntry, xfrm::Refusal>,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let outcome = match answer {
        Ok(entry) => Outcome::Reserved(Box::new(entry)),
        Err(xfrm::Refusal { errno, text }) => {
            Outcome::Refused(Refusal::Kernel { target: Target::Sa, errno, text })
        }
    };
    Ok(sink.outcome(line, outcome)?)
}
