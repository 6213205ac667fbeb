//! The tables of the kernel, as the look-ups of `explain` take them.

use engine::Snapshot;
use explain::{InnerVersion, PolicyOrder, Tables, first_inexact};

use crate::Error;

/// All of the tables as they are: a packet of any policy may be meant.
pub fn all() -> Result<Tables, Error> {
    let snapshot = engine::snapshot()?;
    let first_inexact = first_inexact(&snapshot.policies, snapshot.spd);
    Ok(of(snapshot, first_inexact))
}

/// The tables of a snapshot. `first_inexact`: as in [`Tables`].
pub fn of(snapshot: Snapshot, first_inexact: Vec<Vec<u32>>) -> Tables {
    let (major, minor) = snapshot.release;
    Tables {
        policies: snapshot.policies,
        sas: snapshot.sas,
        kernel_default: snapshot.kernel_default,
        catch_alls: snapshot.catch_alls,
        spd: snapshot.spd,
        sad: snapshot.sad,
        policy_order: PolicyOrder::of_release(major, minor),
        inner_version: InnerVersion::of_release(major, minor),
        first_inexact,
    }
}
