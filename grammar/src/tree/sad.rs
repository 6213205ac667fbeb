use ipsec::{Key, names::LookUp};

use super::Node;

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

/// What stands between `[` and `]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Port {
    /// `any`.
    Any,
    /// A number.
    Number(u64),
    /// The name of a UDP service.
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

/// An option of an SA.
#[derive(Debug, Clone, PartialEq)]
pub enum Extension {
    /// `-f`.
    Flag(Flag),
    /// `-m`; `None` is `any`.
    Mode(Option<Mode>),
    /// `-u`.
    ReqId(u64),
    /// `-r`, in packets.
    Replay(u64),
    /// `-lh`, in seconds.
    HardTime(u64),
    /// `-ls`, in seconds.
    SoftTime(u64),
    /// `-bh`.
    HardBytes(u64),
    /// `-bs`.
    SoftBytes(u64),
    /// `-ctx`.
    Context(Context),
}

/// The word after `-f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// `zero-pad`.
    ZeroPad,
    /// `random-pad`.
    RandomPad,
    /// `seq-pad`.
    SeqPad,
    /// `nocyclic-seq`.
    NoCyclicSeq,
}

/// The modes that a script can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `transport`.
    Transport,
    /// `tunnel`.
    Tunnel,
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

/// An algorithm with its key; `null` and `simple` have none.
#[derive(Debug, Clone, PartialEq)]
pub struct Algorithm {
    /// The name.
    pub name: Node<String>,
    /// The key.
    pub key: Option<Node<Key>>,
}
