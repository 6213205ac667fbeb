//! The kernel's tables, and what decides beside them, read once.

use std::collections::HashMap;

use model::{
    Direction, EveryPolicy, IpVersion, KernelDefault, PolicyEntry, PolicyFilter, PolicyFlags,
    SaEntry, SadInfo, SpdInfo,
};
use xfrm::{Answer, CatchAllScope, SadSelection};

use crate::{
    Error,
    policy::{
        catch_alls::catch_alls,
        entry::{Installed, Requested},
    },
    state::host::Host,
};

/// The SPD and the SAD of a network namespace. Each is read in one dump; a change between the two is
/// possible.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The policies as they are installed, newest first, without those of sockets and catch-alls; of
    /// [`SnapshotReader::read`] those that were wanted.
    pub policies: Vec<PolicyEntry>,
    /// By index, the partial policies as they were requested.
    pub requested: HashMap<u32, Requested>,
    /// The SAs, newest first.
    pub sas: Vec<SaEntry>,
    /// The kernel's own default policy: it discards nothing where the kernel has none.
    pub kernel_default: KernelDefault,
    /// The catch-alls that discard.
    pub catch_alls: Vec<(IpVersion, Direction)>,
    /// The size of the SPD.
    pub spd: SpdInfo,
    /// The size of the SAD.
    pub sad: SadInfo,
    /// The kernel's release, its first two numbers: kernels differ in what no table shows.
    pub release: (u32, u32),
}

/// Reads the tables of this thread's network namespace.
///
/// Errors: [`Error::Kernel`], without CAP_NET_ADMIN too.
pub fn snapshot() -> Result<Snapshot, Error> {
    SnapshotReader::open()?.read(&mut EveryPolicy)
}

/// Reads a snapshot, of the policies perhaps not all: the kernel has no dump of a part of the SPD, but a policy
/// whose head alone is decoded costs next to nothing beside the dump.
pub struct SnapshotReader {
    host: Host,
    snapshot: Snapshot,
}

impl SnapshotReader {
    /// Reads the SAD, for this thread's network namespace.
    ///
    /// Errors: as [`snapshot`].
    pub fn open() -> Result<Self, Error> {
        let mut host = Host::open()?;
        let Host { kernel, store, .. } = &mut host;
        let mut snapshot = Snapshot {
            kernel_default: kernel.get_default()?.found().unwrap_or_default(),
            spd: answered(kernel.spd_info()?),
            sad: answered(kernel.sad_info()?),
            release: release(),
            ..Snapshot::default()
        };
        for version in IpVersion::ALL {
            for it in catch_alls(version).filter(|it| it.scope == CatchAllScope::Everything) {
                if kernel.has_catch_all(it)? {
                    snapshot.catch_alls.push((version, it.direction));
                }
            }
        }
        let modes = store.modes();
        for entry in kernel.dump_sad(&SadSelection::default())? {
            snapshot.sas.push(modes.requested(entry?));
        }
        Ok(Self { host, snapshot })
    }

    /// What was read already: all but the policies.
    #[must_use]
    pub fn so_far(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Reads those policies that are wanted. Each is asked about once, newest first.
    ///
    /// Errors: as [`snapshot`].
    pub fn read(self, filter: &mut impl PolicyFilter) -> Result<Snapshot, Error> {
        let Self { mut host, mut snapshot } = self;
        snapshot.policies = host.kernel.select_policies(filter)?;
        // A record is written before its policy and removed after it.
        let mut records = host.store.records();
        let may_be_partial = |it: &&PolicyEntry| it.policy.flags.contains(PolicyFlags::LOCAL_OK);
        for entry in snapshot.policies.iter().filter(may_be_partial) {
            let requested = records.requested(Installed(entry.clone()));
            if requested.installation.is_partial {
                snapshot.requested.insert(entry.index, requested);
            }
        }
        Ok(snapshot)
    }
}

/// The first two numbers of uname(2).
fn release() -> (u32, u32) {
    let name = rustix::system::uname();
    sys::release_numbers(&name.release().to_string_lossy())
}

/// The sizes, or the initial ones where the kernel does not report them.
fn answered<T: Default>(answer: Answer<T>) -> T {
    answer.found().unwrap_or_default()
}
