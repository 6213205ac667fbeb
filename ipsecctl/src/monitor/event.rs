//! Events that change no entry, and the line of any event.

use std::fmt::Write;

use cli::json::{EventJson, MemberJson, NetnsJson, PolicyJson, SaJson, TemplateJson};
use model::{AddressPair, Event, Proto, ReqId, visible};

/// An event that changes no entry of the tables.
pub fn of_no_entry(event: &Event) -> EventJson {
    let of = |event| EventJson { event, ..EventJson::default() };
    match event {
        Event::Acquire(needed) => EventJson {
            policy: Some(Box::new(PolicyJson::new(&needed.policy))),
            protocol: Some(needed.proto.word()),
            src: Some(needed.ends.src().to_string()),
            dst: Some(needed.ends.dst().to_string()),
            selector: Some((&needed.selector).into()),
            ..of("acquire")
        },
        Event::MappingChanged(mapping) => EventJson {
            protocol: Some(mapping.proto.word()),
            dst: Some(mapping.dst.to_string()),
            spi: Some(mapping.spi.0),
            reqid: mapping.reqid.map(ReqId::number),
            old: Some(mapping.old.to_string()),
            new: Some(mapping.new.to_string()),
            ..of("mapping")
        },
        Event::Migrated(migration) => {
            let ends = |ends: AddressPair| format!("{}-{}", ends.src(), ends.dst());
            let change = migration.changes.first();
            EventJson {
                selector: Some((&migration.selector).into()),
                protocol: change.map(|it| it.proto.word()),
                reqid: change.and_then(|it| it.reqid).map(ReqId::number),
                old: change.map(|it| ends(it.old)),
                new: change.map(|it| ends(it.new)),
                ..of("migrate")
            }
        }
        Event::SaCounted(count) => EventJson {
            protocol: Some(count.id.proto.word()),
            src: Some(count.src.to_string()),
            dst: Some(count.id.dst.to_string()),
            spi: Some(count.id.spi.0),
            reqid: count.reqid.map(ReqId::number),
            packets: count.current.map(|it| it.packets),
            ..of("count")
        },
        Event::Reported { proto, selector } => EventJson {
            protocol: Some(Proto::word(*proto)),
            selector: Some((&**selector).into()),
            ..of("report")
        },
        Event::CatchAllDeleted { .. } => {
            EventJson { database: Some("default policy"), ..of("deleted") }
        }
        Event::MonitorLost => of("lost"),
        Event::Other { kind } => EventJson { message: Some(*kind), ..of("other") },
        _ => of("other"),
    }
}

/// The line of an event: time, what has happened to what, and who did it.
pub fn line(event: &EventJson) -> String {
    // A String takes all that is written.
    let mut line = format!("{} {}", clock(&event.time), event.event);
    if let Some(hard) = event.hard {
        line += if hard { " (hard limit)" } else { " (soft limit)" };
    }
    if let Some(NetnsJson { number, name }) = &event.netns {
        let _ = match name {
            Some(name) => write!(line, " netns={name}"),
            None => write!(line, " netns=#{number}"),
        };
    }
    match (event.event, &event.netns) {
        ("lost", None) => line += ": events were dropped, the tables are read again",
        ("lost", Some(_)) => line += ": its tables cannot be read, what was dropped is not known",
        _ => {}
    }
    if let Some(database) = event.database {
        let _ = write!(line, " {database}");
    }
    if let Some(sa) = &event.sa {
        let _ = write!(line, " sa {}", sa_text(sa));
    } else {
        ends(event, &mut line);
    }
    if let Some(policy) = &event.policy {
        let _ = write!(line, " policy {}", policy_text(policy));
    }
    if let (Some(old), Some(new)) = (&event.old, &event.new) {
        let _ = write!(line, " from {old} to {new}");
    }
    let numbers = [("packets", event.packets), ("entries", event.entries)];
    for (name, number) in numbers {
        if let Some(number) = number {
            let _ = write!(line, " {name}={number}");
        }
    }
    if let Some(message) = event.message {
        let _ = write!(line, " message={message:#x}");
    }
    for MemberJson { member, before, after } in &event.changed {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let _ = write!(line, " {member}: {} -> {}", value(before), value(after));
    }
    if event.was_lost == Some(true) {
        line += " (seen when the tables were read again)";
    }
    if let Some(by) = &event.by {
        let process = by.pid.map(|pid| format!("{}[{pid}]", by.program.as_deref().unwrap_or("?")));
        let _ = write!(line, " by {}", process.unwrap_or_else(|| format!("port {}", by.port)));
    }
    visible(&line)
}

