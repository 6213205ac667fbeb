use xfrm::Connection;

use crate::{
    Error, Namespace,
    policy::entry::{Installed, Requested},
    state::store::Store,
    state::variables::KeptVariables,
};

/// This host, as one network namespace is one: the kernel, and what is kept beside it.
pub struct Host {
    pub namespace: Namespace,
    pub kernel: Connection,
    pub store: Store,
    pub variables: KeptVariables,
}

impl Host {
    /// Opens the way to the kernel of this network namespace.
    pub fn open() -> Result<Self, Error> {
        let namespace = Namespace::current();
        let kernel = Connection::open()?;
        let store = Store::of(&namespace);
        let variables = KeptVariables::of(&namespace);
        Ok(Self { namespace, kernel, store, variables })
    }

    /// The SPD, newest policy first, each with everything that was requested of it.
    pub fn read_spd(
        &mut self,
        mut take: impl FnMut(Requested) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for entry in self.kernel.dump_spd()? {
            take(self.store.requested(Installed(entry?))?)?;
        }
        Ok(())
    }
}
