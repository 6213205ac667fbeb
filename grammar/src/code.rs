//! A short code for each kind of mistake and warning, for programs that read `setkey --check --json`. A code
//! that was released stays: messages may change, codes do not.

use crate::{Fault, FindingKind, Mistake, Stray, WarningKind};

/// Every code, in alphabetical order.
pub const CODES: &[&str] = &[
    "address-families",
    "ah-without-auth",
    "algorithm-mismatch",
    "algorithm-not-for-protocol",
    "algorithm-not-supported",
    "auth-with-aead",
    "beet-of-ipcomp",
    "behind-exit",
    "bitmap",
    "byte-order-mark",
    "cpu-without-direction",
    "derived-iv",
    "device",
    "encap-not-of-esp",
    "encoding",
    "endpoint",
    "endpoint-families",
    "ends-of-transport",
    "esn-of-ipcomp",
    "esn-without-window",
    "esp-without-cipher",
    "flag-of-direction",
    "flush-of-added",
    "forward-copy-exists",
    "forward-exists",
    "fragment",
    "host",
    "hwif-without-dir",
    "icmp-of-other-version",
    "ignored-templates",
    "ipcomp-without-compression",
    "iptfs-not-of-esp",
    "iptfs-of-direction",
    "iptfs-of-other-mode",
    "iptfs-without-direction",
    "keepalive-not-of-outbound",
    "keepalive-without-encap",
    "kernel-name",
    "key-length",
    "late-flush",
    "late-quote",
    "late-soft-limit",
    "limits-of-two-kinds",
    "many-addresses",
    "mapping-of-outbound",
    "mapping-without-encap",
    "mark-outside-mask",
    "me-any-direction",
    "mode-of-sa",
    "multicast-source",
    "newline-in-key",
    "no-action",
    "no-host",
    "no-policy",
    "no-priority",
    "no-protocol",
    "no-sa",
    "no-state",
    "no-templates",
    "not-in-pfkey",
    "number-of-direction",
    "obsolete-algorithm",
    "obsolete-mode",
    "octal-address",
    "odd-digits",
    "offload-of-direction",
    "old-protocol",
    "one-lifetime-only",
    "only-icmp6",
    "option-twice",
    "optional-iptfs",
    "optional-outbound-beet",
    "optional-outbound-tunnel",
    "out-of-range",
    "policy-exists",
    "policy-syntax",
    "port",
    "port-of-any",
    "port-of-none",
    "port-of-sa",
    "prefix-too-long",
    "priority",
    "priority-offset",
    "quoted-digits",
    "replay-of-outbound",
    "replay-with-old",
    "reserved-spi",
    "reused-nonce",
    "sa-exists",
    "sa-of-other-mode",
    "sa-of-other-reqid",
    "same-ends",
    "same-template",
    "same-tunnel-ends",
    "selector-version",
    "short-address",
    "socket-action-in-spd",
    "socket-direction",
    "statement-too-long",
    "stray-byte",
    "syntax",
    "tagged",
    "tcp-signature",
    "template-of-any",
    "template-version",
    "template-without-mode",
    "tfc-padding",
    "too-many-templates",
    "tunnel-without-endpoints",
    "two-encapsulations",
    "unclosed-quote",
    "unique-number",
    "unreadable",
    "unused-option",
    "upper-protocol",
    "upper-protocol-detail",
    "upper-protocol-without-detail",
    "wide-cpi",
    "wide-type",
    "window-of-ipcomp",
    "without-key",
    "zone",
];

