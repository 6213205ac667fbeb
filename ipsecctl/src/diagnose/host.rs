//! What decides beside XFRM: addresses, forwarding, `rp_filter`, and IP's own counters.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    net::IpAddr,
    path::Path,
};

use ::diagnose::{HostFacts, NetworkCounters, Seen};
use model::{DeviceName, IpVersion};
use nix::ifaddrs::getifaddrs;

/// The settings of this network namespace.
const SETTINGS: &str = "/proc/sys/net";

/// The addresses and the devices of the host.
pub struct Interfaces {
    pub addrs: Vec<IpAddr>,
    pub devices: HashMap<usize, DeviceName>,
}

impl Interfaces {
    /// Reads them.
    pub fn read() -> io::Result<Self> {
        let (mut addrs, mut devices) = (Vec::new(), HashMap::new());
        for interface in getifaddrs()? {
            let Some(address) = interface.address else { continue };
            if let Some(addr) = address.as_sockaddr_in() {
                addrs.push(addr.ip().into());
            } else if let Some(addr) = address.as_sockaddr_in6() {
                addrs.push(addr.ip().into());
            } else if let (Some(link), Ok(name)) =
                (address.as_link_addr(), interface.interface_name.parse())
            {
                devices.insert(link.ifindex(), name);
            }
        }
        Ok(Self { addrs, devices })
    }
}

/// The settings of the host, and those of the devices at which packets were captured.
pub fn read(local: Vec<IpAddr>, has_key_manager: bool, seen: &[Seen]) -> HostFacts {
    let value = |path: &str| {
        let text = fs::read_to_string(Path::new(SETTINGS).join(path)).unwrap_or_default();
        text.trim().parse::<u8>().unwrap_or(0)
    };
    let forwards = IpVersion::ALL.into_iter().filter(|version| match version {
        IpVersion::V4 => value("ipv4/ip_forward") != 0 || any_device_forwards(),
        IpVersion::V6 => value("ipv6/conf/all/forwarding") != 0,
    });
    let forwards = forwards.collect();
    let devices: HashSet<_> = seen.iter().filter_map(|seen| seen.packet.device).collect();
    // The setting of all devices counts for each (`IN_DEV_MAXCONF`, `IN_DEV_ORCONF`, linux/inetdevice.h).
    let of_device = |device: DeviceName, name| {
        let of = |device: &str| value(&format!("ipv4/conf/{device}/{name}"));
        of(device.as_str()).max(of("all"))
    };
    let reverse_path = devices.iter().map(|it| (*it, of_device(*it, "rp_filter"))).collect();
    let without_xfrm =
        devices.iter().copied().filter(|it| of_device(*it, "disable_xfrm") != 0).collect();
    let routes = HashMap::new();
    HostFacts { local, forwards, reverse_path, without_xfrm, has_key_manager, routes }
}

/// Whether IPv4 is forwarded at one device, though not at all.
fn any_device_forwards() -> bool {
    let Ok(devices) = fs::read_dir(Path::new(SETTINGS).join("ipv4/conf")) else { return false };
    devices.flatten().any(|device| {
        let text = fs::read_to_string(device.path().join("forwarding")).unwrap_or_default();
        device.file_name() != "default" && text.trim() == "1"
    })
}

/// IP's counters of dropped packets. A file that is not there has none.
pub fn counters() -> NetworkCounters {
    let text = |name: &str| {
        fs::read_to_string(Path::new("/proc/thread-self/net").join(name)).unwrap_or_default()
    };
    NetworkCounters::parse(&text("snmp"), &text("snmp6"), &text("netstat"))
}
