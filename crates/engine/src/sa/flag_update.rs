//! SAs that keep the DF or ECN setting they were made with: the kernel changes no flag of an SA in
//! use (`xfrm_state_update`, net/xfrm/xfrm_state.c).

use model::{IpVersion, SaEntry, SaFlags, SaId, SaState, Setting, Variables};
use xfrm::{Change, Connection, SaImage, SadSelection};

use crate::{Error, sa::outer_header};

/// What settings ask of the SAs that are there.
pub struct Renewal<'a> {
    /// Only the flags that these decide count.
    pub settings: &'a [Setting],
    /// The host's variables with these settings.
    pub variables: &'a Variables,
}

impl Renewal<'_> {
    /// How many SAs have other flags than they should.
    pub fn count(&self, kernel: &mut Connection) -> Result<usize, Error> {
        Ok(self.find(kernel)?.len())
    }

    /// Replaces those SAs, and returns their number. One is left as it is if it is deleted
    /// meanwhile, if the kernel does not show its keys, or if it does not take it with other flags.
    pub fn carry_out(&self, kernel: &mut Connection) -> Result<usize, Error> {
        let mut renewed = 0;
        // Oldest first, so that they keep their order: the kernel lists the newest first.
        for id in self.find(kernel)?.into_iter().rev() {
            renewed += usize::from(self.renew(kernel, &id)?);
        }
        Ok(renewed)
    }

    fn find(&self, kernel: &mut Connection) -> Result<Vec<SaId>, Error> {
        let decides = |outer| outer_header::decided(self.settings, outer) != SaFlags::default();
        let mut found = Vec::new();
        if IpVersion::ALL.into_iter().any(decides) {
            for entry in kernel.dump_sad(&SadSelection::default())? {
                let entry = entry?;
                if self.flags(&entry).is_some() {
                    found.push(entry.sa.id());
                }
            }
        }
        Ok(found)
    }

    /// The flags that an SA should have, if they are others than it has.
    fn flags(&self, SaEntry { sa, state, .. }: &SaEntry) -> Option<SaFlags> {
        let decided = outer_header::decided(self.settings, IpVersion::of(sa.ends.dst()));
        let flags = outer_header::findings(self.variables, decided, sa);
        let is_usable = matches!(state, SaState::Mature | SaState::Dying);
        (is_usable && flags != sa.flags).then_some(flags)
    }

    /// Replaces one SA, if it is there. It is read at the last moment: the sequence number of a
    /// packet that it sends between this and its end is used again, and the receiver drops one of
    /// the two.
    fn renew(&self, kernel: &mut Connection, id: &SaId) -> Result<bool, Error> {
        let Some(old) = kernel.get_sa_image(id)?.found() else { return Ok(false) };
        match self.flags(old.entry()) {
            Some(flags) if old.entry().sa.id() == *id && !old.is_redacted() => {
                replace(kernel, &old, &old.clone().with_state_flags(flags))
            }
            _ => Ok(false),
        }
    }
}

/// Puts an SA in the place of another of the same name, or leaves all as it was.
fn replace(kernel: &mut Connection, old: &SaImage, new: &SaImage) -> Result<bool, Error> {
    let id = old.entry().sa.id();
    let mut batch = kernel.batch();
    batch.push(&Change::DeleteSa(id));
    batch.push(&Change::RestoreSa(new));
    let refused = kernel.send(&mut batch)?;
    match refused[..] {
        [] => return Ok(true),
        // Another program has deleted it before: it must not come back.
        [(0, _)] => batch.push(&Change::DeleteSa(id)),
        [(_, _)] => batch.push(&Change::RestoreSa(old)),
        _ => {}
    }
    match kernel.send(&mut batch)?.pop() {
        None => Ok(false),
        Some((_, refusal)) => {
            let doing = "putting back an SA that could not be replaced";
            Err(xfrm::Error::Refused { doing, refusal }.into())
        }
    }
}
