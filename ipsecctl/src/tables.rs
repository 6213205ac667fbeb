//! The tables of the kernel, as the look-ups of `explain` take them.

use engine::Snapshot;
use explain::{InnerVersion, PolicyOrder, Tables, first_inexact};

use crate::Error;

/// All of the tables as they are: a packet of any policy may be meant.
pub fn all() -> Result<Tables, Error> {
    let Snapshot { policies, sas, kernel_default, catch_alls, spd, sad, release, .. } =
        engine::snapshot()?;
    let policy_order = PolicyOrder::of_release(release.0, release.1);
    let inner_version = InnerVersion::of_release(release.0, release.1);
    let first_inexact = first_inexact(&policies, spd);
    Ok(Tables {
        policies,
        sas,
        kernel_default,
        catch_alls,
        spd,
        sad,
        policy_order,
        inner_version,
        first_inexact,
    })
}
