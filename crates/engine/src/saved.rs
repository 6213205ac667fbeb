//! SAs in a file over a restart, with counters, replay windows and sequence numbers. A number that is used twice is an
//! initialization vector that is used twice, so what is restored goes on with higher ones
//! (docs/adr/0025-saved-sas.md).

pub(crate) mod fault;
mod file;
mod format;
#[cfg(fuzzing)]
mod fuzzing;

use std::collections::HashSet;

use model::{PolicyId, Proto, SaDirection, SaEntry, SaId, SaState};
use sys::clock::unix_seconds;
use xfrm::{Change, PolicyImage, SaImage};

use crate::{
    Engine, Error, Loss, Outcome, Target,
    undo::{
        images::Images,
        restore::{name_of_policy, name_of_sa},
    },
};
pub use file::SavedFile;
#[cfg(fuzzing)]
pub use fuzzing::saved;

/// By how much sequence numbers are put forward, where no number is given.
const GAP: u32 = 1 << 20;

/// SAs and policies of a file.
#[derive(Debug, Default)]
pub struct Saved {
    sas: Vec<SaImage>,
    policies: Vec<PolicyImage>,
    /// Unix seconds.
    time: u64,
}

/// What came of saving or restoring.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transfer {
    /// The number of SAs.
    pub sas: usize,
    /// The number of policies.
    pub policies: usize,
    /// The entries that were left out.
    pub omitted: Vec<Loss>,
}

/// How restoring ended.
#[derive(Debug)]
pub enum Restored {
    /// All but what was left out is in the kernel.
    Done(Transfer),
    /// Nothing was changed, and the file can be restored: the reasons.
    Unchanged(Vec<Loss>),
    /// The kernel refused these, and every change was undone, but for the second.
    Undone(Vec<Loss>, Vec<Loss>),
}

impl Engine {
    /// Reads the SAs that are meant, and with `has_policies` all policies but those of sockets.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn save(
        &mut self,
        is_meant: impl Fn(&SaEntry) -> bool,
        has_policies: bool,
    ) -> Result<(Saved, Transfer), Error> {
        let tables = Images::read(&mut self.host)?;
        let mut omitted = Vec::new();
        let mut saved = Saved { time: unix_seconds(), ..Saved::default() };
        for image in tables.sas.into_iter().filter(|image| is_meant(image.entry())) {
            match reason_not_to_save(&image) {
                None => saved.sas.push(image),
                Some(reason) => omitted.push(loss(name_of_sa(&image), reason)),
            }
        }
        if has_policies {
            for (image, requested) in tables.policies.into_iter().zip(&tables.requested) {
                if requested.installation.is_partial {
                    let reason = "not all of its templates are installed: load it from its script";
                    omitted.push(loss(name_of_policy(&requested.policy.id), reason));
                } else {
                    saved.policies.push(image);
                }
            }
        }
        let (sas, policies) = (saved.sas.len(), saved.policies.len());
        Ok((saved, Transfer { sas, policies, omitted }))
    }

    /// Restores what a file has, all or nothing, with sequence numbers that are `gap` higher than when it was saved. The
    /// file is marked before the first change, so that it is not restored twice.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Saved`], [`Error::Run`].
    pub fn restore_saved(
        &mut self,
        file: &mut SavedFile,
        gap: Option<u32>,
    ) -> Result<Restored, Error> {
        let saved = file.read()?;
        let tables = Images::read(&mut self.host)?;
        let reasons = reasons_not_to_begin(&saved, &tables, gap);
        if !reasons.is_empty() {
            return Ok(Restored::Unchanged(reasons));
        }
        // An attempt that was undone may have used numbers.
        let count = gap.unwrap_or(GAP).saturating_mul(file.attempts().saturating_add(1));
        let (sas, ended) = forward(&saved.sas, count);
        self.prepare_undo()?;
        file.mark_used()?;
        let refused = self.add_saved(&sas, &saved.policies)?;
        if !refused.is_empty() {
            let losses = self.undo()?;
            file.mark_unused()?;
            return Ok(Restored::Undone(refused, losses));
        }
        let (sas, policies) = (sas.len(), saved.policies.len());
        Ok(Restored::Done(Transfer { sas, policies, omitted: ended }))
    }

    /// Adds entries as they were; gives what the kernel refuses.
    fn add_saved(&mut self, sas: &[SaImage], policies: &[PolicyImage]) -> Result<Vec<Loss>, Error> {
        let names: Vec<String> = sas
            .iter()
            .map(name_of_sa)
            .chain(policies.iter().map(|image| name_of_policy(&image.entry().policy.id)))
            .collect();
        let mut refused = Vec::new();
        let mut sink = |number: usize, outcome: Outcome| {
            if let Outcome::Refused(refusal) = outcome {
                refused.push(Loss { entry: names[number].clone(), reason: refusal.to_string() });
            }
            Ok(())
        };
        let sas =
            sas.iter().map(|image| (Change::RestoreSa(image), Target::new_sa(&image.entry().sa)));
        let policies = policies
            .iter()
            .map(|image| (Change::RestorePolicy(image), Target::new_policy(&image.entry().policy)));
        for (number, (change, target)) in sas.chain(policies).enumerate() {
            self.push(number, &change, target);
            if self.pending.is_full() {
                self.flush(&mut sink)?;
            }
        }
        self.finish(&mut sink)?;
        Ok(refused)
    }
}

