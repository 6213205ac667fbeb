mod tcp;
mod udp;

/// A transport protocol for which services have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP, the only one that the original looks names up for.
    Udp,
    /// TCP.
    Tcp,
    /// SCTP.
    Sctp,
}

/// The port of a service, host order.
#[must_use]
pub fn port(name: &str, transport: Transport) -> Option<u16> {
    let services = match transport {
        Transport::Udp => udp::SERVICES,
        Transport::Tcp => tcp::SERVICES,
        Transport::Sctp => &[],
    };
    services.iter().find(|row| row.0 == name).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_count() {
        assert_eq!(port("l2tp", Transport::Udp), Some(1701));
        assert_eq!(port("isakmp", Transport::Udp), Some(500));
        assert_eq!(port("www", Transport::Tcp), Some(80));
    }

    #[test]
    fn each_protocol_has_its_own() {
        assert_eq!(port("ssh", Transport::Udp), None);
        assert_eq!(port("ssh", Transport::Tcp), Some(22));
        assert_eq!(port("biff", Transport::Tcp), None);
    }
}
