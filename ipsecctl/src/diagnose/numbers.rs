use std::net::IpAddr;

use model::{
    Names,
    names::{LookUp, NotFound, Transport, service_port},
};
use sys::SystemNames;

/// Addresses and ports, and no names of hosts: who has written a text over the network has the resolver of this host ask
/// nothing.
pub struct Numbers;

impl Names for Numbers {
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound> {
        SystemNames.addresses(host, LookUp { numeric: true, ..look_up })
    }

    fn service(&self, name: &str, transport: Transport) -> Result<u16, NotFound> {
        let port = service_port(name, transport).or_else(|| name.parse().ok());
        port.ok_or_else(|| NotFound("expected a number of a port".to_owned()))
    }

    fn is_local(&self, address: IpAddr) -> bool {
        SystemNames.is_local(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_looked_up() {
        let look_up = LookUp::default();
        for (text, is_number) in [("192.0.2.1", true), ("2001:db8::1", true), ("localhost", false)]
        {
            assert_eq!(Numbers.addresses(text, look_up).is_ok(), is_number, "{text}");
        }
        for (text, is_number) in [("500", true), ("isakmp", true), ("no-such-service", false)] {
            assert_eq!(Numbers.service(text, Transport::Udp).is_ok(), is_number, "{text}");
        }
    }
}
