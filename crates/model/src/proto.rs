use crate::{IpVersion, table};

struct Row {
    word: &'static str,
    ip: u8,
    sa_type: Option<SaType>,
    modules: Option<[KernelModule; 2]>,
}

/// The part of the kernel that has a protocol, which can be a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelModule {
    /// The name of the module, as of modprobe(8).
    pub name: &'static str,
    /// Its setting in the kernel's configuration.
    pub setting: &'static str,
}

// The modules of IPv4 and of IPv6.
const ESP: [KernelModule; 2] = [
    KernelModule { name: "esp4", setting: "CONFIG_INET_ESP" },
    KernelModule { name: "esp6", setting: "CONFIG_INET6_ESP" },
];
const AH: [KernelModule; 2] = [
    KernelModule { name: "ah4", setting: "CONFIG_INET_AH" },
    KernelModule { name: "ah6", setting: "CONFIG_INET6_AH" },
];
const IPCOMP: [KernelModule; 2] = [
    KernelModule { name: "ipcomp", setting: "CONFIG_INET_IPCOMP" },
    KernelModule { name: "ipcomp6", setting: "CONFIG_INET6_IPCOMP" },
];

table! {
    /// A protocol that transforms packets: the protocol of an SA or of a template.
    ///
    /// AH, ESP and IPComp are those of setkey; SAs and policies that `ip xfrm` or a mobility daemon
    /// installed may have the others (`xfrm_id_proto_valid`).
    pub enum Proto: Row, "protocol" {
        /// Encapsulating security payload, IP protocol 50.
        Esp => Row { word: "esp", ip: 50, sa_type: Some(SaType::Esp), modules: Some(ESP) },
        /// Authentication header, 51.
        Ah => Row { word: "ah", ip: 51, sa_type: Some(SaType::Ah), modules: Some(AH) },
        /// IP payload compression, 108.
        IpComp => Row { word: "ipcomp", ip: 108, sa_type: Some(SaType::IpComp), modules: Some(IPCOMP) },
        /// IPv6 routing header, 43 (Mobile IPv6).
        Routing => Row { word: "route2", ip: 43, sa_type: None, modules: None },
        /// IPv6 destination options, 60 (Mobile IPv6).
        DestOpts => Row { word: "hao", ip: 60, sa_type: None, modules: None },
        /// Any of AH, ESP and IPComp (`IPSEC_PROTO_ANY`, 255), in a template only.
        Any => Row { word: "any", ip: 255, sa_type: None, modules: None },
    }
}

impl Proto {
    /// The IP protocol number (`xfrm_id.proto`).
    #[must_use]
    pub const fn number(self) -> u8 {
        self.row().ip
    }

    /// The protocol with this IP protocol number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|proto| proto.number() == number)
    }

    /// The PF_KEY type of its SAs, where there is one: scripts have words for these protocols only.
    #[must_use]
    pub fn sa_type(self) -> Option<SaType> {
        self.row().sa_type
    }

    /// The module that has AH, ESP or IPComp of an IP version.
    #[must_use]
    pub fn module(self, version: IpVersion) -> Option<KernelModule> {
        self.row().modules.map(|[v4, v6]| match version {
            IpVersion::V4 => v4,
            IpVersion::V6 => v6,
        })
    }
}

struct TypeRow {
    word: &'static str,
    pfkey: u8,
}

table! {
    /// A type of SA that PF_KEY programs can register for (RFC 2367 section 3.2; `mip` and `ipcomp`
    /// are KAME's). XFRM has SAs of AH, ESP and IPComp.
    pub enum SaType: TypeRow, "type of SA" {
        /// Authentication header.
        Ah => TypeRow { word: "ah", pfkey: 2 },
        /// Encapsulating security payload.
        Esp => TypeRow { word: "esp", pfkey: 3 },
        /// RSVP authentication.
        Rsvp => TypeRow { word: "rsvp", pfkey: 5 },
        /// OSPFv2 authentication.
        OspfV2 => TypeRow { word: "ospfv2", pfkey: 6 },
        /// RIPv2 authentication.
        RipV2 => TypeRow { word: "ripv2", pfkey: 7 },
        /// Mobile IP authentication.
        Mip => TypeRow { word: "mip", pfkey: 8 },
        /// IP payload compression.
        IpComp => TypeRow { word: "ipcomp", pfkey: 9 },
    }
}

impl SaType {
    /// The `SADB_SATYPE_*` number (linux/pfkeyv2.h).
    #[must_use]
    pub const fn pfkey_number(self) -> u8 {
        self.row().pfkey
    }

    /// The type of a `SADB_SATYPE_*` number.
    #[must_use]
    pub fn from_pfkey(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|sa_type| sa_type.pfkey_number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &proto in Proto::ALL {
            assert_eq!(Proto::from_number(proto.number()), Some(proto));
            assert_eq!(proto.word().parse(), Ok(proto));
            assert!(proto.sa_type().is_none_or(|sa_type| sa_type.word() == proto.word()));
        }
        for &sa_type in SaType::ALL {
            assert_eq!(SaType::from_pfkey(sa_type.pfkey_number()), Some(sa_type));
        }
    }
}
