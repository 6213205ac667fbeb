//! The outer headers of tunnels: their DF and ECN bits are decided when an SA is made.

use ipsec::{IpVersion, Sa, SaFlags, Variables, variable::DfBit};

/// The flags that a tunnel SA gets for the host's variables.
pub fn flags(variables: &Variables, sa: &Sa) -> SaFlags {
    let outer = IpVersion::of(sa.ends.dst());
    let mut flags = SaFlags::default();
    if outer == IpVersion::V4 && variables.df_bit() == DfBit::Clear {
        flags = flags | SaFlags::NO_PMTU_DISC;
    }
    if !variables.carries_ecn(outer) {
        flags = flags | SaFlags::NO_ECN;
    }
    flags
}
