use model::{IpTfsSetting, Mode, ScriptOption, Spi};

/// What every kernel refuses, if it has the options. A number of a statement is its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A CPI of more than 16 bits.
    #[error("a CPI has 16 bits: {} to {}", Spi::FIRST_FREE.0, Spi::LAST_CPI.0)]
    WideCpi,
    /// Extended sequence numbers of IPComp.
    #[error("IPComp has no sequence numbers")]
    EsnOfIpComp,
    /// A bitmap of IPComp that the fixed structure has no room for.
    #[error("IPComp has no replay window of more than 32 packets")]
    WindowOfIpComp,
    /// Extended sequence numbers without a window of an SA that may be inbound.
    #[error("an SA with extended sequence numbers needs a replay window")]
    EsnWithoutWindow,
    /// NAT traversal of another protocol than ESP.
    #[error("NAT traversal is for ESP only")]
    EncapNotOfEsp,
    /// `beet` mode of IPComp.
    #[error("IPComp has no beet mode")]
    BeetOfIpComp,
    /// A mode that an SA of this protocol and IP version cannot have.
    #[error("no SA of these addresses and this protocol has mode {}", .0.word())]
    ModeOfSa(Mode),
    /// Mode `iptfs` of another protocol than ESP.
    #[error("mode iptfs is for ESP only")]
    IpTfsNotOfEsp,
    /// Mode `iptfs` of an SA that may be inbound and outbound.
    #[error("an SA of mode iptfs has a direction")]
    IpTfsWithoutDirection,
    /// Settings of mode `iptfs` with another mode.
    #[error("the settings are those of mode iptfs")]
    IpTfsOfOtherMode,
    /// A setting of mode `iptfs` that is the other end's.
    #[error("{} is a setting of {} SA", .0.word(), other_direction(*.0))]
    IpTfsOfDirection(IpTfsSetting),
    /// Padding of anything but ESP in tunnel mode.
    #[error("only ESP in tunnel mode pads packets")]
    TfcPadding,
    /// Reports of a new address or port without NAT traversal.
    #[error("an SA without NAT traversal has no new address or port to report")]
    MappingWithoutEncap,
    /// Reports of a new address or port of an SA with `-dir out`.
    #[error("an outbound SA has no new address or port to report")]
    MappingOfOutbound,
    /// Keepalives of an SA without `-dir out`.
    #[error("keepalives are sent for an SA with -dir out")]
    KeepAliveNotOfOutbound,
    /// Keepalives without ESP in UDP, as RFC 3948 has it.
    #[error("keepalives are sent for an SA with -natt or -encap espinudp")]
    KeepAliveWithoutEncap,
    /// The SA of a CPU that may be inbound and outbound.
    #[error("an SA of one CPU has a direction")]
    CpuWithoutDirection,
    /// A replay window of an SA with `-dir out`.
    #[error("an outbound SA has no replay window")]
    ReplayOfOutbound,
    /// The number that the other direction counts: `-seq` or `-oseq`.
    #[error("an SA of this direction does not take {}", .0.word())]
    NumberOfDirection(ScriptOption),
    /// A flag that an SA of this direction cannot have.
    #[error("an SA of this direction does not take the flag")]
    FlagOfDirection,
    /// A device for the packets of the other direction.
    #[error("the device works for the other direction than that of the SA")]
    OffloadOfDirection,
    /// A selector of the other IP version, without an outer header.
    #[error("the mode does not take a selector of the other IP version")]
    SelectorVersion,
    /// A template of any protocol.
    #[error("a template has a protocol: no kernel takes any")]
    TemplateOfAny(usize),
    /// Endpoints of the other IP version in a mode without an outer header.
    #[error("the mode does not take endpoints of the other IP version")]
    TemplateVersion(usize),
    /// An SA of this name is there already.
    #[error("line {0} adds an SA with this destination, protocol and SPI")]
    SaExists(usize),
    /// An SA that is not there, since the SAD was flushed.
    #[error("there is no such SA: line {0} flushes the SAD, and no statement adds it")]
    NoSa(usize),
    /// A policy of this name is there already.
    #[error("line {0} adds a policy with this selector and direction")]
    PolicyExists(usize),
    /// The forward copy of an `in` policy has this name.
    #[error("line {0} adds this policy: an `in` policy has a copy for `fwd`")]
    ForwardCopyExists(usize),
    /// A `fwd` policy has the name of the forward copy.
    #[error("line {0} adds the `fwd` policy that this `in` policy is copied to")]
    ForwardExists(usize),
    /// A policy that is not there, since the SPD was flushed.
    #[error("there is no such policy: line {0} flushes the SPD, and no statement adds it")]
    NoPolicy(usize),
    /// A statement that describes neither SA nor policy, in a file that describes a state.
    #[error("the statement describes neither an SA nor a policy")]
    NoState,
    /// A flush behind entries that it would delete, in a file that describes a state.
    #[error("a flush is at the beginning of a file that describes a state: line {0} is before it")]
    LateFlush(usize),
}

