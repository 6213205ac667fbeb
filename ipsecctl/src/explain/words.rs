//! Entries of the tables in a line.

use std::{fmt::Write, num::NonZeroU64};

use engine::Route;
use explain::{
    Contained, Decapsulated, Explanation, Field, Flow, FlowDevice, Header, Integrity, ReplayFault,
    XfrmDevice,
};
use model::{
    EncapKind, PolicyEntry, PortMasks, Sa, SaEntry, SaField, SaFlags, Selector, Template, Upper,
    Visible, names::protocol_name,
};

use super::arrival::Through;
use crate::{show::selector, template};

/// What is written to a string does not fail.
fn text(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    let _ = write(&mut text);
    text
}

/// `10.0.0.1 > 10.0.1.2 udp 1000 > 53, mark 0x7`.
pub fn flow(flow: &Flow) -> String {
    text(|text| {
        write!(text, "{} > {}", flow.src(), flow.dst())?;
        match flow.upper.map(|number| (number, protocol_name(number))) {
            None => text.push_str(", protocol not given"),
            Some((_, Some(name))) => write!(text, " {name}")?,
            Some((number, None)) => write!(text, " protocol {number}")?,
        }
        let upper = flow.upper.map(Upper::Number);
        match (flow.src_port, flow.dst_port) {
            (None, None) => {}
            (kind, code) if upper.is_some_and(Upper::has_type_and_code) => {
                write!(text, " type {}", number_or(kind))?;
                write!(text, " code {}", number_or(code))?;
            }
            (Some(0), Some(0))
                if !upper.is_some_and(|upper| upper.has_ports() || upper == Upper::GRE) => {}
            (src, dst) => write!(text, " {} > {}", number_or(src), number_or(dst))?,
        }
        if let FlowDevice::Named(device) = &flow.device {
            write!(text, ", device {}", Visible(device.as_str()))?;
        }
        if flow.mark != 0 {
            write!(text, ", mark {:#x}", flow.mark)?;
        }
        flow.if_id.map_or(Ok(()), |if_id| write!(text, ", if_id {if_id}"))
    })
}

fn number_or(port: Option<u16>) -> String {
    port.map_or("?".to_owned(), |port| port.to_string())
}

/// `17 out 10.0.0.0/24 > 10.0.1.0/24 any, priority 100, discard`.
pub fn policy(entry: &PolicyEntry) -> String {
    let id = &entry.policy.id;
    text(|text| {
        write!(text, "{} {} {}", entry.index, id.direction.word(), packets(&id.selector))?;
        write!(text, ", priority {}", entry.policy.priority.0)?;
        if !id.mark.is_none() {
            write!(text, ", mark {}", id.mark)?;
        }
        if let Some(if_id) = id.if_id {
            write!(text, ", if_id {if_id}")?;
        }
        write!(text, ", {}", entry.policy.action.word())
    })
}

/// `10.0.0.0/24 > 10.0.1.0/24[53] udp`.
pub fn packets(packets: &Selector) -> String {
    text(|text| {
        selector::src(packets, text)?;
        text.push_str(" > ");
        selector::dst(packets, text)?;
        text.push(' ');
        // A code of 0 is any.
        if packets.upper.has_type_and_code() && packets.port_masks().dst == 0 {
            let mut bare = *packets;
            (bare.src_port, bare.dst_port) = (0, 0);
            selector::protocol(&bare, text)?;
            if packets.port_masks().src != 0 {
                write!(text, " type {}", packets.src_port)?;
            }
        } else {
            selector::protocol(packets, text)?;
        }
        if let Some(PortMasks { src, dst }) = packets.port_masks {
            write!(text, ", port masks {src:#x}/{dst:#x}")?;
        }
        if packets.user != 0 {
            write!(text, ", user {} (never compared)", packets.user)?;
        }
        packets
            .device
            .map_or(Ok(()), |device| write!(text, ", device {}", Visible(device.as_str())))
    })
}

/// As in scripts.
pub fn template(it: &Template) -> String {
    text(|text| template::write(it, text))
}

/// `esp 0x1001 192.0.2.1 > 192.0.2.2 tunnel, reqid 7`.
pub fn sa(entry: &SaEntry) -> String {
    let sa = &entry.sa;
    text(|text| {
        write!(text, "{} {:#x} {} > {}", sa.proto.word(), sa.spi.0, sa.ends.src(), sa.ends.dst())?;
        write!(text, " {}", sa.mode.installed().word())?;
        if let Some(reqid) = sa.reqid {
            write!(text, ", reqid {}", reqid.number())?;
        }
        if !sa.mark.is_none() {
            write!(text, ", mark {}", sa.mark)?;
        }
        if let Some(if_id) = sa.if_id {
            write!(text, ", if_id {if_id}")?;
        }
        sa.direction.map_or(Ok(()), |direction| write!(text, ", direction {}", direction.word()))
    })
}

