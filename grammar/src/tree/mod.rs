//! The syntax tree of a script, with no name looked up and nothing checked yet.
//!
//! Numbers are as strtoul(3) reads them: over `u64::MAX` they are `u64::MAX`. The tree prints as
//! script text again (`Display`).

use model::PolicyType;

mod host;
mod limit;
mod sad;
mod selector;
mod spd;
mod words;

pub use host::{Host, Port};
pub use limit::Limit;
pub use sad::{Algorithm, Algorithms, SaEnds, SaName, SaProto};
pub use selector::{
    Context, Extension, FragmentOption, MarkText, Range, SaSelector, Selector, Upper,
};
pub use spd::{Detail, Endpoint, Ends, Level, Offset, Policy, Priority, Selection, Template};
pub use words::{DetailWord, Flag, Mode, SaProtoWord, StatementWord};

/// A range of bytes in the source of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
}

/// A part of the tree and its place. Nodes are equal if their values are, wherever they are.
#[derive(Debug, Clone)]
pub struct Node<T> {
    /// The value.
    pub value: T,
    /// The place in the source.
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

/// The command of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `add`.
    Add(Box<SaName>, Algorithms),
    /// `update`, NetBSD's.
    Update(Box<SaName>, Algorithms),
    /// `getspi`, NetBSD's.
    GetSpi(Box<SaName>),
    /// `get`.
    Get(Box<SaName>),
    /// `delete`.
    Delete(Box<SaName>),
    /// `deleteall`.
    DeleteAll(Box<SaEnds>, Vec<Node<Extension>>),
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
    SpdFlush(PolicyType),
    /// `spddump`.
    SpdDump,
    /// `exit`, `quit` or `bye`.
    Exit,
}