impl Fault {
    /// The code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Syntax { .. } => "syntax",
            Fault::Stray(stray) => stray.code(),
            Fault::UnclosedQuote => "unclosed-quote",
            Fault::LateQuote => "late-quote",
            Fault::TooLong => "statement-too-long",
            Fault::Unreadable(_) => "unreadable",
            Fault::PolicySyntax { .. } => "policy-syntax",
            Fault::TooFewArguments => "template-without-mode",
            Fault::Endpoint { .. } => "endpoint",
            Fault::Direction => "me-any-direction",
            Fault::NoEndpoints => "tunnel-without-endpoints",
            Fault::EndpointFamilies => "endpoint-families",
            Fault::PriorityOffset => "priority-offset",
            Fault::KeyLength { .. } => "key-length",
            Fault::NotSupported(_) => "algorithm-not-supported",
            Fault::KernelName => "kernel-name",
            Fault::Bitmap { .. } => "bitmap",
            Fault::AlgorithmMismatch(_) => "algorithm-mismatch",
            Fault::ReplayWithOld => "replay-with-old",
            Fault::Host { .. } => "host",
            Fault::Port { .. } | Fault::NamedType { .. } => "port",
            Fault::ManyAddresses(_) => "many-addresses",
            Fault::NoPair => "address-families",
            Fault::Device(_) => "device",
            Fault::Upper(_) => "upper-protocol",
            Fault::Misc(_) => "upper-protocol-detail",
            Fault::NoMisc(_) => "upper-protocol-without-detail",
            Fault::Tagged => "tagged",
            Fault::OutOfRange { .. } => "out-of-range",
            Fault::Priority => "priority",
            Fault::NoPriority => "no-priority",
            Fault::OldProtocol(_) => "old-protocol",
            Fault::DerivedIv(_) => "derived-iv",
            Fault::OnlyIcmp6(_) => "only-icmp6",
            Fault::NoAction => "no-action",
            Fault::Refused(refusal) => of_refusal(refusal),
            Fault::Unused { .. } => "unused-option",
            Fault::HardwareDirection => "hwif-without-dir",
        }
    }
}

impl Stray {
    fn code(self) -> &'static str {
        match self {
            Stray::Hidden
            | Stray::Byte(_)
            | Stray::Character(_)
            | Stray::Option
            | Stray::OtherOption
            | Stray::Elsewhere => "stray-byte",
            Stray::ByteOrderMark => "byte-order-mark",
            Stray::Wide(_) | Stray::Packed(_) => "encoding",
        }
    }
}

impl WarningKind {
    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            WarningKind::ObsoleteAlgorithm => "obsolete-algorithm",
            WarningKind::ObsoleteMode => "obsolete-mode",
            WarningKind::ReservedSpi => "reserved-spi",
            WarningKind::PortOfAny => "port-of-any",
            WarningKind::PortOfNone => "port-of-none",
            WarningKind::IcmpOfOtherVersion(_) => "icmp-of-other-version",
            WarningKind::WideType => "wide-type",
            WarningKind::MarkOutsideMask => "mark-outside-mask",
            WarningKind::NoTemplates => "no-templates",
            WarningKind::IgnoredTemplates => "ignored-templates",
            WarningKind::NoAction => "no-action",
            WarningKind::UniqueNumber => "unique-number",
            WarningKind::LateSoftLimit => "late-soft-limit",
            WarningKind::Fragment => "fragment",
            WarningKind::ShortAddress(_) => "short-address",
            WarningKind::OctalAddress(_) => "octal-address",
            WarningKind::Zone => "zone",
            WarningKind::NoHost => "no-host",
            WarningKind::SameEnds => "same-ends",
            WarningKind::MulticastSource => "multicast-source",
            WarningKind::SameTemplate => "same-template",
            WarningKind::Twice(_) => "option-twice",
            WarningKind::EndsOfTransport => "ends-of-transport",
            WarningKind::PortOfSa => "port-of-sa",
            WarningKind::BehindExit(_) => "behind-exit",
            WarningKind::TwoEncapsulations => "two-encapsulations",
            WarningKind::WithoutKey => "without-key",
            WarningKind::OddDigits => "odd-digits",
            WarningKind::QuotedDigits => "quoted-digits",
            WarningKind::NewlineInKey => "newline-in-key",
            WarningKind::DerivedIv => "derived-iv",
            WarningKind::LimitsOfTwoKinds => "limits-of-two-kinds",
            WarningKind::ReusedNonce(_) => "reused-nonce",
            WarningKind::SaOfOtherMode(_) => "sa-of-other-mode",
            WarningKind::SaOfOtherReqId(_) => "sa-of-other-reqid",
            WarningKind::SameTunnelEnds(_) => "same-tunnel-ends",
            WarningKind::LateFlush(_) => "flush-of-added",
        }
    }
}

