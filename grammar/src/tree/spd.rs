use model::{ActionKind, Direction, LevelKind, Mode, PriorityBase, Proto, Share};

use super::{DetailWord, Node, Selector};

/// What a policy applies to.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Packets.
    Packets(Box<Selector>),
    /// `tagged "NAME"`: what the packet filter has marked.
    Tagged(Node<Vec<u8>>),
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
