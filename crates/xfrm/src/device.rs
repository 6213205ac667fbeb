use std::sync::Arc;

use netlink_sys::{Socket as Netlink, protocols::NETLINK_ROUTE};
use rustix::{
    io::Errno,
    net::netdevice::{index_to_name, name_to_index},
};

use crate::Refusal;

/// Network devices by name and number, in the network namespace of a socket.
#[derive(Clone)]
pub(crate) struct Devices(Arc<Netlink>);

impl Devices {
    pub(crate) fn of(socket: &Arc<Netlink>) -> Self {
        Self(Arc::clone(socket))
    }

    /// The devices of this thread's network namespace, by way of a socket that every kernel has.
    pub(crate) fn of_any_socket() -> Option<Self> {
        Netlink::new(NETLINK_ROUTE).ok().map(|socket| Self(Arc::new(socket)))
    }

    /// The number of a device, or what the kernel would answer if it took names.
    pub(crate) fn index(&self, name: &str) -> Result<i32, Refusal> {
        name_to_index(&*self.0, name)
            .and_then(|index| i32::try_from(index).map_err(|_| Errno::NODEV))
            .map_err(|errno| Refusal { errno, text: Some(format!("no network device {name}")) })
    }

    /// The name of a device; one that is gone has ip(8)'s word for its number.
    pub(crate) fn name(&self, index: i32) -> String {
        let known = u32::try_from(index).ok().and_then(|index| index_to_name(&*self.0, index).ok());
        known.unwrap_or_else(|| format!("if{index}"))
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
        assert_eq!(devices().index("lo"), Ok(1));
        assert_eq!(devices().name(1), "lo");
    }

    #[test]
    fn an_unknown_device_is_named() {
        for name in ["eth-none", "a-name-that-no-device-can-have"] {
            let refusal = devices().index(name).unwrap_err();
            assert_eq!(refusal.errno, Errno::NODEV);
            assert_eq!(refusal.text, Some(format!("no network device {name}")));
        }
        assert_eq!(devices().name(i32::MAX), "if2147483647");
        assert_eq!(devices().name(-1), "if-1");
    }
}
