use std::net::Ipv4Addr;

use model::{IpVersion, ReqId, ScriptOption, Spi};

use crate::{
    parse::source::{Place, Source},
    tree::Span,
};

/// Something that works, and should be written otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The place in the script.
    pub place: Place,
}

/// What a warning is about. Where the original warns, too, the words are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// `-E simple`, the old word for `null`.
    #[error("the algorithm is obsolete")]
    ObsoleteAlgorithm,
    /// `-m` of `get` or `delete`: an SA is found without.
    #[error("the mode is obsolete here")]
    ObsoleteMode,
    /// An SPI that RFC 4302 and RFC 4303 reserve.
    #[error("SPIs below {} are reserved (RFC 4303, section 2.1)", Spi::FIRST_FREE.0)]
    ReservedSpi,
    /// A port with the protocol `any`.
    #[error("with `any` a port is that of TCP, UDP, SCTP and UDP-Lite alike")]
    PortOfAny,
    /// A port with a protocol that has none, or with DCCP.
    #[error("the kernel compares no ports of the protocol: no packet will match")]
    PortOfNone,
    /// `icmp` between IPv6 addresses, or `icmp6` between IPv4 addresses.
    #[error("no packet of these addresses has this protocol: {}", other_icmp(*.0))]
    IcmpOfOtherVersion(IpVersion),
    /// A type or a code of ICMP over 255.
    #[error("a type and a code have 8 bits: no packet will match")]
    WideType,
    /// A mark with bits that its mask leaves out.
    #[error("the mark has bits that its mask leaves out: no packet will match")]
    MarkOutsideMask,
    /// `ipsec` without templates.
    #[error("`ipsec` without templates: packets pass in clear, as with `none`")]
    NoTemplates,
    /// Templates with another action than `ipsec`.
    #[error("templates are ignored with another action than `ipsec`")]
    IgnoredTemplates,
    /// A policy without action.
    #[error("a policy without action discards packets")]
    NoAction,
    /// `unique:N` with a number that a script may not choose.
    #[error(
        "`unique` takes a number of 1 to {}: this one is replaced by a free number",
        ReqId::MANUAL_MAX.number()
    )]
    UniqueNumber,
    /// A soft limit that is not below the hard one.
    #[error("the soft limit is not below the hard one: it is never reached")]
    LateSoftLimit,
    /// `-esp_frag` or `-natt_mtu`.
    #[error("Linux does not fragment before ESP: the size is ignored")]
    Fragment,
    /// An IPv4 address of fewer than four numbers.
    #[error("this is {0}: the last number fills the rest of the address")]
    ShortAddress(Ipv4Addr),
    /// An IPv4 address with octal or hexadecimal numbers.
    #[error("this is {0}: a number that begins with 0 is octal, or with 0x hexadecimal")]
    OctalAddress(Ipv4Addr),
    /// An IPv6 address with a zone.
    #[error("the zone is ignored")]
    Zone,
    /// `0.0.0.0` or `::` where one host is meant.
    #[error("this is one host, and no packet has its address")]
    NoHost,
    /// An SA or a tunnel from an address to itself.
    #[error("source and destination are the same address: no packet leaves the host")]
    SameEnds,
    /// A tunnel from a multicast address.
    #[error("no packet comes from a multicast address")]
    MulticastSource,
    /// The same template twice in a policy.
    #[error("the same template is before it: packets are transformed twice")]
    SameTemplate,
    /// An option that a later one replaces.
    #[error("{} is given twice: the last one counts", .0.word())]
    Twice(ScriptOption),
    /// Endpoints of a template in transport mode.
    #[error("transport mode has no endpoints: these are ignored")]
    EndsOfTransport,
    /// A port behind an address of an SA that is not in UDP.
    #[error("the port is that of ESP in UDP: here it is ignored")]
    PortOfSa,
    /// A statement behind `exit`.
    #[error("line {0} ends the script: nothing behind it is read")]
    BehindExit(usize),
    /// `-natt` and `-encap`.
    #[error("an SA has one encapsulation: that of the last option counts")]
    TwoEncapsulations,
    /// An algorithm by the kernel's name, without the key that it takes.
    #[error("the algorithm has no key: the kernel refuses it, or it protects nothing")]
    WithoutKey,
    /// A key of hexadecimal digits that leave half a byte.
    #[error("the key has an odd number of hexadecimal digits: the first is taken for a byte")]
    OddDigits,
    /// A key of hexadecimal digits in quotes.
    #[error("digits in quotes are a text: each of them is a byte of the key")]
    QuotedDigits,
    /// A line end in a key.
    #[error("the line end is a byte of the key")]
    NewlineInKey,
    /// `des-deriv` or `des-32iv`, which is `des-cbc` here.
    #[error("Linux has no such cipher: this is des-cbc, whose IV is whole in the packet")]
    DerivedIv,
    /// A hard limit of one kind and a soft one of another, without a hard one of time.
    #[error("the hard and the soft limit are of different kinds: each is alone")]
    LimitsOfTwoKinds,
    /// Two SAs of a counter mode with one key and salt.
    #[error(
        "line {0} adds an SA with this key and salt: nonces may repeat, which discloses contents"
    )]
    ReusedNonce(usize),
    /// No SA between the ends of a template has its mode.
    #[error(
        "no SA of this script between these hosts has the mode of this template: line {0} has another"
    )]
    SaOfOtherMode(usize),
    /// No SA between the ends of a template has its mode and its reqid: an SA of its mode.
    #[error(
        "no SA of this script between these hosts has the mode and request ID of this template: \
         line {0} has another request ID"
    )]
    SaOfOtherReqId(usize),
    /// Tunnels of both directions from one host.
    #[error("line {0} has a tunnel of the same source and destination for the other direction")]
    SameTunnelEnds(usize),
    /// A flush of what the script itself has added.
    #[error("what line {0} adds is deleted again")]
    LateFlush(usize),
}

