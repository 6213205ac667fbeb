use crate::{
    Dialect::{self, FreeBsd, Linux, NetBsd},
    table,
};

struct Row {
    word: &'static str,
    dialects: &'static [Dialect],
    added_by: Option<Dialect>,
    is_new: bool,
}

const ALL: &[Dialect] = Dialect::ALL;

/// An option of ipsec-tools 0.8.2 and the BSDs.
const fn common(word: &'static str) -> Row {
    of(ALL, word)
}

/// An option that no original has, and every dialect.
const fn new(word: &'static str) -> Row {
    Row { is_new: true, ..of(ALL, word) }
}

/// An option of some dialects.
const fn of(dialects: &'static [Dialect], word: &'static str) -> Row {
    Row { word, dialects, added_by: None, is_new: false }
}

/// An option that one BSD has and ipsec-tools 0.8.2 has not, read in these dialects.
const fn added(by: Dialect, dialects: &'static [Dialect], word: &'static str) -> Row {
    Row { word, dialects, added_by: Some(by), is_new: false }
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
        HardUse => new("-uh"),
        /// Soft limit in seconds since the first use.
        SoftUse => new("-us"),
        /// Hard limit in packets.
        HardPackets => new("-ph"),
        /// Soft limit in packets.
        SoftPackets => new("-ps"),
        /// Mark.
        Mark => new("-mark"),
        /// Mark of the packets that an SA has transformed.
        OutMark => new("-outmark"),
        /// Number of the xfrm interface.
        IfId => new("-ifid"),
        /// Direction of an SA.
        Direction => new("-dir"),
        /// Device that does the work of an SA.
        Offload => new("-offload"),
        /// The same as FreeBSD has it.
        HardwareInterface => added(FreeBsd, &[FreeBsd], "-hwif"),
        /// NAT traversal as FreeBSD has it.
        Natt => added(FreeBsd, ALL, "-natt"),
        /// Size of fragments with NAT traversal, FreeBSD's.
        NattMtu => added(FreeBsd, &[FreeBsd], "-natt_mtu"),
        /// Size of fragments before ESP, NetBSD's.
        EspFrag => added(NetBsd, &[NetBsd], "-esp_frag"),
        /// Selector of an SA.
        Selector => new("-sel"),
        /// Encapsulation of any kind.
        Encap => new("-encap"),
        /// Padding of a tunnel's packets.
        TfcPadding => new("-tfc"),
        /// Interval of reports of a new address or port.
        MappingInterval => new("-mtimer"),
        /// Care-of address.
        CareOf => new("-coa"),
        /// CPU.
        Cpu => new("-pcpu"),
        /// Settings of mode `iptfs`.
        IpTfs => new("-iptfs"),
        /// Highest sequence number received.
        Received => new("-seq"),
        /// Last sequence number sent.
        Sent => new("-oseq"),
        /// Attribute that has no other option.
        Attribute => new("-attr"),
        /// Interval of NAT-T keepalives.
        KeepAlive => new("-keepalive"),
        /// No NAT-T keepalives.
        NoKeepAlive => new("-nokeepalive"),
        /// Flag of the kernel's SA.
        KernelFlag => new("-flag"),
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
        Device => new("-dev"),
        /// Bits of the ports that a policy looks at.
        PortMasks => new("-portmask"),
        /// User of a policy's selector.
        User => new("-user"),
        /// Which SPD a policy is in.
        PolicyType => new("-ptype"),
        /// Limits of a policy that are 0 in the kernel.
        ZeroLimit => new("-zero"),
        /// An `in` policy without its `fwd` copy.
        NoForwardCopy => new("-nofwd"),
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

    /// Whether the setkey that the dialect imitates has the option.
    #[must_use]
    pub fn is_original(self, dialect: Dialect) -> bool {
        let Row { dialects, added_by, is_new, .. } = self.row();
        match added_by {
            Some(by) => by == dialect,
            None => !is_new && dialects.contains(&dialect),
        }
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
            assert!(Dialect::ALL.iter().all(|&by| is_read(by) || !option.is_original(by)));
        }
    }

    #[test]
    fn an_option_is_of_some_original_or_of_none() {
        let of =
            |option: ScriptOption| Dialect::ALL.iter().filter(move |&&by| option.is_original(by));
        assert_eq!(of(ScriptOption::Mode).count(), 3);
        assert!(of(ScriptOption::Context).eq(&[Linux, NetBsd]));
        assert!(of(ScriptOption::Esn).eq(&[FreeBsd]));
        assert_eq!(of(ScriptOption::OutMark).count(), 0);
    }
}