fn loss(entry: String, reason: &str) -> Loss {
    Loss { entry, reason: reason.to_owned() }
}

fn reason_not_to_save(image: &SaImage) -> Option<&'static str> {
    match image.entry().state {
        SaState::Larval => Some("it has no keys yet"),
        SaState::Dead => Some("it has expired"),
        SaState::Mature | SaState::Dying if image.is_redacted() => {
            Some("the kernel does not show its keys")
        }
        SaState::Mature | SaState::Dying => None,
    }
}

/// What keeps a file from being restored.
fn reasons_not_to_begin(saved: &Saved, tables: &Images, gap: Option<u32>) -> Vec<Loss> {
    let sas: HashSet<SaId> = tables.sas.iter().map(|image| image.entry().sa.id()).collect();
    let policies: HashSet<&PolicyId> =
        tables.policies.iter().map(|image| &image.entry().policy.id).collect();
    let mut reasons = Vec::new();
    for image in &saved.sas {
        if sas.contains(&image.entry().sa.id()) {
            reasons.push(loss(name_of_sa(image), "it is there"));
        } else if gap.is_none() && sends(image.entry()) && is_counter_mode(image.entry()) {
            let reason = format!(
                "its initialization vectors are its sequence numbers, and how many it has used since it was saved is \
                 not known: give a number that is not smaller (--gap), or make a new SA (saved {} s ago)",
                unix_seconds().saturating_sub(saved.time)
            );
            reasons.push(Loss { entry: name_of_sa(image), reason });
        }
    }
    for image in saved.policies.iter().filter(|it| policies.contains(&it.entry().policy.id)) {
        reasons.push(loss(name_of_policy(&image.entry().policy.id), "it is there"));
    }
    reasons
}

/// Whether an SA sends packets, or may: one that has received some and sent none does not.
fn sends(SaEntry { sa, .. }: &SaEntry) -> bool {
    let replay = &sa.replay_state;
    matches!(sa.proto, Proto::Esp | Proto::Ah)
        && sa.direction != Some(SaDirection::In)
        && (replay.sent != 0 || replay.received == 0)
}

fn is_counter_mode(SaEntry { sa, .. }: &SaEntry) -> bool {
    let mut keyed = [&sa.crypt, &sa.aead, &sa.auth].into_iter().flatten();
    keyed.any(|it| it.algorithm.is_counter_mode())
}

/// Puts sequence numbers forward; gives the SAs that have not so many left, which are left out.
fn forward(sas: &[SaImage], count: u32) -> (Vec<SaImage>, Vec<Loss>) {
    let (mut forwarded, mut ended) = (Vec::new(), Vec::new());
    for image in sas {
        let sa = &image.entry().sa;
        let most = if sa.esn { u64::MAX } else { u32::MAX.into() };
        let has_left = sa.replay_state.sent.checked_add(count.into()).is_some_and(|it| it < most);
        if !sends(image.entry()) {
            forwarded.push(image.clone());
        } else if has_left {
            forwarded.push(image.clone().going_on(count));
        } else {
            ended.push(loss(name_of_sa(image), "it has not so many sequence numbers left"));
        }
    }
    (forwarded, ended)
}
