//! The table of nf_tables: `nft list table ip xfrm_tools`.

use std::{collections::BTreeSet, net::Ipv4Addr};

use model::Upper;
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, DataAttribute, Expressions, Hook, HookNumber, InetHookNumber,
    ListAttribute, NfTablesMessage, Operator, RuleAttribute, RuleMessage, SetAttribute,
    SetElementAttribute, SetElementList, SetElementMessage, SetMessage, TableAttribute,
    TableMessage,
};
use rustix::io::Errno;

use super::rules::{
    DESTINATION, DESTINATION_PORT, NON_IKE_MARKER, PROTOCOL, PacketField, SOURCE, SOURCE_PORT,
    SPI_IN_UDP, compare, is_whole, look_up, set_df,
};
use crate::reconcile::nf_tables::NfTables;

/// Older versions, which ran nft(8), made the same table.
pub const NAME: &str = "xfrm_tools";

const CHAIN: &str = "output";

/// `mangle` of nft(8), behind connection tracking.
const PRIORITY: i32 = -150;

/// `NF_ACCEPT` (linux/netfilter.h).
const ACCEPT: u32 = 1;

/// The most elements of a message: an attribute has 64 KiB at most.
const ELEMENTS: usize = 1000;

/// nft(8)'s numbers for the types of a key's parts, which the kernel stores for it.
const IPV4_ADDR: u32 = 7;
const INET_PROTO: u32 = 12;
const INET_SERVICE: u32 = 13;

/// A set of the table, which a rule of its own looks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// Outer headers followed by the tunnel's protocol.
    Plain,
    /// ESP in UDP.
    Udp,
    /// ESP in UDP with a non-IKE marker.
    UdpNonIke,
}

/// What packets of a tunnel look like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    set: Set,
    /// The values of the set's fields, each filled up to four bytes.
    key: Vec<u8>,
}

pub type Elements = BTreeSet<Element>;

impl Element {
    /// An element for packets from one address to another, whose other fields have these values.
    pub fn new(set: Set, ends: [Ipv4Addr; 2], values: &[&[u8]]) -> Self {
        let mut key = ends.map(|end| end.octets()).concat();
        for value in values {
            key.extend_from_slice(value);
            key.resize(key.len().next_multiple_of(4), 0);
        }
        Self { set, key }
    }
}

impl Set {
    const ALL: [Self; 3] = [Set::Plain, Set::Udp, Set::UdpNonIke];

    fn name(self) -> &'static str {
        match self {
            Set::Plain => "tunnels",
            Set::Udp => "esp_in_udp",
            Set::UdpNonIke => "esp_in_udp_non_ike",
        }
    }

    /// The fields of a packet that make up the key, and their types.
    fn fields(self) -> &'static [(PacketField, u32)] {
        match self {
            Set::Plain => &[(SOURCE, IPV4_ADDR), (DESTINATION, IPV4_ADDR), (PROTOCOL, INET_PROTO)],
            Set::Udp | Set::UdpNonIke => &[
                (SOURCE, IPV4_ADDR),
                (DESTINATION, IPV4_ADDR),
                (SOURCE_PORT, INET_SERVICE),
                (DESTINATION_PORT, INET_SERVICE),
            ],
        }
    }

    fn declaration(self) -> NfTablesMessage {
        let types = self.fields().iter().fold(0, |types, (_, kind)| types << 6 | kind);
        let length: u32 = self.fields().iter().map(|_| 4).sum();
        NfTablesMessage::NewSet(SetMessage {
            attributes: vec![
                SetAttribute::Table(NAME.to_owned()),
                SetAttribute::Name(self.name().to_owned()),
                SetAttribute::KeyType(types),
                SetAttribute::KeyLen(length),
                SetAttribute::Id(self as u32 + 1),
            ],
        })
    }

    fn rule(self) -> NfTablesMessage {
        let fields: Vec<PacketField> = self.fields().iter().map(|(field, _)| *field).collect();
        let is_udp = compare(PROTOCOL, Operator::Equal, &[Upper::UDP.xfrm()]);
        let (is_of_the_protocol, is_esp) = match self {
            Set::Plain => (vec![], vec![]),
            Set::Udp => (is_udp, compare(SPI_IN_UDP, Operator::NotEqual, &[0; 4])),
            Set::UdpNonIke => (is_udp, compare(NON_IKE_MARKER, Operator::Equal, &[0; 8])),
        };
        rule(
            NAME,
            [is_whole(), is_of_the_protocol, look_up(self.name(), &fields), is_esp, set_df()]
                .concat(),
        )
    }
}

/// The changes that replace the table, for one transaction.
pub fn replacement(elements: &Elements) -> Vec<NfTablesMessage> {
    let mut changes = deletion(NAME);
    changes.push(declaration(NAME));
    for set in Set::ALL {
        changes.push(set.declaration());
        let keys: Vec<&Element> = elements.iter().filter(|element| element.set == set).collect();
        changes.extend(keys.chunks(ELEMENTS).map(|keys| addition(set, keys)));
    }
    changes.push(output_chain(NAME, PRIORITY));
    changes.extend(Set::ALL.map(Set::rule));
    changes
}