/// What is wrong with ICMP in a selector of this IP version.
fn other_icmp(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "icmp6 is that of IPv6",
        IpVersion::V6 => "icmp is that of IPv4",
    }
}

impl WarningKind {
    /// Whether the statement will fail or never have an effect, rather than work.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            WarningKind::ReservedSpi
            | WarningKind::PortOfNone
            | WarningKind::IcmpOfOtherVersion(_)
            | WarningKind::WideType
            | WarningKind::MarkOutsideMask => true,
            WarningKind::ObsoleteAlgorithm
            | WarningKind::ObsoleteMode
            | WarningKind::PortOfAny
            | WarningKind::NoTemplates
            | WarningKind::IgnoredTemplates
            | WarningKind::NoAction
            | WarningKind::UniqueNumber
            | WarningKind::LateSoftLimit
            | WarningKind::Fragment
            | WarningKind::ShortAddress(_)
            | WarningKind::OctalAddress(_)
            | WarningKind::Zone
            | WarningKind::NoHost
            | WarningKind::SameEnds
            | WarningKind::MulticastSource
            | WarningKind::SameTemplate
            | WarningKind::Twice(_)
            | WarningKind::EndsOfTransport
            | WarningKind::PortOfSa
            | WarningKind::BehindExit(_)
            | WarningKind::TwoEncapsulations
            | WarningKind::WithoutKey
            | WarningKind::OddDigits
            | WarningKind::QuotedDigits
            | WarningKind::NewlineInKey
            | WarningKind::DerivedIv
            | WarningKind::LimitsOfTwoKinds
            | WarningKind::ReusedNonce(_)
            | WarningKind::SaOfOtherMode(_)
            | WarningKind::SaOfOtherReqId(_)
            | WarningKind::SameTunnelEnds(_)
            | WarningKind::LateFlush(_) => false,
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            WarningKind::ObsoleteAlgorithm => "say -E null",
            WarningKind::ObsoleteMode => {
                "leave -m out: destination, protocol and SPI are enough to find an SA"
            }
            WarningKind::ReservedSpi => {
                concat!("choose an SPI of ", model::first_free_spi!(), " or more")
            }
            WarningKind::PortOfAny => "say tcp or udp; packets without ports never match",
            WarningKind::PortOfNone => "leave the port out, or say tcp or udp",
            WarningKind::IcmpOfOtherVersion(IpVersion::V4) => "use icmp",
            WarningKind::IcmpOfOtherVersion(IpVersion::V6) => "use icmp6",
            WarningKind::WideType => "use 0 to 255",
            WarningKind::MarkOutsideMask => "set the bits in the mask, or clear them in the mark",
            WarningKind::NoTemplates => "add a template, as in esp/transport//require, or use none",
            WarningKind::IgnoredTemplates => "leave them out, or use ipsec",
            WarningKind::NoAction => "add ipsec and its templates, or none, or discard",
            WarningKind::UniqueNumber => {
                concat!("choose 1 to ", model::manual_reqid_max!(), ", the same as -u of the SA")
            }
            WarningKind::LateSoftLimit => "make the soft limit smaller",
            WarningKind::Fragment => "set the MTU of the route to the peer instead",
            WarningKind::ShortAddress(_) => {
                "write all four numbers; a range has its prefix length, as in 10.1.0.0/16"
            }
            WarningKind::OctalAddress(_) => "write decimal numbers without 0 before them",
            WarningKind::Zone => "leave it out, and say -dev DEVICE in a policy",
            WarningKind::NoHost => {
                "write the address of a host; in a policy all are 0.0.0.0/0 or ::/0"
            }
            WarningKind::SameEnds => "write the addresses of both hosts",
            WarningKind::MulticastSource => "write the address of the host that sends",
            WarningKind::SameTemplate | WarningKind::Twice(_) | WarningKind::TwoEncapsulations => {
                "leave one of them out"
            }
            WarningKind::EndsOfTransport => {
                "leave them out, as in esp/transport//require, or use tunnel"
            }
            WarningKind::PortOfSa => "leave it out; ESP in UDP is esp-udp",
            WarningKind::BehindExit(_) => "leave that line out, or what is behind it",
            WarningKind::WithoutKey => "write the key behind the name",
            WarningKind::OddDigits => {
                "two hexadecimal digits are a byte: one is missing or too many"
            }
            WarningKind::QuotedDigits => "write 0x and the digits, without quotes",
            WarningKind::NewlineInKey => "write the key on one line",
            WarningKind::DerivedIv => "say des-cbc at both ends, or better aes-cbc",
            WarningKind::LimitsOfTwoKinds => "-lh goes with -ls, -bh with -bs, -ph with -ps",
            WarningKind::ReusedNonce(_) => {
                "give each SA a key and salt of its own, as `ipsecctl keygen` makes them"
            }
            WarningKind::SaOfOtherMode(_) => "give the SA the mode of the template with -m",
            WarningKind::SaOfOtherReqId(_) => {
                "give both the same number: unique:NUMBER of the template and -u NUMBER of the SA"
            }
            WarningKind::SameTunnelEnds(_) => {
                "exchange the ends of one: packets that come in have the other host's address first"
            }
            WarningKind::LateFlush(_) => "put the flush before it",
        }
    }
}

impl Warning {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &'static str {
        self.kind.help()
    }

    pub(crate) fn new(kind: WarningKind, source: &Source, wrong: Span, named: Span) -> Self {
        Self { kind, place: source.place(wrong, named) }
    }

    /// The message of the original, where it warns, too.
    #[must_use]
    pub fn message(&self) -> Option<&'static str> {
        match self.kind {
            WarningKind::ObsoleteAlgorithm => Some("WARNING: obsolete algorithm"),
            WarningKind::ObsoleteMode => Some("WARNING: mode is obsolete"),
            _ => None,
        }
    }

    /// The line that the original prints, where it prints one.
    #[must_use]
    pub fn original(&self) -> Option<String> {
        let message = self.message()?;
        Some(format!("line {}: {message} at [{}]", self.place.line, self.place.token))
    }
}
