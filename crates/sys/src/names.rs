use std::{
    io,
    net::{IpAddr, UdpSocket},
};

use dns_lookup::{AddrInfoHints, LookupError, getaddrinfo};
use model::{
    IpVersion, Names,
    names::{LookUp, NotFound, Transport, service_port},
};

/// The host's resolver, getaddrinfo(3), behind the model's tables.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound> {
        // Nearly every script is numeric: no resolver for what std reads itself.
        if let Ok(addr) = host.parse::<IpAddr>() {
            let wanted = match look_up.version {
                None => true,
                Some(IpVersion::V4) => addr.is_ipv4(),
                Some(IpVersion::V6) => addr.is_ipv6(),
            };
            if wanted {
                return Ok(vec![addr]);
            }
        }
        let hints = AddrInfoHints {
            flags: if look_up.numeric { libc::AI_NUMERICHOST } else { 0 },
            address: match look_up.version {
                None => libc::AF_UNSPEC,
                Some(IpVersion::V4) => libc::AF_INET,
                Some(IpVersion::V6) => libc::AF_INET6,
            },
            ..over(Transport::Udp)
        };
        let found = getaddrinfo(Some(host), None, Some(hints)).map_err(not_found)?;
        let addresses = found.map(|info| info.map(|info| info.sockaddr.ip()));
        addresses.collect::<io::Result<_>>().map_err(|error| NotFound(error.to_string()))
    }

    fn service(&self, name: &str, transport: Transport) -> Result<u16, NotFound> {
        if let Some(port) = service_port(name, transport) {
            return Ok(port);
        }
        let mut found = getaddrinfo(None, Some(name), Some(over(transport))).map_err(not_found)?;
        let port = found.find_map(|info| info.ok().map(|info| info.sockaddr.port()));
        port.ok_or_else(|| NotFound(String::from("Servname not supported for ai_socktype")))
    }

    /// A socket can be bound to no other address, unless `net.ipv4.ip_nonlocal_bind` is set.
    fn is_local(&self, address: IpAddr) -> bool {
        !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok()
    }
}

fn over(transport: Transport) -> AddrInfoHints {
    let (socktype, protocol) = match transport {
        Transport::Udp => (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
        Transport::Tcp => (libc::SOCK_STREAM, libc::IPPROTO_TCP),
        Transport::Sctp => (libc::SOCK_STREAM, libc::IPPROTO_SCTP),
    };
    AddrInfoHints { socktype, protocol, ..AddrInfoHints::default() }
}

/// The text of gai_strerror(3), which the original prints.
fn not_found(error: LookupError) -> NotFound {
    let text = io::Error::from(error).to_string();
    let text = text.trim_start_matches("failed to lookup address information: ");
    NotFound(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_resolver() {
        let numeric = LookUp { version: None, numeric: true };
        let one = |host| SystemNames.addresses(host, numeric).map(|found| found[0]);
        assert_eq!(one("192.0.2.1"), Ok([192, 0, 2, 1].into()));
        // The forms of inet_aton(3), which std does not read.
        assert_eq!(one("10.1"), Ok([10, 0, 0, 1].into()));
        assert_eq!(one("2001:db8::1"), Ok("2001:db8::1".parse().unwrap()));
        assert_eq!(one("host.example"), Err(NotFound("Name or service not known".into())));
    }

    #[test]
    fn the_family_is_kept() {
        let v6 = LookUp { version: Some(IpVersion::V6), numeric: true };
        assert!(SystemNames.addresses("192.0.2.1", v6).is_err());
    }
}
