//! How often a scenario does something.

use std::{env, time::Duration};

/// How often something is done that goes wrong seldom: `full` with `XFRM_STRESS` in the environment (`make stress`), `few`
/// otherwise.
#[must_use]
pub fn times<T>(full: T, few: T) -> T {
    if env::var_os("XFRM_STRESS").is_some() { full } else { few }
}

/// How long something goes on that shows more the longer it takes: an hour with `XFRM_STRESS`, 20 seconds otherwise, and so
/// many seconds as `XFRM_SECONDS` has.
#[must_use]
pub fn lasts() -> Duration {
    let given = env::var("XFRM_SECONDS").ok();
    let given = given.map(|given| given.parse().expect("XFRM_SECONDS is a number"));
    Duration::from_secs(given.unwrap_or(times(3600, 20)))
}
