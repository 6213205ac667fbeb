//! The syntax tree: what a script says, with no name looked up and nothing checked yet.
//!
//! Numbers are as strtoul(3) reads them: over `u64::MAX` they are `u64::MAX`. The tree prints as
//! script text again (`Display`).

use ipsec::{Direction, Key, Proto, names::LookUp};

use crate::source::Source;

/// A range of bytes in the source of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
}

/// A part of the tree and its place. Nodes are equal if their values are, wherever they stand.
#[derive(Debug, Clone)]
pub struct Node<T> {
    /// What it says.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Node<T> {
    /// A node at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Node<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A statement and the text it was read from.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it says.
    pub command: Command,
    /// Its text.
    pub source: Source,
}

impl Statement {
    /// The line of its `;`, as the original counts: for `The result of line N: ...`.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.lexer_line(self.source.text().len())
    }
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `add`.
    Add(Box<SaName>, Algorithms),
    /// `get`.
    Get(Box<SaName>),
    /// `delete`.
    Delete(Box<SaName>),
    /// `deleteall`.
    DeleteAll(Box<SaEnds>),
    /// `flush`.
    Flush(Option<Node<SaProto>>),
    /// `dump`.
    Dump(Option<Node<SaProto>>),
    /// `spdadd`.
    SpdAdd(Selection, Node<Policy>),
    /// `spdupdate`.
    SpdUpdate(Selection, Node<Policy>),
    /// `spddelete`.
    SpdDelete(Box<Selector>, Node<Policy>),
    /// `spdflush`.
    SpdFlush,
    /// `spddump`.
    SpdDump,
    /// `exit`, `quit` or `bye`.
    Exit,
}

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

/// What a policy applies to.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Packets.
    Packets(Box<Selector>),
    /// `tagged "NAME"`: what the packet filter has marked.
    Tagged(Node<Vec<u8>>),
}

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
    /// A number.
    Number(u64),
    /// A name of /etc/protocols, `icmp6` or `ip4`.
    Name(String),
}

/// What stands after `-P`.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Direction.
    pub direction: Node<Direction>,
    /// Priority, if one is given.
    pub priority: Option<Node<Priority>>,
    /// Action; only `spddelete` makes sense without.
    pub action: Option<Node<Action>>,
    /// Requests, in order.
    pub requests: Vec<Node<Request>>,
}

/// Where a policy is to stand among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority {
    /// `low`, `def` or `high`; without one the offset is from `def`.
    pub base: Option<Base>,
    /// How far from it; without a base there is always one.
    pub offset: Option<Offset>,
}

/// A named priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// `low`.
    Low,
    /// `def`.
    Def,
    /// `high`.
    High,
}

/// A distance from a named priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// `-`: the policy comes later, its number is larger.
    pub later: bool,
    /// How far.
    pub by: u64,
}

/// The action of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `discard`.
    Discard,
    /// `none`.
    None,
    /// `ipsec`.
    Ipsec,
    /// `bypass`.
    Bypass,
    /// `entrust`.
    Entrust,
}

/// `PROTOCOL/MODE/SRC-DST/LEVEL`.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// ESP, AH or IPComp.
    pub proto: Proto,
    /// Mode.
    pub mode: Mode,
    /// Endpoints.
    pub ends: Option<Node<Ends>>,
    /// Level.
    pub level: Option<Level>,
}

/// The endpoints of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Ends {
    /// `SRC-DST`.
    Addresses(Endpoint, Endpoint),
    /// `me-any`.
    MeAny,
    /// `any-me`.
    AnyMe,
}

/// `ADDRESS` or `ADDRESS[PORT]`, numeric; both ends have a port or none has.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Address.
    pub address: Node<String>,
    /// Port.
    pub port: Option<u64>,
}

/// The level of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `default`.
    Default,
    /// `use`.
    Use,
    /// `require`.
    Require,
    /// `unique` or `unique:NUMBER`.
    Unique(Option<u64>),
}
