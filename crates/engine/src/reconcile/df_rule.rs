//! DF on the outer IPv4 header of this host's tunnel packets (dfbit 1).
//!
//! No flag of an SA does that: the kernel copies DF from the inner header, or clears it
//! (`xfrm4_tunnel_encap_add`, net/xfrm/xfrm_output.c). So a rule of nftables sets it. A packet, of this
//! host or forwarded, passes the output hook again with each outer header that it gets, before it is
//! cut into fragments (`xfrm_output_resume`). No ICV covers DF (RFC 4302, section 3.3.3.1.1.1). One
//! that does not fit the way is dropped then, even if its inner header allows fragments.
//!
//! Tunnels are known by what their packets look like, so packets of transport mode between the ends of
//! a tunnel, of its protocol, get DF too. ESP in TCP is left out: its outer header is TCP's.

use std::{collections::BTreeSet, num::NonZeroU16};

use model::{Encap, EncapKind, IpVersion, Mode, Proto, Sa, SaDirection, SaEntry, SaState};
use serde_json::Value;
use xfrm::SadFilter;

use crate::{Error, reconcile::nft, state::host::Host};

const TABLE: &str = "xfrm_tools";

/// IP in IP, and IPv6 in IP (linux/in.h).
const IPPROTO_IPIP: u8 = 4;
const IPPROTO_IPV6: u8 = 41;

/// A set of the table, and the rule that looks it up.
struct Set {
    name: &'static str,
    /// The types of an element's parts.
    types: &'static str,
    /// The parts of a packet to compare with an element's.
    key: &'static str,
    /// What else must be true of a packet.
    and: &'static str,
}

/// Outer headers followed by the tunnel's protocol.
const PLAIN: Set = Set {
    name: "tunnels",
    types: "ipv4_addr . ipv4_addr . inet_proto",
    key: "ip saddr . ip daddr . ip protocol",
    and: "",
};

/// ESP in UDP. IKE, which has the same ports, begins with zeros (RFC 3948, section 2.2).
const UDP: Set = Set {
    name: "esp_in_udp",
    types: "ipv4_addr . ipv4_addr . inet_service . inet_service",
    key: "ip saddr . ip daddr . udp sport . udp dport",
    and: " @th,64,32 != 0",
};

/// ESP in UDP with a non-IKE marker: here it is ESP that begins with zeros
/// (`UDP_ENCAP_ESPINUDP_NON_IKE`, linux/udp.h).
const UDP_NON_IKE: Set = Set { name: "esp_in_udp_non_ike", and: " @th,64,64 0", ..UDP };

const SETS: [Set; 3] = [PLAIN, UDP, UDP_NON_IKE];

/// The elements of all sets, each after the name of its set.
type Elements = BTreeSet<(String, String)>;

/// Makes the table what the SAD requires. Returns whether it was different.
///
/// Errors: [`Error::NoDfRule`], [`Error::Kernel`].
pub fn reconcile(host: &mut Host) -> Result<bool, Error> {
    let mut wanted = Elements::new();
    for entry in host.kernel.dump_sad(&SadFilter::default())? {
        wanted.extend(elements(&entry?));
    }
    make(&wanted)
}

fn make(wanted: &Elements) -> Result<bool, Error> {
    let there = nft::list(TABLE).and_then(|table| read(&table));
    let is_wrong = there.as_ref() != Some(wanted);
    if is_wrong {
        nft::carry_out(&script(wanted))?;
    }
    Ok(is_wrong)
}

/// Deletes the table, if it is there.
///
/// Errors: [`Error::NoDfRule`].
pub fn remove() -> Result<(), Error> {
    nft::carry_out(&deletion())
}

/// Whether packets of an SA have an outer IPv4 header.
pub fn concerns(sa: &Sa) -> bool {
    sa.mode.installed() == Mode::Tunnel && IpVersion::of(sa.ends.dst()) == IpVersion::V4
}

