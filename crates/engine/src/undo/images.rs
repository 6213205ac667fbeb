use model::PolicyEntry;
use xfrm::{PolicyImage, SaImage};

use crate::{
    Error,
    policy::entry::{Installed, Requested},
    state::{host::Host, store::Record},
};

/// The SAD and the SPD, oldest entry first, as the kernel writes them. The policies of sockets and the
/// catch-alls are not in it.
pub(crate) struct Images {
    pub(crate) sas: Vec<SaImage>,
    pub(crate) policies: Vec<PolicyImage>,
    /// The same policies as they were requested.
    pub(crate) requested: Vec<PolicyEntry>,
    /// What was requested of the partial policies.
    pub(crate) records: Vec<Record>,
}

impl Images {
    /// Reads both tables.
    ///
    /// Errors: [`Error::Kernel`].
    pub(crate) fn read(host: &mut Host) -> Result<Self, Error> {
        let mut sas: Vec<SaImage> = host.kernel.dump_sa_images()?.collect::<Result<_, _>>()?;
        let mut policies: Vec<PolicyImage> = Vec::new();
        for image in host.kernel.dump_policy_images()? {
            let image = image?;
            if !image.entry().socket {
                policies.push(image);
            }
        }
        sas.reverse();
        policies.reverse();
        // A record is written before its policy and removed after it.
        let mut kept = host.store.records();
        let requested = policies.iter().map(|it| {
            let Requested(entry) = kept.requested(Installed(it.entry().clone()));
            entry
        });
        let requested: Vec<PolicyEntry> = requested.collect();
        let partial = requested.iter().filter(|it| it.installation.is_partial);
        let records = partial.map(|it| Record::new(it.index, &it.policy)).collect();
        Ok(Self { sas, policies, requested, records })
    }
}