/// The changes that delete a table, which they add first in case it is not there.
pub fn deletion(name: &str) -> Vec<NfTablesMessage> {
    vec![declaration(name), NfTablesMessage::DeleteTable(table(name))]
}

pub fn declaration(name: &str) -> NfTablesMessage {
    NfTablesMessage::NewTable(table(name))
}

fn table(name: &str) -> TableMessage {
    TableMessage { attributes: vec![TableAttribute::Name(name.to_owned())] }
}

/// The chain of a table that packets pass which leave, before those of a higher priority.
pub fn output_chain(table: &str, priority: i32) -> NfTablesMessage {
    NfTablesMessage::NewChain(ChainMessage {
        attributes: vec![
            ChainAttribute::Table(table.to_owned()),
            ChainAttribute::Name(CHAIN.to_owned()),
            ChainAttribute::Hook(vec![
                Hook::Number(HookNumber::Inet(InetHookNumber::LocalOut)),
                Hook::Priority(priority.cast_unsigned()),
            ]),
            ChainAttribute::Policy(ACCEPT),
            ChainAttribute::Type("filter".to_owned()),
        ],
    })
}

/// A rule of the output chain of a table.
pub fn rule(table: &str, expressions: Vec<Expressions>) -> NfTablesMessage {
    NfTablesMessage::NewRule(RuleMessage {
        attributes: vec![
            RuleAttribute::Table(table.to_owned()),
            RuleAttribute::Chain(CHAIN.to_owned()),
            RuleAttribute::Expressions(expressions.into_iter().map(Into::into).collect()),
        ],
    })
}

fn addition(set: Set, elements: &[&Element]) -> NfTablesMessage {
    let key = |element: &&Element| {
        let value = DataAttribute::Value(element.key.clone());
        ListAttribute::Element(vec![SetElementAttribute::Key(value)])
    };
    NfTablesMessage::NewSetElement(SetElementMessage {
        attributes: vec![
            SetElementList::Table(NAME.to_owned()),
            SetElementList::Set(set.name().to_owned()),
            SetElementList::Elements(elements.iter().map(key).collect()),
        ],
    })
}

/// The elements of the table that is there; `None` if there is none, or it is not that of
/// [`replacement`].
pub fn read(kernel: &mut NfTables) -> Result<Option<Elements>, Errno> {
    if !is_complete(kernel)? {
        return Ok(None);
    }
    let mut elements = Elements::new();
    for set in Set::ALL {
        let request = NfTablesMessage::GetSetElement(SetElementMessage {
            attributes: vec![
                SetElementList::Table(NAME.to_owned()),
                SetElementList::Set(set.name().to_owned()),
            ],
        });
        match kernel.dump(request) {
            Ok(lists) => {
                elements.extend(lists.iter().flat_map(keys).map(|key| Element { set, key }));
            }
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(elements))
}

/// Whether the table has its one chain, with as many rules as sets.
fn is_complete(kernel: &mut NfTables) -> Result<bool, Errno> {
    let chains = kernel.dump(NfTablesMessage::GetChain(ChainMessage { attributes: vec![] }))?;
    let is_ours = |entry: &&NfTablesMessage| match entry {
        NfTablesMessage::NewChain(ChainMessage { attributes }) => {
            attributes.contains(&ChainAttribute::Table(NAME.to_owned()))
        }
        NfTablesMessage::NewRule(RuleMessage { attributes }) => {
            attributes.contains(&RuleAttribute::Table(NAME.to_owned()))
        }
        _ => false,
    };
    if chains.iter().filter(is_ours).count() != 1 {
        return Ok(false);
    }
    let rules = kernel.dump(NfTablesMessage::GetRule(RuleMessage {
        attributes: vec![RuleAttribute::Table(NAME.to_owned())],
    }))?;
    Ok(rules.iter().filter(is_ours).count() == Set::ALL.len())
}

/// The keys of a part of a set.
fn keys(list: &NfTablesMessage) -> Vec<Vec<u8>> {
    let NfTablesMessage::NewSetElement(SetElementMessage { attributes }) = list else {
        return vec![];
    };
    let lists = attributes.iter().filter_map(|attribute| match attribute {
        SetElementList::Elements(elements) => Some(elements),
        _ => None,
    });
    let attributes = lists.flatten().filter_map(|element| match element {
        ListAttribute::Element(attributes) => Some(attributes),
        _ => None,
    });
    let key = |attribute: &SetElementAttribute| match attribute {
        SetElementAttribute::Key(DataAttribute::Value(key)) => Some(key.clone()),
        _ => None,
    };
    attributes.flatten().filter_map(key).collect()
}