/// `HH:MM:SS.uuuuuu` of a time of RFC 3339.
fn clock(time: &str) -> &str {
    time.get(11..26).unwrap_or(time)
}

/// What is known of an SA that is not there.
fn ends(event: &EventJson, line: &mut String) {
    for end in [&event.src, &event.dst].into_iter().flatten() {
        let _ = write!(line, " {end}");
    }
    if let Some(protocol) = event.protocol {
        let _ = write!(line, " {protocol}");
    }
    if let Some(spi) = event.spi {
        let _ = write!(line, " {spi:#x}");
    }
    if let Some(selector) = &event.selector {
        let _ = write!(line, " for {} {}", selector.src, selector.dst);
    }
}

fn sa_text(sa: &SaJson) -> String {
    let mut text = format!("{} {} {} {:#x} {}", sa.src, sa.dst, sa.protocol, sa.spi, sa.mode);
    let algorithms = [&sa.encryption, &sa.authentication, &sa.aead];
    for algorithm in algorithms.into_iter().flatten() {
        let _ = write!(text, " {}", algorithm.algorithm);
    }
    if let Some(reqid) = sa.reqid {
        let _ = write!(text, " reqid={reqid}");
    }
    if let Some(mark) = &sa.mark {
        let _ = write!(text, " mark={:#x}/{:#x}", mark.value, mark.mask);
    }
    if let Some(if_id) = sa.if_id {
        let _ = write!(text, " if_id={if_id}");
    }
    text
}

fn policy_text(policy: &PolicyJson) -> String {
    let selector = &policy.selector;
    let mut text = format!("{} {} {}", policy.direction, selector.src, selector.dst);
    if let Some(protocol) = selector.protocol {
        let _ = write!(text, " protocol={protocol}");
    }
    let _ = write!(text, " {}", policy.action);
    for TemplateJson { protocol, mode, src, dst, level, reqid, .. } in &policy.templates {
        let _ = write!(text, " {protocol}/{mode}/");
        if let (Some(src), Some(dst)) = (src, dst) {
            let _ = write!(text, "{src}-{dst}");
        }
        let _ = write!(text, "/{level}");
        if let Some(reqid) = reqid {
            let _ = write!(text, ":{reqid}");
        }
    }
    let _ = write!(text, " index={}", policy.index);
    text
}

#[cfg(test)]
mod tests {
    use cli::json::OriginJson;
    use model::{Mapping, Spi};

    use super::*;

    #[test]
    fn a_mapping_has_both_addresses_and_who_did_it() {
        let mapping = Event::MappingChanged(Box::new(Mapping {
            dst: [192, 0, 2, 1].into(),
            proto: Proto::Esp,
            spi: Spi(0x1001),
            reqid: None,
            old: "192.0.2.2:4500".parse().unwrap(),
            new: "192.0.2.2:61000".parse().unwrap(),
        }));
        let by = Some(OriginJson { port: 7, pid: Some(7), program: Some("x\ny".into()) });
        let time = "2026-01-02T03:04:05.000006+00:00".to_owned();
        let event = EventJson { time, by, ..of_no_entry(&mapping) };
        let expected = "03:04:05.000006 mapping 192.0.2.1 esp 0x1001 \
            from 192.0.2.2:4500 to 192.0.2.2:61000 by x\\ny[7]";
        assert_eq!(line(&event), expected);
    }

    #[test]
    fn the_network_namespace_has_its_name_or_its_number() {
        let of = |name: Option<&str>| {
            let netns = Some(NetnsJson { number: 3, name: name.map(str::to_owned) });
            line(&EventJson { event: "netns", netns, entries: Some(2), ..EventJson::default() })
        };
        assert_eq!(of(Some("blue\n")), " netns netns=blue\\n entries=2");
        assert_eq!(of(None), " netns netns=#3 entries=2");
    }
}
