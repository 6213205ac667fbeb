//! Entries of the tables in a line.

use std::fmt::Write;

use engine::Route;
use explain::{Field, Flow, FlowDevice, Header};
use model::{
    EncapKind, PolicyEntry, SaEntry, SaField, SaFlags, Selector, Template, Visible,
    names::protocol_name,
};

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
        let is_icmp = matches!(flow.upper, Some(1 | 58 | 135));
        match (flow.src_port, flow.dst_port) {
            (None, None) => {}
            (kind, code) if is_icmp => {
                write!(text, " type {}", number_or(kind))?;
                write!(text, " code {}", number_or(code))?;
            }
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
        selector::protocol(packets, text)?;
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
        Field::Src | Field::Dst | Field::Protocol | Field::Cpu | Field::SecurityContext => {
            String::new()
        }
    };
    if value.is_empty() {
        format!("{} differs", field.word())
    } else {
        format!("{} differs: {value}", field.word())
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
        SaField::Selector => {
            sa.selector.as_ref().map_or("of its IP version alone".to_owned(), packets)
        }
        SaField::Auth => {
            sa.auth.as_ref().map_or("none".to_owned(), |keyed| keyed.algorithm.name.to_string())
        }
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
            write!(text, ", to this host")
        } else {
            write!(text, ", mtu {}", route.mtu)
        }
    })
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
