//! A network device, and its settings that decide on IPsec.

use std::{fs, net::IpAddr, num::NonZeroU32};

use model::{DeviceName, IpVersion, LEAST_MTU_OF_IPV6};

/// A network device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// The most bytes of a packet.
    pub mtu: u32,
    /// Whether it is a loopback device.
    pub is_loopback: bool,
    /// What it looks policies up with, if it does.
    pub xfrm: Option<DeviceXfrm>,
    /// The VRF that it belongs to, whose routing table its packets have.
    pub vrf: Option<DeviceName>,
    /// What is below it.
    pub link: DeviceLink,
}

/// What is below a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLink {
    /// Whether it has a carrier (`IFF_LOWER_UP`).
    pub has_carrier: bool,
    /// Whether its other end is in another network namespace: there a vti device or an xfrm interface looks policies up.
    pub is_of_other_namespace: bool,
    /// Whether it has an XDP program.
    pub has_xdp: bool,
}

/// A device that looks policies up itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceXfrm {
    /// A vti device.
    Vti {
        /// The key of packets that leave by it, which is their mark.
        out_key: u32,
        /// The key of packets that arrive at it.
        in_key: u32,
        /// This end.
        local: IpAddr,
        /// The other end, or the unspecified address.
        remote: IpAddr,
    },
    /// An xfrm interface.
    Interface {
        /// Its number; none: each packet brings its own.
        if_id: Option<NonZeroU32>,
        /// The device below it.
        link: Option<DeviceName>,
    },
}

impl Device {
    /// Whether packets that leave by it have no policy (`disable_xfrm`, of IPv4 alone).
    #[must_use]
    pub fn has_no_xfrm(&self) -> bool {
        self.set_disable_xfrm().is_some()
    }

    /// The variable by which packets that leave by it have no policy: its own, or that of all devices.
    #[must_use]
    pub fn set_disable_xfrm(&self) -> Option<String> {
        set_variable("ipv4", self.name, "disable_xfrm")
    }

    /// Whether the policy of packets that arrive at it is not checked (`disable_policy`). Of an IPv6 packet to this
    /// host the device is that which has the destination ([`crate::Routes::owner`]).
    #[must_use]
    pub fn has_no_policy(&self, version: IpVersion) -> bool {
        self.set_disable_policy(version).is_some()
    }

    /// The variable by which the policy of packets that arrive at it is not checked.
    #[must_use]
    pub fn set_disable_policy(&self, version: IpVersion) -> Option<String> {
        let directory = match version {
            IpVersion::V4 => "ipv4",
            IpVersion::V6 => "ipv6",
        };
        set_variable(directory, self.name, "disable_policy")
    }

    /// Whether packets that arrive at it are forwarded (`IN_DEV_FORWARD`; `ip6_forward`, net/ipv6/ip6_output.c).
    #[must_use]
    pub fn forwards(&self, version: IpVersion) -> bool {
        let name = self.name.as_str();
        match version {
            IpVersion::V4 => is_on("ipv4", name, "forwarding"),
            IpVersion::V6 => {
                is_on("ipv6", "all", "forwarding") || is_on("ipv6", name, "force_forwarding")
            }
        }
    }

    /// Whether it takes and sends no packets of IPv6: `disable_ipv6`, or fewer bytes than the least MTU of IPv6
    /// (`ip6_rcv_core`, `addrconf_notify`).
    #[must_use]
    pub fn has_no_ipv6(&self) -> bool {
        self.mtu != 0 && self.mtu < LEAST_MTU_OF_IPV6.into()
            || is_on("ipv6", self.name.as_str(), "disable_ipv6")
    }

    /// Whether the source of packets that arrive at it is compared with the route back (`rp_filter`, of IPv4 alone).
    #[must_use]
    pub fn filters_by_source(&self) -> bool {
        set_variable("ipv4", self.name, "rp_filter").is_some()
    }
}

/// The variable of a setting that is on for a device or for all (`IN_DEV_ORCONF`, linux/inetdevice.h). Slashes separate its
/// words, since the name of a device may have dots.
fn set_variable(directory: &str, device: DeviceName, setting: &str) -> Option<String> {
    let mut names = ["all", device.as_str()].into_iter();
    let name = names.find(|name| is_on(directory, name, setting))?;
    Some(format!("net/{directory}/conf/{name}/{setting}"))
}

fn is_on(directory: &str, device: &str, setting: &str) -> bool {
    let value = fs::read_to_string(format!("/proc/sys/net/{directory}/conf/{device}/{setting}"));
    value.is_ok_and(|value| value.trim() != "0")
}