/// The SA that takes a setting, where this one does not.
fn other_direction(setting: IpTfsSetting) -> &'static str {
    match setting {
        IpTfsSetting::DropTime | IpTfsSetting::ReorderWindow => "an inbound",
        IpTfsSetting::InitDelay
        | IpTfsSetting::MaxQueue
        | IpTfsSetting::PacketSize
        | IpTfsSetting::DontFragment => "an outbound",
    }
}

impl Mistake {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Mistake::WideCpi => "choose a smaller CPI",
            Mistake::EsnOfIpComp => "leave -esn out",
            Mistake::WindowOfIpComp => "leave -r out",
            Mistake::EsnWithoutWindow => "add -r with the packets of the window, or -dir out",
            Mistake::EncapNotOfEsp => "leave -natt and -encap out, or use esp",
            Mistake::BeetOfIpComp | Mistake::ModeOfSa(_) => "use -m transport or -m tunnel",
            Mistake::IpTfsNotOfEsp => "use esp, or another mode",
            Mistake::IpTfsWithoutDirection | Mistake::CpuWithoutDirection => {
                "add -dir in or -dir out"
            }
            Mistake::IpTfsOfOtherMode => {
                "use -m iptfs with -dir in or -dir out, or leave -iptfs out"
            }
            Mistake::IpTfsOfDirection(_) => "leave the setting out, or say the other -dir",
            Mistake::TfcPadding => "leave -tfc out, or use esp with -m tunnel",
            Mistake::MappingWithoutEncap => {
                concat!("add ", example_of_encap!(), ", or leave -mtimer out")
            }
            Mistake::MappingOfOutbound => "leave -mtimer out, or say -dir in",
            Mistake::KeepAliveNotOfOutbound => "add -dir out, or leave -keepalive out",
            Mistake::KeepAliveWithoutEncap => {
                concat!("add ", example_of_encap!(), ", or leave -keepalive out")
            }
            Mistake::ReplayOfOutbound => "leave -r out, or -dir out",
            Mistake::NumberOfDirection(ScriptOption::Sent) => {
                "the number received is -seq: say that, or -dir out"
            }
            Mistake::NumberOfDirection(_) => "the number sent is -oseq: say that, or -dir in",
            Mistake::FlagOfDirection => "leave the flag out, or -dir",
            Mistake::OffloadOfDirection => "say one direction with -dir and -offload",
            Mistake::SelectorVersion => "use -m tunnel, or a selector of the SA's IP version",
            Mistake::TemplateOfAny(_) => "say esp, ah or ipcomp",
            Mistake::TemplateVersion(_) => "use endpoints of the selector's IP version, or tunnel",
            Mistake::SaExists(_) => "choose another SPI, or delete the other SA first",
            Mistake::NoSa(_) | Mistake::NoPolicy(_) => "leave the statement out",
            Mistake::PolicyExists(_) => {
                "leave it out, or say spdupdate here, which replaces the other"
            }
            Mistake::ForwardCopyExists(_) | Mistake::ForwardExists(_) => {
                "leave the `fwd` policy out, or load the script with -k"
            }
            Mistake::NoState => "leave it out: the file contains what is to be there",
            Mistake::LateFlush(_) => "leave it out, or put it first",
        }
    }
}