/// What a policy has in a field that differs from the packet's.
pub fn differing_field(entry: &PolicyEntry, field: Field) -> String {
    let id = &entry.policy.id;
    let value = match field {
        Field::Mark => id.mark.to_string(),
        Field::IfId => id.if_id.map_or("none".to_owned(), |if_id| if_id.to_string()),
        Field::Direction => id.direction.word().to_owned(),
        Field::Device => {
            id.selector.device.map_or(String::new(), |it| Visible(it.as_str()).to_string())
        }
        Field::SrcPort => id.selector.src_port.to_string(),
        Field::DstPort => id.selector.dst_port.to_string(),
        Field::Src => text(|text| selector::prefix(id.selector.src(), text)),
        Field::Dst => text(|text| selector::prefix(id.selector.dst(), text)),
        Field::Protocol => text(|text| selector::protocol(&id.selector, text)),
        Field::Swapped => return "src and dst are the other way round".to_owned(),
        Field::Cpu | Field::SecurityContext => return format!("{} differs", field.word()),
    };
    let word = match field {
        Field::SrcPort if id.selector.upper.has_type_and_code() => "type",
        Field::DstPort if id.selector.upper.has_type_and_code() => "code",
        _ => field.word(),
    };
    let is_port = matches!(field, Field::SrcPort | Field::DstPort);
    match id.selector.upper {
        Upper::Number(_) if is_port && !id.selector.upper.has_compared_ports() => {
            format!("{word} differs: {value}, and the kernel compares 0 of this protocol")
        }
        _ => format!("{word} differs: {value}"),
    }
}

/// What an SA has in a field that differs from what a template demands.
pub fn differing_sa_field(entry: &SaEntry, field: Option<SaField>) -> String {
    let sa = &entry.sa;
    let Some(field) = field else { return format!("it is {}", entry.state.word()) };
    let value = match field {
        SaField::ReqId => sa.reqid.map_or("none".to_owned(), |reqid| reqid.number().to_string()),
        SaField::Mark if sa.mark.is_none() => "none".to_owned(),
        SaField::Mark => sa.mark.to_string(),
        SaField::IfId => sa.if_id.map_or("none".to_owned(), |if_id| if_id.to_string()),
        SaField::Mode => sa.mode.installed().word().to_owned(),
        SaField::Protocol => sa.proto.word().to_owned(),
        SaField::Src => sa.ends.src().to_string(),
        SaField::Dst => sa.ends.dst().to_string(),
        SaField::Spi => format!("{:#x}", sa.spi.0),
        SaField::Direction => sa.direction.map_or(String::new(), |it| it.word().to_owned()),
        SaField::Selector => sa.selector.as_ref().map_or(
            "none, and without the flag af-unspec it is for its own IP version".to_owned(),
            packets,
        ),
        SaField::Auth => match (&sa.auth, &sa.aead) {
            (Some(keyed), _) => keyed.algorithm.name.to_owned(),
            (None, Some(keyed)) => format!("none, with {}", keyed.algorithm.name),
            (None, None) => "none".to_owned(),
        },
        SaField::Flags => SaFlags::WILD_RECEIVE.words().collect(),
    };
    format!("{} differs: {value}", field.word())
}

/// `by eth0 to 192.0.2.1, mtu 1500`.
pub fn route(route: &Route) -> String {
    text(|text| {
        write!(text, "by {}", Visible(route.device.name.as_str()))?;
        if let Some(gateway) = route.gateway {
            write!(text, " to {gateway}")?;
        }
        if route.is_local {
            write!(text, ", to this host: it is what a selector with a device is compared with")
        } else {
            write!(text, ", mtu {}", route.mtu)
        }
    })
}

/// What a device looks policies up with.
pub fn interface(interface: &XfrmDevice) -> String {
    match interface {
        XfrmDevice::Vti { mark, .. } => {
            format!("a vti device: it looks policies up with mark {mark:#x}, its key")
        }
        XfrmDevice::Xfrm { if_id: Some(if_id), .. } => {
            format!("an xfrm interface: it looks policies up with if_id {if_id}")
        }
        XfrmDevice::Xfrm { if_id: None, .. } => {
            "an xfrm interface: each packet has its own if_id".to_owned()
        }
        XfrmDevice::Elsewhere => {
            "a vti device or an xfrm interface of another network namespace".to_owned()
        }
    }
}

/// What the device does that a packet comes out of once its SAs are undone.
pub fn through(through: &Through) -> String {
    match (through.vti_key, through.if_id) {
        (Some(key), _) => format!(
            "a vti device: it checks the protected packet as one in clear, looks SAs up with mark {key:#x}, its key, and checks the policy with that, and again with the own mark, as of a packet in clear"
        ),
        (None, Some(if_id)) => {
            format!("an xfrm interface: the policy is checked with if_id {if_id}")
        }
        (None, None) => "an xfrm interface".to_owned(),
    }
}

