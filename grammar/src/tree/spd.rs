use model::{ActionKind, Direction, LevelKind, Mode, PriorityBase, Proto, Share, names::LookUp};

use super::{Context, DetailWord, Extension, Node, Port};

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

/// The policy after `-P`.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Direction.
    pub direction: Node<Direction>,
    /// Priority, if one is given.
    pub priority: Option<Node<Priority>>,
    /// Action; only `spddelete` makes sense without.
    pub action: Option<Node<ActionKind>>,
    /// Templates, in order.
    pub templates: Vec<Node<Template>>,
}

/// The position of a policy among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// From a named one.
    From {
        /// `low`, `def` or `high`; without one the offset is from `def`.
        base: Option<PriorityBase>,
        /// How far from it; without a base there is always one.
        offset: Option<Offset>,
    },
    /// `number:N`, the kernel's number.
    Number(u64),
}

/// A distance from a named priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// `-`: the policy comes later, its number is larger.
    pub later: bool,
    /// How far.
    pub by: u64,
}

/// `PROTOCOL/MODE/SRC-DST/LEVEL`.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Protocol.
    pub proto: Proto,
    /// Mode.
    pub mode: Mode,
    /// AddressPair.
    pub ends: Option<Node<Ends>>,
    /// Level.
    pub level: Option<Level>,
    /// What follows the level.
    pub details: Vec<Node<Detail>>,
}

/// `WORD:VALUE` behind the level of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A number.
    Number(DetailWord, u64),
    /// `share`.
    Share(Share),
}

impl Detail {
    /// The word.
    #[must_use]
    pub fn word(&self) -> DetailWord {
        match self {
            Detail::Number(word, _) => *word,
            Detail::Share(_) => DetailWord::Share,
        }
    }
}

/// The endpoints of a template.
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

/// The level of a template, with the number of `unique:NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The level itself.
    pub kind: LevelKind,
    /// The number; of `unique` only.
    pub number: Option<u64>,
}
