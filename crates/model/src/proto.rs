/// A protocol that transforms packets: the protocol of an SA or of a request.
///
/// AH, ESP and IPComp are those of setkey; the others may stand in SAs and policies that
/// `ip xfrm` or a mobility daemon installed (`xfrm_id_proto_valid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proto {
    /// Encapsulating security payload, IP protocol 50.
    Esp,
    /// Authentication header, 51.
    Ah,
    /// IP payload compression, 108.
    IpComp,
    /// IPv6 routing header, 43 (Mobile IPv6).
    Routing,
    /// IPv6 destination options, 60 (Mobile IPv6).
    DestOpts,
    /// Any of AH, ESP and IPComp (`IPSEC_PROTO_ANY`, 255), in a request only.
    Any,
}

/// Proto, IP protocol number, PF_KEY satype (0: none), the word setkey reads and prints.
const TABLE: [(Proto, u8, u8, &str); 6] = [
    (Proto::Esp, 50, 3, "esp"),
    (Proto::Ah, 51, 2, "ah"),
    (Proto::IpComp, 108, 9, "ipcomp"),
    (Proto::Routing, 43, 0, "route2"),
    (Proto::DestOpts, 60, 0, "hao"),
    (Proto::Any, 255, 0, "any"),
];

impl Proto {
    fn row(self) -> &'static (Proto, u8, u8, &'static str) {
        TABLE.iter().find(|row| row.0 == self).expect("every Proto has a row")
    }

    /// The IP protocol number (`xfrm_id.proto`).
    #[must_use]
    pub fn number(self) -> u8 {
        self.row().1
    }

    /// The protocol with this IP protocol number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == number).map(|row| row.0)
    }

    /// The PF_KEY `satype`, where there is one.
    #[must_use]
    pub fn satype(self) -> Option<u8> {
        Some(self.row().2).filter(|&satype| satype != 0)
    }

    /// The word in scripts and dumps.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().3
    }

    /// The protocol with this word in a policy request or after `add`: `esp`, `ah`, `ipcomp`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.2 != 0 && row.3 == name).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_name_lead_back() {
        for (proto, number, satype, name) in TABLE {
            assert_eq!(Proto::from_number(number), Some(proto));
            assert_eq!(proto.name(), name);
            assert_eq!(Proto::from_name(name), (satype != 0).then_some(proto));
        }
    }
}
