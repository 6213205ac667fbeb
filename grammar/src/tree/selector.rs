//! Selectors, and the extensions that may follow one or the name of an SA: each may contain the other.

use model::{
    EncapKind, IpTfsSetting, Key, PolicyFlags, PolicyType, SaDirection, SaFlags, ZeroLimits,
    names::LookUp,
};

use super::{Flag, Host, Limit, Node, Port};

/// Two ranges and what they carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// `-4`, `-6`, `-n`.
    pub look_up: LookUp,
    /// Source.
    pub src: Range,
    /// Destination.
    pub dst: Range,
    /// Upper-layer protocol.
    pub upper: Node<Upper>,
    /// `TYPE,CODE` of ICMP, the key of GRE.
    pub misc: Option<Node<String>>,
    /// `-ctx`.
    pub context: Option<Node<Context>>,
    /// Marks, xfrm interface and limits, in order.
    pub extensions: Vec<Node<Extension>>,
}

/// `ADDRESS/LENGTH[PORT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Address or host name.
    pub address: Node<String>,
    /// Prefix length.
    pub prefix: Option<Node<u64>>,
    /// Port.
    pub port: Option<Node<Port>>,
}

/// The upper-layer protocol of a selector.
#[derive(Debug, Clone, PartialEq)]
pub enum Upper {
    /// `any`.
    Any,
    /// `tcp`.
    Tcp,
    /// `esp`, FreeBSD's.
    Esp,
    /// A number.
    Number(u64),
    /// A name of /etc/protocols, `icmp6` or `ip4`.
    Name(String),
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