/// What packets of an SA look like when they leave. Whether an SA is one for packets that leave, the
/// kernel need not know; packets of one that is not never pass the output hook.
fn elements(SaEntry { sa, state, .. }: &SaEntry) -> Elements {
    let is_usable = matches!(state, SaState::Mature | SaState::Dying);
    if !concerns(sa) || !is_usable || sa.direction == Some(SaDirection::In) {
        return Elements::new();
    }
    let ends = format!("{} . {}", sa.ends.src(), sa.ends.dst());
    let element = |set: &Set, rest: &str| (set.name.to_owned(), format!("{ends} . {rest}"));
    let plain = |number: u8| element(&PLAIN, &number.to_string());
    let port = |port: Option<NonZeroU16>| port.map_or(0, NonZeroU16::get);
    let in_udp = |set, encap: Encap| {
        element(set, &format!("{} . {}", port(encap.src_port), port(encap.dst_port)))
    };
    match (sa.proto, sa.encap) {
        (Proto::Esp, Some(encap)) => match encap.kind {
            EncapKind::EspInUdp => [in_udp(&UDP, encap)].into(),
            EncapKind::EspInUdpNonIke => [in_udp(&UDP_NON_IKE, encap)].into(),
            EncapKind::EspInTcp => Elements::new(),
        },
        // A packet that gets no shorter goes as IP in IP (`ipcomp_output`, net/xfrm/xfrm_ipcomp.c).
        (Proto::IpComp, _) => {
            [Proto::IpComp.number(), IPPROTO_IPIP, IPPROTO_IPV6].map(plain).into()
        }
        (Proto::Ah | Proto::Esp, _) => [plain(sa.proto.number())].into(),
        _ => Elements::new(),
    }
}

/// The script that replaces the table, in one transaction.
fn script(elements: &Elements) -> String {
    let sets: String = SETS.iter().map(|set| set.declaration(elements)).collect();
    let rules: String = SETS.iter().map(Set::rule).collect();
    format!(
        "{}table ip {TABLE} {{
{sets}    chain output {{
        type filter hook output priority mangle; policy accept;
{rules}    }}
}}
",
        deletion()
    )
}

impl Set {
    fn declaration(&self, elements: &Elements) -> String {
        let Set { name, types, .. } = self;
        let of_this_set = elements.iter().filter(|(set, _)| set == name);
        let list: Vec<&str> = of_this_set.map(|(_, element)| element.as_str()).collect();
        let list = match list.join(", ") {
            none if none.is_empty() => none,
            some => format!(" elements = {{ {some} }};"),
        };
        format!("    set {name} {{ type {types};{list} }}\n")
    }

    /// Fragments stay as they are. Of the field in other packets nothing but DF is used.
    fn rule(&self) -> String {
        let Set { name, key, and, .. } = self;
        let which = format!("ip frag-off & 0x3fff == 0 {key} @{name}{and}");
        format!("        {which} ip frag-off set 0x4000\n")
    }
}

/// The script that deletes the table, which it makes first in case it is not there.
fn deletion() -> String {
    format!("table ip {TABLE}\ndelete table ip {TABLE}\n")
}

/// The elements that a listing of the table shows; `None` if it is not the table of [`script`].
fn read(listing: &Value) -> Option<Elements> {
    let objects = listing.get("nftables")?.as_array()?;
    let of_kind = |kind| objects.iter().filter_map(move |object| object.get(kind));
    if of_kind("chain").count() != 1 || of_kind("rule").count() != SETS.len() {
        return None;
    }
    let mut elements = Elements::new();
    for set in of_kind("set") {
        let name = set.get("name")?.as_str()?;
        for element in set.get("elem").and_then(Value::as_array).into_iter().flatten() {
            let parts = element.get("concat")?.as_array()?.iter().map(text);
            let parts = parts.collect::<Option<Vec<_>>>()?;
            elements.insert((name.to_owned(), parts.join(" . ")));
        }
    }
    Some(elements)
}

fn text(part: &Value) -> Option<String> {
    part.as_str().map(str::to_owned).or_else(|| part.as_u64().map(|number| number.to_string()))
}

#[cfg(test)]
mod tests;
