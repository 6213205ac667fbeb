//! The network interfaces of a network namespace, with their addresses.

use std::{collections::BTreeMap, net::IpAddr};

use nix::ifaddrs::getifaddrs;
use rustix::io::Errno;

use crate::errno::from_nix;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its link-layer address, if that has six bytes and is not zero.
    pub mac: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The interfaces of this thread's network namespace by their numbers. Any user may read them.
///
/// Errors: those of getifaddrs(3).
pub fn interfaces() -> Result<BTreeMap<u32, Interface>, Errno> {
    let mut found = BTreeMap::<u32, Interface>::new();
    let mut numbers = BTreeMap::new();
    // The link-layer addresses come first, one for each interface.
    for it in getifaddrs().map_err(from_nix)? {
        let Some(address) = it.address else { continue };
        // The name of an address may be a label, as `eth0:1`.
        let name = it.interface_name.split(':').next().unwrap_or_default().to_owned();
        if let Some(link) = address.as_link_addr() {
            let Ok(number) = u32::try_from(link.ifindex()) else { continue };
            let mac = link.addr().filter(|mac| link.halen() == 6 && *mac != [0; 6]);
            numbers.insert(name.clone(), number);
            found.insert(number, Interface { name, mac, addresses: Vec::new() });
            continue;
        }
        let v4 = address.as_sockaddr_in().map(|it| IpAddr::from(it.ip()));
        let address = v4.or(address.as_sockaddr_in6().map(|it| IpAddr::from(it.ip())));
        let interface = numbers.get(&name).and_then(|number| found.get_mut(number));
        if let (Some(address), Some(interface)) = (address, interface) {
            interface.addresses.push(address);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_the_first() {
        let loopback = &interfaces().unwrap()[&1];
        assert_eq!((loopback.name.as_str(), loopback.mac), ("lo", None));
    }
}