impl Mistake {
    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Mistake::WideCpi => "wide-cpi",
            Mistake::EsnOfIpComp => "esn-of-ipcomp",
            Mistake::EsnWithoutWindow => "esn-without-window",
            Mistake::EncapNotOfEsp => "encap-not-of-esp",
            Mistake::BeetOfIpComp => "beet-of-ipcomp",
            Mistake::ReplayOfOutbound => "replay-of-outbound",
            Mistake::FlagOfDirection => "flag-of-direction",
            Mistake::WindowOfIpComp => "window-of-ipcomp",
            Mistake::ModeOfSa(_) => "mode-of-sa",
            Mistake::IpTfsNotOfEsp => "iptfs-not-of-esp",
            Mistake::IpTfsWithoutDirection => "iptfs-without-direction",
            Mistake::IpTfsOfOtherMode => "iptfs-of-other-mode",
            Mistake::IpTfsOfDirection(_) => "iptfs-of-direction",
            Mistake::TfcPadding => "tfc-padding",
            Mistake::MappingWithoutEncap => "mapping-without-encap",
            Mistake::MappingOfOutbound => "mapping-of-outbound",
            Mistake::KeepAliveNotOfOutbound => "keepalive-not-of-outbound",
            Mistake::KeepAliveWithoutEncap => "keepalive-without-encap",
            Mistake::CpuWithoutDirection => "cpu-without-direction",
            Mistake::NumberOfDirection(_) => "number-of-direction",
            Mistake::OffloadOfDirection => "offload-of-direction",
            Mistake::SelectorVersion => "selector-version",
            Mistake::TemplateOfAny(_) => "template-of-any",
            Mistake::TemplateVersion(_) => "template-version",
            Mistake::SaExists(_) => "sa-exists",
            Mistake::NoSa(_) => "no-sa",
            Mistake::PolicyExists(_) => "policy-exists",
            Mistake::ForwardCopyExists(_) => "forward-copy-exists",
            Mistake::ForwardExists(_) => "forward-exists",
            Mistake::NoPolicy(_) => "no-policy",
            Mistake::NoState => "no-state",
            Mistake::LateFlush(_) => "late-flush",
        }
    }
}

impl FindingKind {
    /// The code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            FindingKind::Error(error) | FindingKind::Unread(error) => error.kind().code(),
            FindingKind::Warning(warning) => warning.code(),
            FindingKind::Refused(refusal) => of_refusal(refusal),
            FindingKind::Kernel(mistake) => mistake.code(),
        }
    }
}

/// The code of AF_KEY's own refusal.
fn of_refusal(refusal: &model::Error) -> &'static str {
    use model::Error;
    match refusal {
        Error::PrefixTooLong { .. } => "prefix-too-long",
        Error::DeviceName(_) => "device",
        Error::FamilyMismatch { .. } => "address-families",
        Error::NoProto => "no-protocol",
        Error::TcpSignature => "tcp-signature",
        Error::EspWithoutCipher => "esp-without-cipher",
        Error::AuthWithAead => "auth-with-aead",
        Error::AhWithoutAuth => "ah-without-auth",
        Error::IpCompWithoutCompression => "ipcomp-without-compression",
        Error::AlgorithmNotForProto { .. } => "algorithm-not-for-protocol",
        Error::KeyLength { .. } => "key-length",
        Error::NoCompression(_) => "algorithm-not-supported",
        Error::OneLifetimeOnly => "one-lifetime-only",
        Error::SocketActionInSpd(_) => "socket-action-in-spd",
        Error::SocketDirection => "socket-direction",
        Error::TooManyTemplates(_) => "too-many-templates",
        Error::OptionalOutboundBeet => "optional-outbound-beet",
        Error::OptionalOutboundIpTfs => "optional-iptfs",
        Error::OptionalOutboundTunnel => "optional-outbound-tunnel",
        Error::NotInPfKey(_) => "not-in-pfkey",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_listed() {
        let source = include_str!("code.rs").split("#[cfg(test)]").next().unwrap();
        let codes = source.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap());
        assert_eq!(codes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), CODES);
    }
}
