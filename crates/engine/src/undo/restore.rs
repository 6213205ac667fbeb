//! Undoing a run: what it has added is deleted, and what it has deleted or changed is restored. Entries that
//! it has not touched stay as they are.

use std::collections::HashMap;

use model::{PolicyId, SaId, SaState};
use tracing::debug;
use xfrm::{Batch, Change, PolicyImage, SaImage};

use super::{images::Images, journal::Journal, prepared::Undo};
use crate::{
    Engine, Error,
    state::{host::Host, lock::Access},
};

/// Sequence numbers that an SA may have used between the reading of it and its deletion, and that are left
/// out: a number that is used twice is an IV that is used twice.
const SKIPPED: u32 = 1 << 20;

/// An entry that cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The entry, in words.
    pub entry: String,
    /// The reason.
    pub reason: String,
}

impl Engine {
    /// Undoes every change since [`Engine::prepare_undo`], those that are pending too, and gives what it could
    /// not restore. Without that call there is nothing to undo.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`], [`Error::Store`], [`Error::Locked`].
    pub fn undo(&mut self) -> Result<Vec<Loss>, Error> {
        let Some(Undo { before, journal, owned }) = self.undo.take() else { return Ok(Vec::new()) };
        drop(self.pending.take(self.host.kernel.batch()));
        self.distrust();
        let _lock = self.host.namespace.lock(Access::Exclusive)?;
        if !before.records.is_empty() {
            self.host.store.keep(&before.records)?;
        }
        let now = Images::read(&mut self.host)?;
        let mut losses = restore_sas(&mut self.host, &before.sas, &now.sas, &journal)?;
        losses.extend(restore_policies(&mut self.host, &before.policies, &now.policies, &journal)?);
        self.record_restored(owned)?;
        Ok(losses)
    }
}

fn restore_sas(
    host: &mut Host,
    before: &[SaImage],
    now: &[SaImage],
    journal: &Journal,
) -> Result<Vec<Loss>, Error> {
    let by_id = |sas: &[SaImage]| -> HashMap<SaId, usize> {
        sas.iter().enumerate().map(|(at, sa)| (sa.entry().sa.id(), at)).collect()
    };
    let (old, new) = (by_id(before), by_id(now));
    let is_unchanged = |image: &SaImage| {
        let at = new.get(&image.entry().sa.id());
        at.is_some_and(|at| now[*at].is_same(image))
    };
    let mut changes = Changes::new(host);
    for (id, at) in &new {
        let is_restored = old.get(id).is_some_and(|at| is_unchanged(&before[*at]));
        if journal.has_sa(id) && !is_restored {
            debug!(?id, was_there = old.contains_key(id), "to delete");
            changes.push(&Change::DeleteSa(*id), || name_of_sa(&now[*at]))?;
        }
    }
    let mut losses = Vec::new();
    for image in before.iter().filter(|image| journal.has_sa(&image.entry().sa.id())) {
        if is_unchanged(image) {
            continue;
        }
        let reason = match image.entry().state {
            SaState::Larval => "it has no keys yet",
            _ if image.is_redacted() => "the kernel does not show its keys",
            _ => {
                let image = image.clone().skipping(SKIPPED);
                changes.push(&Change::RestoreSa(&image), || name_of_sa(&image))?;
                continue;
            }
        };
        losses.push(Loss { entry: name_of_sa(image), reason: reason.to_owned() });
    }
    losses.extend(changes.finish()?);
    Ok(losses)
}

fn restore_policies(
    host: &mut Host,
    before: &[PolicyImage],
    now: &[PolicyImage],
    journal: &Journal,
) -> Result<Vec<Loss>, Error> {
    let by_id = |policies: &'_ [PolicyImage]| -> HashMap<PolicyId, usize> {
        let ids = policies.iter().map(|image| image.entry().policy.id.clone());
        ids.enumerate().map(|(at, id)| (id, at)).collect()
    };
    let (old, new) = (by_id(before), by_id(now));
    let mut changes = Changes::new(host);
    // Of policies of one priority the oldest comes first: those younger than one that is restored are renewed.
    let mut is_later = false;
    for image in before {
        let id = &image.entry().policy.id;
        let there = new.get(id).map(|at| &now[*at]);
        let is_touched = journal.has_policy(id);
        match there {
            Some(there) if there.is_same(image) => {
                if is_later {
                    changes.push(&Change::RenewPolicy(image), || name_of_policy(id))?;
                }
                continue;
            }
            // The kernel replaces a policy and keeps its index.
            Some(there) if is_touched && there.entry().index == image.entry().index => {
                changes.push(&Change::RenewPolicy(image), || name_of_policy(id))?;
            }
            Some(_) if is_touched => {
                changes.push(&Change::DeletePolicy(id), || name_of_policy(id))?;
                changes.push(&Change::RestorePolicy(image), || name_of_policy(id))?;
            }
            None if is_touched => {
                changes.push(&Change::RestorePolicy(image), || name_of_policy(id))?;
            }
            // Another program has changed or deleted it.
            Some(_) | None => continue,
        }
        is_later = true;
    }
    for (id, _) in new.iter().filter(|(id, _)| journal.has_policy(id) && !old.contains_key(id)) {
        changes.push(&Change::DeletePolicy(id), || name_of_policy(id))?;
    }
    changes.finish()
}

/// Changes that go to the kernel in batches; a refusal is a loss.
struct Changes<'h> {
    host: &'h mut Host,
    batch: Batch,
    names: Vec<String>,
    losses: Vec<Loss>,
}

impl<'h> Changes<'h> {
    fn new(host: &'h mut Host) -> Self {
        let batch = host.kernel.batch();
        Self { host, batch, names: Vec::new(), losses: Vec::new() }
    }

    fn push(&mut self, change: &Change<'_>, name: impl FnOnce() -> String) -> Result<(), Error> {
        self.batch.push(change);
        self.names.push(name());
        if self.batch.is_full() { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Error> {
        for (at, refusal) in self.host.kernel.send(&mut self.batch)? {
            let reason = match &refusal.text {
                Some(text) => text.clone(),
                None => sys::errno_text(refusal.errno),
            };
            self.losses.push(Loss { entry: std::mem::take(&mut self.names[at]), reason });
        }
        self.names.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Loss>, Error> {
        self.send()?;
        Ok(self.losses)
    }
}

pub(crate) fn name_of_sa(image: &SaImage) -> String {
    let sa = &image.entry().sa;
    format!("the {} SA with SPI 0x{:x} to {}", sa.proto.word(), sa.spi.0, sa.ends.dst())
}

pub(crate) fn name_of_policy(PolicyId { selector, direction, .. }: &PolicyId) -> String {
    let [src, dst] = [selector.src(), selector.dst()].map(|it| (it.addr(), it.length()));
    let direction = direction.word();
    format!("the {direction} policy from {}/{} to {}/{}", src.0, src.1, dst.0, dst.1)
}