/// A header, short.
pub fn header(header: &Header) -> String {
    match header {
        Header::Ip { src, dst } => format!("IP {src} > {dst}"),
        Header::Encapsulation(EncapKind::EspInTcp) => "TCP".to_owned(),
        Header::Encapsulation(EncapKind::EspInUdp | EncapKind::EspInUdpNonIke) => "UDP".to_owned(),
        Header::Ipsec { proto, spi } => format!("{} {:#x}", proto.word(), spi.0),
    }
}

/// The encapsulation of an SA or of a packet.
pub fn encapsulation(kind: Option<EncapKind>) -> &'static str {
    kind.map_or("none", |kind| kind.word())
}

/// The hard limit that an SA has reached: `2 of 2 packets`.
pub fn limit(entry: &SaEntry) -> Option<String> {
    let (hard, current) = (entry.sa.lifetimes.hard, entry.current);
    let reached = [
        (current.packets, hard.packets.map(NonZeroU64::get), "packets"),
        (current.bytes, hard.bytes.map(NonZeroU64::get), "bytes"),
    ];
    let mut reached =
        reached.into_iter().filter_map(|(used, limit, unit)| Some((used, limit?, unit)));
    let (used, limit, unit) = reached.find(|(used, limit, _)| used >= limit)?;
    Some(format!("its hard limit is reached: {used} of {limit} {unit}"))
}

/// The sequence number that an SA has sent, if no other may follow.
pub fn last_sequence(entry: &SaEntry) -> Option<String> {
    let sa = &entry.sa;
    let (last, sent) = (if sa.esn { u64::MAX } else { u32::MAX.into() }, sa.replay_state.sent);
    let may_wrap = sa.flags.contains(SaFlags::OSEQ_MAY_WRAP);
    (sent >= last && !may_wrap).then(|| format!("its last sequence number is sent: {sent}"))
}

/// What a header of ESP has inside.
pub fn inside(inside: Contained) -> String {
    match inside {
        Contained::Packet(next) => {
            let name = protocol_name(next).map_or(format!("protocol {next}"), str::to_owned);
            format!("it is decrypted: {name} is inside")
        }
        Contained::Dummy => "it is decrypted: nothing is inside, by its next header 59".to_owned(),
        Contained::WrongLength => "it has a length that no packet of its SA has".to_owned(),
        Contained::NoTrailer => {
            "it is decrypted: its padding would be longer than the packet".to_owned()
        }
        Contained::Unsure(next) => format!(
            "it is decrypted: its next header is {next}; neither padding nor header shows whether that is what was sent"
        ),
        Contained::Garbage(next) => format!(
            "it is decrypted: its next header would be {next}, and padding and headers are not those of a sender"
        ),
    }
}

/// What the integrity check value of a header shows.
pub fn integrity(integrity: Integrity, header: &Decapsulated<'_>) -> String {
    let text = match integrity {
        Integrity::Right if header.sa.is_some_and(|entry| entry.sa.aead.is_some()) => {
            "its ICV is right: the keys are the same"
        }
        Integrity::Right => "its ICV is right: the keys of authentication are the same",
        Integrity::Wrong => "its ICV is not right",
        Integrity::OtherSource => {
            "its ICV would be right with the source that the SA has: the address was changed on the way, as by a NAT"
        }
        Integrity::OtherUpper { inferred, sent } => return upper_half(header, inferred, sent),
        Integrity::OtherEsn => {
            "its ICV would be right if one end did not have extended sequence numbers: -esn"
        }
        Integrity::OtherLength(bits) => {
            return format!("its ICV has {bits} bits, and would be right with them");
        }
    };
    text.to_owned()
}

/// Why the upper half of an extended sequence number is not that of the sender.
fn upper_half(header: &Decapsulated<'_>, inferred: u32, sent: u32) -> String {
    let number =
        |upper: u32| u64::from(upper) << 32 | u64::from(header.arrival.sequence.unwrap_or(0));
    let received = header.sa.map_or(0, |entry| entry.sa.replay_state.received);
    let why = if sent < inferred { ", as it is behind its window" } else { "" };
    format!(
        "its ICV would be right for sequence number {}: the SA, which has received {received}, takes it for {}{why}",
        number(sent),
        number(inferred)
    )
}

/// Why an SA refuses a sequence number.
pub fn replay(fault: ReplayFault, sa: &Sa) -> String {
    let highest = sa.replay_state.received;
    match fault {
        ReplayFault::Zero => "0 is no sequence number".to_owned(),
        ReplayFault::Old => format!(
            "the sequence number is older than the window: {highest} is the highest that was received, and the window has {}",
            sa.replay_window
        ),
        ReplayFault::Received => {
            format!("the sequence number was received before: {highest} is the highest")
        }
    }
}

/// Whether the last header names no SA because of a mark.
pub fn is_of_other_mark(explanation: &Explanation<'_>) -> bool {
    let failed = explanation.input.as_ref().and_then(|input| input.headers.last());
    failed.is_some_and(|failed| {
        failed.near.iter().any(|entry| failed.differing(entry) == SaField::Mark)
    })
}
