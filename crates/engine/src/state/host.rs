use std::time::Duration;

use model::{IpVersion, Variables};
use xfrm::Connection;

use super::{
    files,
    lock::Access,
    owned::OwnedRecords,
    store::Store,
    variables::{Contents, KeptVariables},
};
use crate::{
    Error, Namespace,
    policy::{
        catch_alls,
        entry::{Installed, Requested},
    },
};

/// This host, as one network namespace is one: the kernel, and what is kept beside it.
pub struct Host {
    pub namespace: Namespace,
    pub kernel: Connection,
    pub store: Store,
    pub owned: OwnedRecords,
    pub kept_variables: KeptVariables,
}

impl Host {
    /// Opens the way to the kernel of this network namespace.
    pub fn open() -> Result<Self, Error> {
        let mut host = Self::within(Namespace::current())?;
        if host.needs_variables_rebuilt()
            && let Ok(Some(_lock)) = host.namespace.lock_within(Access::Exclusive, Duration::ZERO)
        {
            host.rebuild_variables()?;
        }
        Ok(host)
    }

    pub(crate) fn within(namespace: Namespace) -> Result<Self, Error> {
        let kernel = Connection::open()?;
        let store = Store::of(&namespace);
        let owned = OwnedRecords::of(&namespace);
        let kept_variables = KeptVariables::of(&namespace);
        Ok(Self { namespace, kernel, store, owned, kept_variables })
    }

    /// The SPD, newest policy first, each with everything that was requested of it.
    pub fn read_spd(&mut self, mut take: impl FnMut(Requested)) -> Result<(), Error> {
        for entry in self.kernel.dump_spd()? {
            take(self.store.requested(Installed(entry?)));
        }
        Ok(())
    }

    /// The variables, as they are now. Of those in a damaged file, the kernel shows what becomes of
    /// packets that no policy matches; the others have their initial values.
    ///
    /// Errors: [`Error::Run`] without permission, [`Error::Kernel`].
    pub fn variables(&mut self) -> Result<Variables, Error> {
        match self.kept_variables.read()? {
            Contents::Values(variables) | Contents::Earlier(variables) => Ok(variables),
            Contents::WithoutDefaultPolicy(mut variables, versions) => {
                self.add_default_policies(&mut variables, &versions)?;
                Ok(variables)
            }
            Contents::Damaged(reason) => {
                self.kept_variables.warn_damaged(&reason);
                self.variables_of_kernel()
            }
        }
    }

    /// As [`Host::variables`]; where they cannot be read, what the kernel shows of them.
    pub fn variables_or_kernels(&mut self) -> Result<Variables, Error> {
        match self.variables() {
            Err(Error::Run { path, source }) => {
                files::warn_once(&path, &source);
                self.variables_of_kernel()
            }
            variables => variables,
        }
    }

    fn variables_of_kernel(&mut self) -> Result<Variables, Error> {
        let mut variables = Variables::default();
        self.add_default_policies(&mut variables, &IpVersion::ALL)?;
        Ok(variables)
    }

    /// Sets the default policies that the kernel has.
    fn add_default_policies(
        &mut self,
        variables: &mut Variables,
        versions: &[IpVersion],
    ) -> Result<(), Error> {
        for &version in versions {
            if catch_alls::is_in_force(&mut self.kernel, version)? {
                variables.discard_by_default(version);
            }
        }
        Ok(())
    }

    fn needs_variables_rebuilt(&self) -> bool {
        use Contents::{Damaged, Earlier, Values, WithoutDefaultPolicy};
        match self.kept_variables.read() {
            Ok(Damaged(_) | Earlier(_) | WithoutDefaultPolicy(..)) => true,
            Ok(Values(_)) | Err(_) => false,
        }
    }

    /// Takes over the variables of an earlier version, and replaces a damaged file. A failure is
    /// reported. The caller has the exclusive lock.
    pub fn rebuild_variables(&mut self) -> Result<(), Error> {
        let variables = match self.kept_variables.read() {
            Ok(Contents::Earlier(variables)) => variables,
            Ok(Contents::WithoutDefaultPolicy(mut variables, versions)) => {
                self.add_default_policies(&mut variables, &versions)?;
                self.kept_variables.copy_aside("a line for the default policy is wrong");
                variables
            }
            Ok(Contents::Damaged(reason)) => {
                let variables = self.variables_of_kernel()?;
                self.kept_variables.copy_aside(&reason);
                variables
            }
            _ => return Ok(()),
        };
        if let Err(Error::Run { path, source }) = self.kept_variables.keep(&variables) {
            files::warn_once(&path, &source);
        }
        Ok(())
    }
}
