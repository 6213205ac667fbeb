//! How often a scenario does something.

use std::env;

/// How often something is done that goes wrong seldom: `full` with `XFRM_STRESS` in the environment (`make stress`), `few`
/// otherwise.
#[must_use]
pub fn times<T>(full: T, few: T) -> T {
    if env::var_os("XFRM_STRESS").is_some() { full } else { few }
}
