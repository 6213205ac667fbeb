//! What a PF_KEY service needs that is no operation of a script: single reads with an immediate
//! answer, larval SAs, migration.
//!
//! None of these waits for the changes of a batch that is not sent: [`Engine::flush`] first.

use std::num::NonZeroU32;

use model::{
    Key, Migration, Policy, PolicyEntry, Sa, SaEntry, SaId, SaState, SocketPolicy, Spi, SpiRequest,
    Variables,
};
use xfrm::{Answer, Change};

use super::Engine;
use crate::{
    Error, Installed, Requested,
    plan::same::{SaDifference, is_same_policy, keep_numbers, sa_difference},
    policy::sockets,
    sa::given_flags::GivenFlags,
};

/// SPIs that may be chosen for a larval SA that is deleted at once: any, and small enough for a CPI.
const ANY_SPI: (Spi, Spi) = (Spi(0x100), Spi(0xffff));

impl Engine {
    /// Reads one SA.
    ///
    /// Errors: [`Error::Kernel`]; of a refusal [`Error::errno`] is the kernel's answer, ESRCH if
    /// there is no such SA.
    pub fn get_sa(&mut self, id: &SaId) -> Result<SaEntry, Error> {
        answered("reading an SA", self.host.kernel.get_sa(id)?)
    }

    /// Reads the SA that adding this one would have made, if the kernel has it: the same in all that the
    /// request gives, its number included. None as well if it cannot be read.
    pub fn added_sa(&mut self, requested: &Sa) -> Option<SaEntry> {
        let entry = self.get_sa(&requested.id()).ok()?;
        let is_same = |requested: &Sa| sa_difference(requested, &entry.sa) == SaDifference::None;
        let is_added = entry.state != SaState::Larval
            && entry.sa.seq == requested.seq
            && keys(&entry.sa) == keys(requested)
            && (is_same(requested) || is_same(&with_given_flags(requested)?));
        is_added.then_some(entry)
    }

    /// Reads the policy that adding this one would have made, if the kernel has it: the same in all that
    /// the request gives. None as well if it cannot be read.
    pub fn added_policy(&mut self, requested: &Policy) -> Option<Requested> {
        let found = self.host.kernel.get_policy(&requested.id).ok()?;
        let Requested(entry) = self.requested(Installed(answered("reading a policy", found).ok()?));
        let mut requested = requested.clone();
        keep_numbers(&mut requested, &entry.policy);
        is_same_policy(&requested, &entry.policy).then_some(Requested(entry))
    }

    /// Reads the policy of this index, as the kernel has it.
    ///
    /// Errors: [`Error::Kernel`]; of a refusal [`Error::errno`] is the kernel's answer, ENOENT if
    /// there is no such policy.
    pub fn get_policy_of_index(&mut self, index: u32) -> Result<PolicyEntry, Error> {
        answered("reading a policy", self.host.kernel.get_policy_of_index(index)?)
    }

    /// Makes a larval SA with an SPI of the range, both ends included; without a range, of the range
    /// that the host's variables say. If the kernel has a larval SA of the ACQUIRE of number
    /// `acquire` to the same address, that one gets the SPI.
    ///
    /// Errors: [`Error::Kernel`]; of a refusal [`Error::errno`] is the kernel's answer, ENOENT if
    /// all SPIs of the range are in use. [`Error::Run`].
    pub fn get_spi(
        &mut self,
        acquire: Option<NonZeroU32>,
        wanted: &SpiRequest,
        range: Option<(Spi, Spi)>,
    ) -> Result<SaEntry, Error> {
        let range = match range {
            Some(range) => range,
            None => wanted.range(&self.variables()?),
        };
        let larval = self.host.kernel.get_spi_of(acquire, wanted, range)?;
        answered("choosing an SPI", larval)
    }

    /// Deletes the larval SA of the ACQUIRE of number `acquire`, so that packets no longer wait for
    /// it. The kernel cannot name a larval SA without SPI, but gives it one by that number, or, if
    /// AF_KEY has changed the number (`km_query`), by what `wanted` contains. The event of the deletion has
    /// this engine's port.
    ///
    /// Errors: [`Error::Kernel`]. That there is no such SA is none.
    pub fn delete_larval_sa(
        &mut self,
        acquire: NonZeroU32,
        wanted: &SpiRequest,
    ) -> Result<(), Error> {
        if let Answer::Found(larval) =
            self.host.kernel.get_spi_of(Some(acquire), wanted, ANY_SPI)?
        {
            let mut batch = self.host.kernel.batch();
            batch.push(&Change::DeleteSa(larval.sa.id()));
            let refusals = self.host.kernel.send(&mut batch)?;
            tracing::debug!(acquire, ?refusals, "larval SA deleted");
        }
        Ok(())
    }

    /// Moves a policy and its SAs to other tunnel addresses. Monitors of [`model::EventGroup::Migrate`]
    /// read an event of it, which does not name a port.
    ///
    /// Errors: [`Error::Kernel`]; of a refusal [`Error::errno`] is the kernel's answer.
    pub fn migrate(&mut self, migration: &Migration) -> Result<(), Error> {
        let mut batch = self.host.kernel.batch();
        batch.push(&Change::Migrate(migration));
        match self.host.kernel.send(&mut batch)?.into_iter().next() {
            Some((_, refusal)) => answered("migrating a policy", Answer::Refused(refusal)),
            None => Ok(()),
        }
    }

    /// The host's variables, as they are now.
    ///
    /// Errors: [`Error::Run`], [`Error::Kernel`].
    pub fn variables(&mut self) -> Result<Variables, Error> {
        self.host.variables()
    }

    /// Gives each `unique` without a number one that no policy and no SA has, and that was not given
    /// before.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Locked`].
    pub fn choose_reqids(&mut self, policies: &mut [SocketPolicy]) -> Result<(), Error> {
        if sockets::lack_reqids(policies) {
            sockets::fill_reqids(&mut self.host.kernel, &self.host.namespace, policies)?;
        }
        Ok(())
    }
}

/// As the SA is installed, with the flags that it is given besides its own.
fn with_given_flags(requested: &Sa) -> Option<Sa> {
    let given = GivenFlags::of_host().ok()?.to(requested);
    Some(Sa { flags: requested.flags | given, ..requested.clone() })
}

/// The keys of an SA. What the kernel hides, as in lockdown, is another key.
fn keys(sa: &Sa) -> [Option<&Key>; 3] {
    [&sa.auth, &sa.crypt, &sa.aead].map(|keyed| keyed.as_ref().map(|it| &it.key))
}

/// The kernel's answer to a question. A refusal becomes an error.
fn answered<T>(doing: &'static str, answer: Answer<T>) -> Result<T, Error> {
    match answer {
        Answer::Found(object) => Ok(object),
        Answer::Refused(refusal) => Err(xfrm::Error::Refused { doing, refusal }.into()),
    }
}
