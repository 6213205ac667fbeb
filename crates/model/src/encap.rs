use std::num::NonZeroU16;

use crate::{IpVersion, table};

/// The UDP port of IKE (RFC 7296, section 2).
pub const IKE_PORT: NonZeroU16 = NonZeroU16::new(500).unwrap();
/// The number of [`NAT_T_PORT`] as a literal, for `concat!` of a static text.
#[macro_export]
macro_rules! nat_t_port {
    () => {
        4500
    };
}

/// The UDP port of ESP in UDP, and of IKE where a NAT is on the way (RFC 3948).
pub const NAT_T_PORT: NonZeroU16 = NonZeroU16::new(nat_t_port!()).unwrap();

struct Row {
    word: &'static str,
    number: u8,
}

table! {
    /// How ESP is wrapped to pass a NAT or firewall. The words are those of ip-xfrm(8).
    pub enum EncapKind: Row, "encapsulation" {
        /// The draft with a non-IKE marker.
        EspInUdpNonIke => Row { word: "espinudp-nonike", number: 1 },
        /// RFC 3948.
        EspInUdp => Row { word: "espinudp", number: 2 },
        /// RFC 9329.
        EspInTcp => Row { word: "espintcp", number: 7 },
    }
}

impl EncapKind {
    /// The `UDP_ENCAP_*` or `TCP_ENCAP_*` number (linux/udp.h, linux/tcp.h), which XFRM and PF_KEY
    /// share.
    #[must_use]
    pub fn number(self) -> u8 {
        self.row().number
    }

    /// The encapsulation of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }

    /// The kernels that take it for SAs between addresses of an IP version, unless all do: it depends on the
    /// release, or on the configuration (`esp_init_state`, net/ipv4/esp4.c; `esp6_init_state`, net/ipv6/esp6.c).
    #[must_use]
    pub fn kernels(self, version: IpVersion) -> Option<&'static str> {
        match (self, version) {
            (EncapKind::EspInUdp, _) => None,
            (EncapKind::EspInUdpNonIke, _) => Some("Linux before 6.10"),
            (EncapKind::EspInTcp, IpVersion::V4) => Some("a kernel with CONFIG_INET_ESPINTCP"),
            (EncapKind::EspInTcp, IpVersion::V6) => Some("a kernel with CONFIG_INET6_ESPINTCP"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back() {
        for &kind in EncapKind::ALL {
            assert_eq!(EncapKind::from_number(kind.number()), Some(kind));
        }
    }
}
