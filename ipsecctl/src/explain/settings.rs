//! Variables of the kernel that decide on packets beside tables and devices.

use std::{fs, path::Path};

use model::IpVersion;

/// Whether a packet waits for an SA that its policy demands (`xfrm_create_dummy_bundle`).
pub fn waits_for_sa() -> bool {
    is_zero("net.core.xfrm_larval_drop")
}

/// The variable of the memory that fragments may take.
pub fn high_thresh(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "net.ipv4.ipfrag_high_thresh",
        IpVersion::V6 => "net.ipv6.ip6frag_high_thresh",
    }
}

/// Whether the host puts fragments together (`inet_frag_find`).
pub fn reassembles(version: IpVersion) -> bool {
    !is_zero(high_thresh(version))
}

fn is_zero(variable: &str) -> bool {
    let path = Path::new("/proc/sys").join(variable.replace('.', "/"));
    fs::read_to_string(path).is_ok_and(|value| value.trim() == "0")
}
