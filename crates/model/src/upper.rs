use crate::{Dialect, Proto, names, table};

/// The upper-layer protocol of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upper {
    /// Every protocol (255 in PF_KEY, 0 in XFRM).
    Any,
    /// One protocol by its IP number, 1–254.
    Number(u8),
}

struct Row {
    word: &'static str,
    number: u8,
    fields: PortFields,
}

/// What the port fields of a selector of a protocol hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PortFields {
    /// The ports.
    Ports,
    /// The ports; the kernel compares none with them.
    UncomparedPorts,
    /// Type and code of the message.
    TypeAndCode,
    /// The halves of the key.
    Key,
    /// Nothing.
    Nothing,
}

table! {
    /// An upper-layer protocol that the programs know by more than its number, and that transforms no packets as those of
    /// [`Proto`] do. The word is that of scripts in every dialect, where scripts have one.
    pub enum NamedUpper: Row, "upper-layer protocol" {
        /// ICMP.
        Icmp => Row { word: "icmp", number: 1, fields: PortFields::TypeAndCode },
        /// IPv4 in IP.
        Ipv4 => Row { word: "ip4", number: 4, fields: PortFields::Nothing },
        /// TCP.
        Tcp => Row { word: "tcp", number: 6, fields: PortFields::Ports },
        /// UDP.
        Udp => Row { word: "udp", number: 17, fields: PortFields::Ports },
        /// DCCP.
        Dccp => Row { word: "dccp", number: 33, fields: PortFields::UncomparedPorts },
        /// IPv6 in IP.
        Ipv6 => Row { word: "ipv6", number: 41, fields: PortFields::Nothing },
        /// IPv6 fragment header.
        Fragment => Row { word: "ipv6-frag", number: 44, fields: PortFields::Nothing },
        /// GRE.
        Gre => Row { word: "gre", number: 47, fields: PortFields::Key },
        /// ICMPv6.
        Icmpv6 => Row { word: "icmp6", number: 58, fields: PortFields::TypeAndCode },
        /// No next header: a dummy packet.
        NoNext => Row { word: "ipv6-nonxt", number: 59, fields: PortFields::Nothing },
        /// SCTP.
        Sctp => Row { word: "sctp", number: 132, fields: PortFields::Ports },
        /// IPv6 mobility header.
        Mh => Row { word: "mobility-header", number: 135, fields: PortFields::TypeAndCode },
        /// UDP-Lite.
        UdpLite => Row { word: "udplite", number: 136, fields: PortFields::Ports },
    }
}

impl NamedUpper {
    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.row().number
    }

    const fn upper(self) -> Upper {
        Upper::Number(self.number())
    }
}

impl Upper {
    /// ICMP.
    pub const ICMP: Upper = NamedUpper::Icmp.upper();
    /// IPv4 in IP.
    pub const IPV4: Upper = NamedUpper::Ipv4.upper();
    /// TCP.
    pub const TCP: Upper = NamedUpper::Tcp.upper();
    /// UDP.
    pub const UDP: Upper = NamedUpper::Udp.upper();
    /// DCCP.
    pub const DCCP: Upper = NamedUpper::Dccp.upper();
    /// IPv6 in IP.
    pub const IPV6: Upper = NamedUpper::Ipv6.upper();
    /// GRE.
    pub const GRE: Upper = NamedUpper::Gre.upper();
    /// ESP.
    pub const ESP: Upper = Upper::Number(Proto::Esp.number());
    /// ICMPv6.
    pub const ICMPV6: Upper = NamedUpper::Icmpv6.upper();
    /// SCTP.
    pub const SCTP: Upper = NamedUpper::Sctp.upper();
    /// IPv6 mobility header.
    pub const MH: Upper = NamedUpper::Mh.upper();
    /// UDP-Lite.
    pub const UDP_LITE: Upper = NamedUpper::UdpLite.upper();

    /// From XFRM's number (0 is any).
    #[must_use]
    pub fn from_xfrm(number: u8) -> Self {
        if number == 0 { Upper::Any } else { Upper::Number(number) }
    }

    /// From PF_KEY's number: 255 is any. 0 means any as well, since XFRM has no other 0.
    #[must_use]
    pub fn from_pfkey(number: u8) -> Self {
        if number == 0 || number == 255 { Upper::Any } else { Upper::Number(number) }
    }

    /// The protocol of a name: one of /etc/protocols, of the dialect's system or of Linux, or a word of scripts.
    #[must_use]
    pub fn named(name: &str, dialect: Dialect) -> Option<Self> {
        let number = names::protocol_number_in(name, dialect);
        let of_word = || name.parse().ok().map(NamedUpper::number);
        number.or_else(of_word).map(Upper::from_pfkey)
    }

    /// XFRM's number (0 is any).
    #[must_use]
    pub const fn xfrm(self) -> u8 {
        match self {
            Upper::Any => 0,
            Upper::Number(number) => number,
        }
    }

    fn port_fields(self) -> PortFields {
        let named = NamedUpper::ALL.iter().find(|named| named.upper() == self);
        named.map_or(PortFields::Nothing, |named| named.row().fields)
    }

    /// Whether the header of the protocol begins with a source and a destination port.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self.port_fields(), PortFields::Ports | PortFields::UncomparedPorts)
    }

    /// Whether the kernel compares the port fields of a selector with the ports of a packet, or with the type, code or key in
    /// their place (`xfrm_flowi_sport`, include/net/xfrm.h, of Linux 6.1 and 7.2). Of other protocols, DCCP among them, it
    /// compares 0. With [`Upper::Any`] the protocol of the packet decides.
    #[must_use]
    pub fn has_compared_ports(self) -> bool {
        matches!(self.port_fields(), PortFields::Ports | PortFields::TypeAndCode | PortFields::Key)
    }

    /// Whether the port fields of a selector hold type and code (ICMP, ICMPv6, MH).
    #[must_use]
    pub fn has_type_and_code(self) -> bool {
        self.port_fields() == PortFields::TypeAndCode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_does_not_compare_all_ports() {
        let numbers = |is: fn(Upper) -> bool| {
            let numbers = (1..=254).filter(|number| is(Upper::Number(*number)));
            numbers.collect::<Vec<u8>>()
        };
        assert_eq!(numbers(Upper::has_ports), [6, 17, 33, 132, 136]);
        assert_eq!(numbers(Upper::has_compared_ports), [1, 6, 17, 47, 58, 132, 135, 136]);
        assert_eq!(numbers(Upper::has_type_and_code), [1, 58, 135]);
        assert!(!Upper::Any.has_ports() && !Upper::Any.has_compared_ports());
    }

    #[test]
    fn a_word_is_the_same_protocol_in_every_dialect() {
        for dialect in Dialect::ALL {
            for named in NamedUpper::ALL {
                assert_eq!(Upper::named(named.word(), *dialect), Some(named.upper()));
                assert!(Proto::from_number(named.number()).is_none());
            }
        }
        assert_eq!(Upper::named("ipv6-icmp", Dialect::Linux), Some(Upper::ICMPV6));
        assert_eq!(Upper::named("no-protocol", Dialect::Linux), None);
    }
}
