//! Limits of resources, setrlimit(2), also of a daemon that is started by hand. Those of descriptors and locked memory are
//! also in the units of dist/systemd, which limit the tasks of a daemon and not those of its user.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors: three for a PF_KEY client, others for the daemon's own work, and room.
const FILES: u64 = 65_536;

/// Bytes that are locked, which are buffers with keys.
const LOCKED: u64 = 64 << 20;

/// Processes and threads of the user, and so of the daemons of all network namespaces: a unit's has 256 at most.
const TASKS: u64 = 4096;

/// The limits in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    files: Option<u64>,
    locked: Option<u64>,
    tasks: Option<u64>,
}

impl Limits {
    /// Limits descriptors and locked memory, and uses what its starter allows. To be called before the daemon opens
    /// anything. Core dumps were forbidden before.
    pub(crate) fn set() {
        limit(Resource::Nofile, FILES);
        limit(Resource::Memlock, LOCKED);
    }

    /// Limits the tasks of the user that the daemon is now. Those of root are not limited by the kernel.
    pub(super) fn set_of_user() {
        limit(Resource::Nproc, TASKS);
    }

    /// Those of now.
    pub(crate) fn now() -> Self {
        let [files, locked, tasks] = [Resource::Nofile, Resource::Memlock, Resource::Nproc]
            .map(|resource| getrlimit(resource).current);
        Self { files, locked, tasks }
    }
}

/// The limit that there is, and not more than this.
fn at_most(now: Rlimit, most: u64) -> Rlimit {
    both(now.maximum.map_or(most, |maximum| maximum.min(most)))
}

fn both(value: u64) -> Rlimit {
    Rlimit { current: Some(value), maximum: Some(value) }
}

/// No error: a filter of its starter's may not allow it. The log has the limits in force.
fn limit(resource: Resource, most: u64) {
    let _ = setrlimit(resource, at_most(getrlimit(resource), most));
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |it| it.to_string());
        let Self { files, locked, tasks } = *self;
        write!(f, "files={} locked={} tasks={}", text(files), text(locked), text(tasks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_more_than_before() {
        let limit = |maximum| Rlimit { current: Some(7), maximum };
        assert_eq!(at_most(limit(None), 10), both(10));
        assert_eq!(at_most(limit(Some(20)), 10), both(10));
        assert_eq!(at_most(limit(Some(9)), 10), both(9));
    }

    #[test]
    fn the_log_has_each() {
        let limits = Limits { files: Some(1024), locked: None, tasks: Some(4096) };
        assert_eq!(limits.to_string(), "files=1024 locked=unlimited tasks=4096");
    }
}
