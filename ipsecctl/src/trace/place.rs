//! Whether a packet was dropped in this network namespace: the kernel reports those of all, and the number of the
//! device alone, which is a number of each namespace's own.

use std::{collections::BTreeMap, net::IpAddr};

use drop_monitor::Alert;
use model::Direction;
use sys::interfaces::{Interface, interfaces};

use super::head::Head;

/// Where a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropPlace {
    /// Here: the device of this number has the link-layer address of the packet.
    Here,
    /// Here or elsewhere: a counter decides.
    Unknown,
    /// In another network namespace.
    Elsewhere,
}

/// The network devices of this network namespace.
#[derive(Default)]
pub struct LocalDevices(BTreeMap<u32, Interface>);

impl LocalDevices {
    /// Reads them. Without them, no packet is known to be of another namespace.
    pub fn read() -> Self {
        Self(interfaces().unwrap_or_default())
    }

    /// The name of the device by which a packet was received.
    pub fn name(&self, alert: &Alert) -> Option<&str> {
        self.0.get(&alert.device?).map(|it| it.name.as_str())
    }

    /// Where a packet was dropped.
    pub fn place(&self, alert: &Alert, head: &Head) -> DropPlace {
        let Some(number) = alert.device else {
            return if self.is_local(head.captured.ends.0) {
                DropPlace::Unknown
            } else {
                DropPlace::Elsewhere
            };
        };
        let Some(device) = self.0.get(&number) else { return DropPlace::Elsewhere };
        match (device.mac, head.mac) {
            (Some(own), Some(mac)) if own == mac => DropPlace::Here,
            // To a group, or by the loopback.
            (_, Some(mac)) if mac[0] & 1 == 1 || mac == [0; 6] => DropPlace::Unknown,
            (Some(_), Some(_)) => DropPlace::Elsewhere,
            // A tunnel's device has no address.
            _ => DropPlace::Unknown,
        }
    }

    /// The direction of a packet.
    pub fn direction(&self, alert: &Alert, head: &Head) -> Direction {
        let dst = head.captured.flow.map_or(head.captured.ends.1, |flow| flow.dst());
        // A packet for another host in a tunnel for this one is looked up by its own destination.
        if alert.device.is_none() {
            Direction::Out
        } else if self.is_local(dst) || is_group(dst) {
            Direction::In
        } else {
            Direction::Fwd
        }
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.values().any(|it| it.addresses.contains(&address))
    }
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::from([255; 4])
}

#[cfg(test)]
mod tests {
    use explain::Captured;

    use super::*;

    fn head(mac: Option<[u8; 6]>) -> Head {
        let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
        ip.extend([192, 0, 2, 2, 192, 0, 2, 1, 0, 7, 0, 53, 0, 8, 0, 0]);
        Head { mac, captured: Captured::of_packet(&ip).unwrap(), length: 28 }
    }

    #[test]
    fn a_device_is_known_by_number_and_address() {
        let own = [2, 0, 0, 0, 0, 1];
        let addresses = vec![[192, 0, 2, 1].into()];
        let eth0 = Interface { name: "eth0".into(), mac: Some(own), addresses };
        let tunnel = Interface { name: "tun0".into(), mac: None, addresses: Vec::new() };
        let devices = LocalDevices(BTreeMap::from([(2, eth0), (3, tunnel)]));
        let place = |device, mac| devices.place(&Alert { device, ..Alert::default() }, &head(mac));
        assert_eq!(place(Some(2), Some(own)), DropPlace::Here);
        assert_eq!(place(Some(2), Some([2, 0, 0, 0, 0, 9])), DropPlace::Elsewhere);
        assert_eq!(place(Some(2), Some([255; 6])), DropPlace::Unknown);
        assert_eq!(place(Some(3), None), DropPlace::Unknown);
        assert_eq!(
            (place(Some(4), Some(own)), place(None, None)),
            (DropPlace::Elsewhere, DropPlace::Elsewhere)
        );
        let direction =
            |device| devices.direction(&Alert { device, ..Alert::default() }, &head(None));
        assert_eq!((direction(Some(2)), direction(None)), (Direction::In, Direction::Out));
    }
}
