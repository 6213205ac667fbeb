use std::sync::Arc;

use model::DeviceName;
use netlink_sys::{Socket as Netlink, protocols::NETLINK_ROUTE};
use rustix::{
    io::Errno,
    net::netdevice::{index_to_name, name_to_index},
};

use crate::KernelRefusal;

/// Network devices by name and number, in the network namespace of a socket. Without one, their
/// names are those of [`DeviceName::of_number`].
#[derive(Clone)]
pub struct Devices(Option<Arc<Netlink>>);

impl Devices {
    pub(crate) fn of(socket: &Arc<Netlink>) -> Self {
        Self(Some(Arc::clone(socket)))
    }

    /// Devices of which only the number is known.
    pub const UNNAMED: Devices = Devices(None);

    /// The devices of this thread's network namespace, by way of a socket that every kernel has.
    #[must_use]
    pub fn of_any_socket() -> Option<Self> {
        Netlink::new(NETLINK_ROUTE).ok().map(|socket| Self(Some(Arc::new(socket))))
    }

    /// The number of a device, or what the kernel would answer if it took names.
    pub(crate) fn index(&self, name: DeviceName) -> Result<i32, KernelRefusal> {
        // For the kernel what follows a colon is no part of the name (`dev_ioctl`, net/core/dev_ioctl.c).
        if let Some(number) = name.number_alone() {
            return Ok(number);
        }
        self.named(name).or_else(|errno| name.number().ok_or(errno)).map_err(|errno| {
            let text = Some(format!("no network device {name}"));
            KernelRefusal { errno, text }
        })
    }

    /// The number of the device that has this name.
    fn named(&self, name: DeviceName) -> Result<i32, Errno> {
        let socket = self.0.as_ref().ok_or(Errno::NODEV)?;
        let index = name_to_index(&**socket, name.as_str())?;
        i32::try_from(index).map_err(|_| Errno::NODEV)
    }

    /// The name of a device.
    pub(crate) fn name(&self, index: i32) -> DeviceName {
        let named = self.0.as_ref().zip(u32::try_from(index).ok());
        let name = named.and_then(|(socket, index)| index_to_name(&**socket, index).ok());
        name.and_then(|name| name.parse().ok()).unwrap_or_else(|| {
            let number = DeviceName::of_number(index);
            let is_other = self.named(number).is_ok_and(|other| other != index);
            if is_other { DeviceName::of_number_alone(index) } else { number }
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    pub(crate) fn devices() -> Devices {
        Devices::of_any_socket().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::devices;
    use super::*;

    #[test]
    fn the_loopback_is_the_first_device() {
        let lo = "lo".parse().unwrap();
        assert_eq!(devices().index(lo), Ok(1));
        assert_eq!(devices().name(1), lo);
        assert_eq!(Devices::UNNAMED.name(1).as_str(), "if1");
        assert_eq!(Devices::UNNAMED.index("if1".parse().unwrap()), Ok(1));
    }

    #[test]
    fn an_unknown_device_is_named() {
        let refusal = devices().index("eth-none".parse().unwrap()).unwrap_err();
        assert_eq!(refusal.errno, Errno::NODEV);
        assert_eq!(refusal.text, Some(String::from("no network device eth-none")));
        for (number, name) in [(i32::MAX, "if2147483647"), (-1, "if-1")] {
            assert_eq!(devices().name(number).as_str(), name);
            assert_eq!(devices().index(name.parse().unwrap()), Ok(number));
            assert_eq!(devices().index(DeviceName::of_number_alone(number)), Ok(number));
        }
    }
}
