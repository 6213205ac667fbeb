//! Whether the kernel sets DF.
//!
//! Since Linux 7.2, `nft_payload_set_eval` (net/netfilter/nft_payload.c) passes over a write to most
//! of the IPv4 header, DF among it: the rule is accepted, and the packet is unchanged. Nothing but a
//! packet shows that. This needs no privilege beyond CAP_NET_ADMIN.

use std::net::{Ipv4Addr, UdpSocket};

use model::Upper;
use netlink_packet_core::{DefaultNla, Nla};
use netlink_packet_netfilter::nftables::{
    ExpressionAttribute, Expressions, ListAttribute, NfTablesMessage, Operator, RuleAttribute,
    RuleMessage,
};
use rustix::{
    io::Errno,
    net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover},
};

use super::{
    rules::{DESTINATION, PORTS, PROTOCOL, compare, has_df, is_whole, set_df},
    table::{declaration, deletion, output_chain, rule},
};
use crate::reconcile::nf_tables::{NfTables, errno};

const TABLE: &str = "xfrm_tools_probe";

/// Before all other chains: what they do to the datagram makes no difference.
const FIRST: i32 = i32::MIN;

const COUNTER: &str = "counter";

/// `NFTA_COUNTER_PACKETS` (linux/netfilter/nf_tables.h): 64 bits, in network byte order.
const PACKETS: u16 = 2;

/// Sends a datagram to itself, with DF clear. A rule sets DF and counts the datagram if it has DF
/// then.
///
/// Errors: those of nf_tables; that of sending, such as ENETUNREACH without a loopback interface.
pub fn sets_df() -> Result<bool, Errno> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| errno(&error))?;
    let address = socket.local_addr().map_err(|error| errno(&error))?;
    set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
    let mut kernel = NfTables::open()?;
    kernel.change(table(address.port()))?;
    // Another rule may drop it, which sendto(2) reports as EPERM.
    let sent = socket.send_to(&[], address);
    let count = count(&mut kernel);
    kernel.change(deletion(TABLE))?;
    match (count?, sent.map_err(|error| errno(&error))) {
        (0, Err(error)) if error != Errno::PERM => Err(error),
        (count, _) => Ok(count > 0),
    }
}

/// The table for a datagram from this port to the same.
fn table(port: u16) -> Vec<NfTablesMessage> {
    let port = port.to_be_bytes();
    let expressions = [
        is_whole(),
        compare(DESTINATION, Operator::Equal, &Ipv4Addr::LOCALHOST.octets()),
        compare(PROTOCOL, Operator::Equal, &[Upper::UDP.xfrm()]),
        compare(PORTS, Operator::Equal, &[port, port].concat()),
        set_df(),
        has_df(),
        vec![Expressions::Other { expression_type: COUNTER.to_owned(), attributes: vec![] }],
    ];
    let mut changes = deletion(TABLE);
    changes.push(declaration(TABLE));
    changes.push(output_chain(TABLE, FIRST));
    changes.push(rule(TABLE, expressions.concat()));
    changes
}

/// The packets that the rule has counted.
fn count(kernel: &mut NfTables) -> Result<u64, Errno> {
    let name = RuleAttribute::Table(TABLE.to_owned());
    let request = RuleMessage { attributes: vec![name.clone()] };
    let entries = kernel.dump(NfTablesMessage::GetRule(request))?;
    let rules = entries.iter().filter_map(|entry| match entry {
        NfTablesMessage::NewRule(rule) => Some(&rule.attributes),
        _ => None,
    });
    let of_the_table = rules.filter(|attributes| attributes.contains(&name));
    Ok(of_the_table.flatten().filter_map(packets).sum())
}

fn packets(attribute: &RuleAttribute) -> Option<u64> {
    let RuleAttribute::Expressions(expressions) = attribute else { return None };
    let counter = expressions.iter().find_map(counter)?;
    let packets = counter.iter().find(|attribute| attribute.kind() == PACKETS)?;
    let mut number = [0; 8];
    (packets.value_len() == number.len()).then(|| {
        packets.emit_value(&mut number);
        u64::from_be_bytes(number)
    })
}

fn counter(expression: &ListAttribute<ExpressionAttribute>) -> Option<&Vec<DefaultNla>> {
    let ListAttribute::Element(attributes) = expression else { return None };
    attributes.iter().find_map(|attribute| match attribute {
        ExpressionAttribute::Data(Expressions::Other { expression_type, attributes })
            if expression_type == COUNTER =>
        {
            Some(attributes)
        }
        _ => None,
    })
}
