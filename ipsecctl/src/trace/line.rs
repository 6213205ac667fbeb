//! A drop as text: a line, and below it the policies and SAs and what would mend it.

use std::fmt::Write;

use cli::{
    json::{DropJson, PacketJson, PolicyJson, SaJson, SaNameJson},
    wrap,
};
use model::{Upper, names::protocol_name, visible};

/// The columns of the lines below.
const INDENT: usize = 4;

/// The lines of a drop, with line feeds.
pub fn text(dropped: &DropJson, width: Option<usize>) -> String {
    let mut text = visible(&first_line(dropped)) + "\n";
    let mut add = |label: &str, line: &str| {
        let line = visible(&format!("{label}{line}"));
        text += &wrap(&line, INDENT, width);
    };
    add("", &dropped.message);
    for policy in &dropped.policies {
        add("policy ", &policy_text(policy));
    }
    for sa in &dropped.sas {
        add("sa ", &sa_text(sa));
    }
    for sa in &dropped.near {
        add("not ", &name_text(sa));
    }
    if let Some(remedy) = &dropped.remedy {
        add("to mend: ", remedy);
    }
    text
}

fn first_line(dropped: &DropJson) -> String {
    // A String takes all that is written.
    let mut line = dropped.time.get(11..26).unwrap_or(&dropped.time).to_owned();
    match dropped.kind {
        "packet" => {}
        kind => {
            let _ = write!(line, " {} packets {}", dropped.packets, kind.replace('_', " "));
        }
    }
    if let Some(direction) = dropped.direction {
        let _ = write!(line, " {direction}");
    }
    if let Some(device) = &dropped.device {
        let _ = write!(line, " {device}");
    }
    if let Some(packet) = &dropped.packet {
        let _ = write!(line, " {}", packet_text(packet));
    }
    for spi in &dropped.spis {
        let _ = write!(line, " spi {spi:#x}");
    }
    if let Some(length) = dropped.length {
        let _ = write!(line, " {length} bytes");
    }
    for counter in &dropped.counters {
        let _ = write!(line, " {counter}");
    }
    let function =
        dropped.symbol.as_deref().map(|symbol| symbol.split('+').next().unwrap_or(symbol));
    if let (Some(reason), Some(function)) = (&dropped.reason, function) {
        let _ = write!(line, " ({reason} in {function})");
    } else if let Some(function) = function {
        let _ = write!(line, " ({function})");
    }
    line
}

fn packet_text(packet: &PacketJson) -> String {
    let mut text = format!("{} > {}", packet.src, packet.dst);
    if let Some(protocol) = packet.protocol {
        match protocol_name(protocol) {
            Some(name) => write!(text, " {name}"),
            None => write!(text, " protocol {protocol}"),
        }
        .unwrap_or_default();
    }
    if let (Some(src), Some(dst)) = (packet.src_port, packet.dst_port) {
        let is_icmp =
            matches!(packet.protocol.map(Upper::Number), Some(Upper::ICMP | Upper::ICMPV6));
        let _ = if is_icmp { write!(text, " {src}/{dst}") } else { write!(text, " {src} > {dst}") };
    }
    text
}

fn policy_text(policy: &PolicyJson) -> String {
    let selector = &policy.selector;
    let mut text =
        format!("{} {} {} > {}", policy.index, policy.direction, selector.src, selector.dst);
    if let Some(protocol) = selector.protocol {
        let _ = write!(text, " protocol {protocol}");
    }
    let _ = write!(text, ", {}", policy.action);
    for template in &policy.templates {
        let _ = write!(text, " {}/{}", template.protocol, template.mode);
        if let (Some(src), Some(dst)) = (&template.src, &template.dst) {
            let _ = write!(text, "/{src}-{dst}");
        }
        let _ = write!(text, "/{}", template.level);
        if let Some(reqid) = template.reqid {
            let _ = write!(text, ":{reqid}");
        }
    }
    text
}

fn sa_text(sa: &SaJson) -> String {
    let mut text = format!("{} {:#x} {} > {} {}", sa.protocol, sa.spi, sa.src, sa.dst, sa.mode);
    if let Some(reqid) = sa.reqid {
        let _ = write!(text, ", reqid {reqid}");
    }
    if let Some(mark) = &sa.mark {
        let _ = write!(text, ", mark {:#x}/{:#x}", mark.value, mark.mask);
    }
    if let Some(if_id) = sa.if_id {
        let _ = write!(text, ", if_id {if_id}");
    }
    let _ = write!(text, ", {}", sa.state);
    text
}

fn name_text(sa: &SaNameJson) -> String {
    let mut text = format!("{} {:#x} {} > {}", sa.protocol, sa.spi, sa.src, sa.dst);
    if let Some(mark) = &sa.mark {
        let _ = write!(text, ", mark {:#x}/{:#x}", mark.value, mark.mask);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_and_what_has_dropped_it() {
        let packet = PacketJson {
            src: "10.2.0.5".into(),
            dst: "10.1.0.5".into(),
            protocol: Some(17),
            src_port: Some(1000),
            dst_port: Some(53),
            mark: 0,
            if_id: None,
            device: None,
        };
        let dropped = DropJson {
            time: "2026-01-02T03:04:05.000006+00:00".to_owned(),
            kind: "packet",
            packets: 1,
            reason: Some("XFRM_POLICY".into()),
            symbol: Some("udp_queue_rcv_one_skb+0x17c/0x4e0".into()),
            device: Some("eth0".into()),
            length: Some(60),
            direction: Some("in"),
            packet: Some(packet),
            counters: vec!["XfrmInNoPols".into()],
            message:
                "The packet is dropped: no policy matches it, which has come through a tunnel."
                    .into(),
            remedy: Some("add it\n".into()),
            ..DropJson::default()
        };
        let expected = "\
03:04:05.000006 in eth0 10.2.0.5 > 10.1.0.5 udp 1000 > 53 60 bytes XfrmInNoPols (XFRM_POLICY in udp_queue_rcv_one_skb)
    The packet is dropped: no policy matches it, which has come
    through a tunnel.
    to mend: add it\\n
";
        assert_eq!(text(&dropped, Some(64)), expected);
    }

    #[test]
    fn what_was_counted() {
        let dropped = DropJson {
            time: "2026-01-02T03:04:05.000006+00:00".to_owned(),
            kind: "counted",
            packets: 3,
            counters: vec!["XfrmOutNoStates".into()],
            message: "x".into(),
            ..DropJson::default()
        };
        assert_eq!(
            text(&dropped, None),
            "03:04:05.000006 3 packets counted XfrmOutNoStates\n    x\n"
        );
    }
}
