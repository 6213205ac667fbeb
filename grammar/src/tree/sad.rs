use model::{
    EncapKind, IpTfsSetting, Key, PolicyFlags, PolicyType, SaDirection, SaFlags, ZeroLimits,
    names::LookUp,
};

use super::{Flag, Limit, Node, SaProtoWord, Selector};

/// The two ends and the protocol of an SA.
#[derive(Debug, Clone, PartialEq)]
pub struct SaEnds {
    /// `-4`, `-6`, `-n`.
    pub look_up: LookUp,
    /// Source.
    pub src: Host,
    /// Destination.
    pub dst: Host,
    /// Protocol, if one is given.
    pub proto: Option<Node<SaProto>>,
}

/// What names an SA in a script, and the extensions that may follow.
#[derive(Debug, Clone, PartialEq)]
pub struct SaName {
    /// Ends and protocol.
    pub ends: SaEnds,
    /// SPI, as written: it may be over 32 bits.
    pub spi: Node<u64>,
    /// Extensions, in order.
    pub extensions: Vec<Node<Extension>>,
}

/// `ADDRESS` or `ADDRESS[PORT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Address or host name.
    pub address: Node<String>,
    /// Port, for `esp-udp`; never in `deleteall`.
    pub port: Option<Node<Port>>,
}

/// What is between `[` and `]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Port {
    /// `any`.
    Any,
    /// A number.
    Number(u64),
    /// The name of a service.
    Service(String),
}

/// The protocol word of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum SaProto {
    /// `esp`.
    Esp,
    /// `esp-old`: RFC 1827.
    EspOld,
    /// `ah`.
    Ah,
    /// `ah-old`: RFC 1826.
    AhOld,
    /// `ipcomp`.
    IpComp,
    /// `esp-udp`, with the original address of the peer behind the NAT.
    EspUdp(Option<Node<String>>),
    /// `tcp`: TCP-MD5.
    Tcp,
}

impl SaProto {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            SaProto::Esp => SaProtoWord::Esp,
            SaProto::EspOld => SaProtoWord::EspOld,
            SaProto::Ah => SaProtoWord::Ah,
            SaProto::AhOld => SaProtoWord::AhOld,
            SaProto::IpComp => SaProtoWord::IpComp,
            SaProto::EspUdp(_) => SaProtoWord::EspUdp,
            SaProto::Tcp => SaProtoWord::Tcp,
        }
        .word()
    }
}

/// An option of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum Extension {
    /// `-f`.
    Flag(Flag),
    /// `-m`; `None` is `any`.
    Mode(Option<model::Mode>),
    /// `-u`.
    ReqId(u64),
    /// `-r`: packets, in the BSDs bytes of bitmap; words of the bitmap.
    Replay(u64, Option<u64>),
    /// `-lh` and its like; 0 is no limit.
    Limit(Limit, u64),
    /// `-ctx`.
    Context(Context),
    /// `-esp_frag` and `-natt_mtu`: the size that packets are fragmented to before ESP, in bytes.
    Fragment(FragmentOption, u64),
    /// `-natt`: both ends behind their NATs, always with ports.
    Natt(Box<(Host, Host)>),
    /// `-esn`.
    Esn,
    /// `-mark`.
    Mark(MarkText),
    /// `-outmark`.
    OutMark(MarkText),
    /// `-ifid`.
    IfId(u64),
    /// `-dir`.
    Direction(SaDirection),
    /// `-offload DEVICE in|out [packet]`.
    Offload {
        /// The device.
        device: String,
        /// `in` or `out`.
        direction: SaDirection,
        /// `packet`.
        packet: bool,
    },
    /// `-hwif`: the device that does the work.
    HardwareInterface(String),
    /// `-keepalive` in seconds; `None` is `-nokeepalive`.
    KeepAlive(Option<u64>),
    /// `-flag`: one of them.
    KernelFlag(SaFlags),
    /// `-flag` with bits that have no word.
    ExtraFlags(u64),
    /// `-sel`.
    Selector(Box<SaSelector>),
    /// `-encap KIND PORT PORT [ADDRESS]`.
    Encap {
        /// The wrapping.
        kind: EncapKind,
        /// Source and destination port.
        ports: (u64, u64),
        /// The original address of the peer.
        original: Option<Node<String>>,
    },
    /// `-tfc`, in bytes.
    TfcPadding(u64),
    /// `-mtimer`, in seconds.
    MappingInterval(u64),
    /// `-coa`.
    CareOf(Node<String>),
    /// `-pcpu`.
    Cpu(u64),
    /// `-iptfs`.
    IpTfs(Vec<(IpTfsSetting, Option<u64>)>),
    /// `-seq`, and the words of the bitmap.
    Received(u64, Option<Vec<u32>>),
    /// `-oseq`.
    Sent(u64),
    /// `-attr`.
    Attribute {
        /// Its number.
        number: u64,
        /// Its bytes.
        value: Key,
    },
    /// `-dev` of a policy.
    Device(String),
    /// `-portmask SRC/DST` of a policy.
    PortMasks(u64, u64),
    /// `-user` of a policy.
    User(u64),
    /// `-ptype` of a policy.
    PolicyType(PolicyType),
    /// `-flag` of a policy: one of them.
    PolicyFlag(PolicyFlags),
    /// `-offload` of a policy.
    PolicyOffload(String),
    /// `-zero` of a policy: one of them.
    ZeroLimit(ZeroLimits),
    /// `-nofwd` of a policy.
    NoForwardCopy,
}

/// The packets that an SA is for.
#[derive(Debug, Clone, PartialEq)]
pub struct SaSelector {
    /// Addresses, upper-layer protocol and ports; it has neither context nor extensions.
    pub packets: Selector,
    /// `dev`.
    pub device: Option<Node<String>>,
    /// `masks`: of source and destination port.
    pub masks: Option<Node<(u64, u64)>>,
    /// `uid`.
    pub user: Option<Node<u64>>,
}

/// Whose word for a fragment size it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentOption {
    /// `-esp_frag`, NetBSD's.
    EspFrag,
    /// `-natt_mtu`, FreeBSD's.
    NattMtu,
}

/// `VALUE` or `VALUE/MASK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkText {
    /// The bits wanted.
    pub value: u64,
    /// The bits looked at; without it, all.
    pub mask: Option<u64>,
}

/// `-ctx DOI ALG "CONTEXT"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Domain of interpretation.
    pub doi: u64,
    /// Algorithm.
    pub alg: u64,
    /// The label.
    pub label: Vec<u8>,
}

/// The algorithms of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum Algorithms {
    /// `-E`, or `-E` and `-A`.
    Crypt(Algorithm, Option<Algorithm>),
    /// `-A`.
    Auth(Algorithm),
    /// `-C`.
    Comp {
        /// The algorithm's name.
        name: Node<String>,
        /// `-R`: the CPI is sent as it is.
        raw_cpi: bool,
    },
}

/// An algorithm with its key; `null` and `simple` have none but in FreeBSD.
#[derive(Debug, Clone, PartialEq)]
pub struct Algorithm {
    /// The name.
    pub name: Node<String>,
    /// The key.
    pub key: Option<Node<Key>>,
}
