use crate::{
    Dialect::{self, FreeBsd, Linux, NetBsd},
    table,
};

struct Row {
    word: &'static str,
    dialects: &'static [Dialect],
    added_by: Option<Dialect>,
}

const ALL: &[Dialect] = Dialect::ALL;

/// An option of ipsec-tools 0.8.2, or one that this program adds in every dialect.
const fn common(word: &'static str) -> Row {
    Row { word, dialects: ALL, added_by: None }
}

/// An option of some dialects.
const fn of(dialects: &'static [Dialect], word: &'static str) -> Row {
    Row { word, dialects, added_by: None }
}

/// An option that one BSD has and ipsec-tools 0.8.2 has not, read in these dialects.
const fn added(by: Dialect, dialects: &'static [Dialect], word: &'static str) -> Row {
    Row { word, dialects, added_by: Some(by) }
}

table! {
    /// An option of a script's statement.
    pub enum ScriptOption: Row, "option" {
        /// Mode of an SA.
        Mode => common("-m"),
        /// Reqid of an SA.
        ReqId => common("-u"),
        /// Replay window of an SA.
        Replay => common("-r"),
        /// Extended sequence numbers.
        Esn => added(FreeBsd, ALL, "-esn"),
        /// Hard limit in seconds.
        HardTime => common("-lh"),
        /// Soft limit in seconds.
        SoftTime => common("-ls"),
        /// Hard limit in bytes.
        HardBytes => of(&[Linux, NetBsd], "-bh"),
        /// Soft limit in bytes.
        SoftBytes => of(&[Linux, NetBsd], "-bs"),
        /// Hard limit in seconds since the first use.
        HardUse => common("-uh"),
        /// Soft limit in seconds since the first use.
        SoftUse => common("-us"),
        /// Hard limit in packets.
        HardPackets => common("-ph"),
        /// Soft limit in packets.
        SoftPackets => common("-ps"),
        /// Mark.
        Mark => common("-mark"),
        /// Mark of the packets that an SA has transformed.
        OutMark => common("-outmark"),
        /// Number of the xfrm interface.
        IfId => common("-ifid"),
        /// Direction of an SA.
        Direction => common("-dir"),
        /// Device that does the work of an SA.
        Offload => common("-offload"),
        /// The same as FreeBSD has it.
        HardwareInterface => added(FreeBsd, &[FreeBsd], "-hwif"),
        /// NAT traversal as FreeBSD has it.
        Natt => added(FreeBsd, ALL, "-natt"),
        /// Size of fragments with NAT traversal, FreeBSD's.
        NattMtu => added(FreeBsd, &[FreeBsd], "-natt_mtu"),
        /// Size of fragments before ESP, NetBSD's.
        EspFrag => added(NetBsd, &[NetBsd], "-esp_frag"),
        /// Selector of an SA.
        Selector => common("-sel"),
        /// Encapsulation of any kind.
        Encap => common("-encap"),
        /// Padding of a tunnel's packets.
        TfcPadding => common("-tfc"),
        /// Interval of reports of a new address or port.
        MappingInterval => common("-mtimer"),
        /// Care-of address.
        CareOf => common("-coa"),
        /// CPU.
        Cpu => common("-pcpu"),
        /// Settings of mode `iptfs`.
        IpTfs => common("-iptfs"),
        /// Highest sequence number received.
        Received => common("-seq"),
        /// Last sequence number sent.
        Sent => common("-oseq"),
        /// Attribute that has no other option.
        Attribute => common("-attr"),
        /// Interval of NAT-T keepalives.
        KeepAlive => common("-keepalive"),
        /// No NAT-T keepalives.
        NoKeepAlive => common("-nokeepalive"),
        /// Flag of the kernel's SA.
        KernelFlag => common("-flag"),
        /// Flag of PF_KEY's SA.
        Flag => common("-f"),
        /// Security context.
        Context => of(&[Linux, NetBsd], "-ctx"),
        /// Encryption algorithm.
        Encryption => common("-E"),
        /// Authentication algorithm.
        Authentication => common("-A"),
        /// Compression algorithm.
        Compression => common("-C"),
        /// The CPI is sent as it is.
        RawCpi => common("-R"),
        /// Policy.
        Policy => common("-P"),
        /// Device of a policy's packets.
        Device => common("-dev"),
        /// Bits of the ports that a policy looks at.
        PortMasks => common("-portmask"),
        /// User of a policy's selector.
        User => common("-user"),
        /// Which SPD a policy is in.
        PolicyType => common("-ptype"),
        /// Limits of a policy that are 0 in the kernel.
        ZeroLimit => common("-zero"),
        /// An `in` policy without its `fwd` copy.
        NoForwardCopy => common("-nofwd"),
    }
}

impl ScriptOption {
    /// The options of policies alone.
    pub const OF_POLICIES: [ScriptOption; 6] = [
        Self::Device,
        Self::PortMasks,
        Self::User,
        Self::PolicyType,
        Self::ZeroLimit,
        Self::NoForwardCopy,
    ];

    /// The dialects that have the option.
    #[must_use]
    pub fn dialects(self) -> &'static [Dialect] {
        self.row().dialects
    }

    /// The BSD whose lexer knows the option while that of ipsec-tools 0.8.2 does not.
    #[must_use]
    pub fn added_by(self) -> Option<Dialect> {
        self.row().added_by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for &option in ScriptOption::ALL {
            assert_eq!(option.word().parse(), Ok(option));
            let is_read = |by: Dialect| option.dialects().contains(&by);
            assert!(option.added_by().is_none_or(is_read));
        }
    }
}
