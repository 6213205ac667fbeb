use cli::{PortText, PrefixText, RequestStyle, RequestText, UpperText, policy_json};
use engine::{Engine, Options};
use model::{Dialect, Level, PolicyEntry, Prefix, Request, Selector, Upper};
use serde_json::Value;

use super::{Shown, Table};
use crate::Error;

/// What the kernel makes of a request just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Required,
    Optional,
    LeftOut,
}

impl Hold {
    fn name(self) -> &'static str {
        match self {
            Hold::Required => "required",
            Hold::Optional => "optional",
            Hold::LeftOut => "left out",
        }
    }
}

/// The SPD, in the order in which the kernel asks it.
pub fn read() -> Result<Shown, Error> {
    let mut policies = Vec::new();
    let mut engine = Engine::open(Options::default())?;
    engine.policies(|asked, held| {
        let holds = holds(asked.policy.action.requests(), &held);
        policies.push((asked, holds));
    })?;
    // Newest first; of those with the same priority the kernel asks the oldest first.
    policies.reverse();
    policies.sort_by_key(|(PolicyEntry { policy, socket, .. }, _)| {
        (policy.id.direction.xfrm(), !socket, policy.priority)
    });

    let columns =
        ["direction", "source", "destination", "upper", "priority", "policy", "last used"];
    let mut table = Table::new(&columns, "No policies.");
    for (entry, holds) in &policies {
        table.row(row(entry, holds));
    }
    let json = policies.iter().map(|(entry, holds)| json(entry, holds)).collect();
    Ok(Shown { table, json })
}

/// What became of each request. The kernel holds some of those that were asked for, in their order.
fn holds(asked: &[Request], held: &PolicyEntry) -> Vec<Hold> {
    let mut rest = held.policy.action.requests().iter().enumerate().peekable();
    let of_request = |request| match rest.next_if(|(_, it)| *it == request) {
        Some((place, _)) if held.form.is_optional(place) => Hold::Optional,
        Some(_) => Hold::Required,
        None => Hold::LeftOut,
    };
    asked.iter().map(of_request).collect()
}

fn row(entry: &PolicyEntry, holds: &[Hold]) -> [String; 7] {
    let policy = &entry.policy;
    let selector = &policy.id.selector;
    let socket = if entry.socket { " (socket)" } else { "" };
    let last_used = match entry.current.use_time {
        0 => "never".to_owned(),
        time => format!("{} s ago", sys::clock::unix_seconds().saturating_sub(time)),
    };
    [
        format!("{}{socket}", policy.id.direction.name()),
        end(selector.src(), selector, selector.src_port),
        end(selector.dst(), selector, selector.dst_port),
        upper(selector),
        policy.priority.to_string().trim_start_matches("prio ").to_owned(),
        requests(entry, holds),
        last_used,
    ]
}

/// The upper protocol, with the type and code or the key that stand in the place of ports.
fn upper(selector: &Selector) -> String {
    let (src, dst) = (selector.src_port, selector.dst_port);
    let name = match selector.upper {
        Upper::Any => "any".to_owned(),
        upper @ Upper::Number(_) => UpperText(upper, Dialect::Linux).to_string(),
    };
    match selector.upper {
        _ if (src, dst) == (0, 0) => name,
        Upper::GRE => format!("{name} {}", u32::from(src) << 16 | u32::from(dst)),
        upper if upper.has_type_and_code() => format!("{name} {src},{dst}"),
        _ => name,
    }
}

/// An end of a selector, with its port if it has one.
fn end(prefix: Prefix, selector: &Selector, port: u16) -> String {
    let has_ports = selector.upper != Upper::GRE && !selector.upper.has_type_and_code();
    match port {
        1.. if has_ports => format!("{}{}", PrefixText(prefix), PortText(port)),
        _ => PrefixText(prefix).to_string(),
    }
}

/// The action, or the requests. Where the level does not tell, what the kernel makes of it.
fn requests(entry: &PolicyEntry, holds: &[Hold]) -> String {
    let requests = entry.policy.action.requests();
    if requests.is_empty() {
        return entry.policy.action.name().to_owned();
    }
    let line = |(request, hold): (&Request, &Hold)| {
        let text = RequestText(request, RequestStyle::Table);
        match request.level {
            Level::Require | Level::Unique(_) if *hold == Hold::Required => text.to_string(),
            Level::Default | Level::Use | Level::Require | Level::Unique(_) => {
                format!("{text} ({})", hold.name())
            }
        }
    };
    requests.iter().zip(holds).map(line).collect::<Vec<_>>().join("\n")
}

fn json(entry: &PolicyEntry, holds: &[Hold]) -> Value {
    let mut object = policy_json(entry);
    let requests = object.get_mut("requests").and_then(Value::as_array_mut);
    for (request, hold) in requests.into_iter().flatten().zip(holds) {
        request["held"] = hold.name().into();
    }
    object
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Form, Lifetimes, Policy, PolicyId, Priority,
        Proto, RequestMode,
    };

    use super::*;

    fn entry(requests: &[Request]) -> PolicyEntry {
        let host = |last| Prefix::host([192, 0, 2, last].into());
        let mut selector = Selector::new(host(1), host(2)).unwrap();
        (selector.upper, selector.dst_port) = (Upper::Number(6), 80);
        let policy = Policy {
            id: PolicyId::new(selector, Direction::Out),
            priority: Priority::DEFAULT,
            action: Action::Ipsec(requests.to_vec()),
            lifetimes: Lifetimes::default(),
        };
        let form = Form::plain(&policy);
        PolicyEntry { policy, form, index: 9, socket: false, current: Current::default() }
    }

    #[test]
    fn what_was_asked_and_what_the_kernel_makes_of_it() {
        let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
        let request = |proto, mode, level| Request { proto, mode, level };
        let asked = [
            request(Proto::Esp, RequestMode::Tunnel(ends), Level::Use),
            request(Proto::Ah, RequestMode::Transport, Level::Default),
            request(Proto::IpComp, RequestMode::Transport, Level::Use),
            request(Proto::Esp, RequestMode::Transport, Level::Require),
        ];
        let holds = holds(&asked, &entry(&asked[1..]));
        assert_eq!(holds, [Hold::LeftOut, Hold::Required, Hold::Optional, Hold::Required]);

        let requests = "esp/tunnel/10.0.0.1-10.0.0.2/use (left out)\n\
                        ah/transport//default (required)\n\
                        ipcomp/transport//use (optional)\n\
                        esp/transport//require";
        let expected = ["out", "192.0.2.1", "192.0.2.2[80]", "tcp", "def", requests, "never"];
        assert_eq!(row(&entry(&asked), &holds), expected.map(str::to_owned));
        let json = json(&entry(&asked), &holds);
        assert_eq!(json["requests"][0]["held"], "left out");
        assert_eq!(json["requests"][3]["held"], "required");
    }

    #[test]
    fn what_is_no_port_stands_behind_the_protocol() {
        let mut icmp = entry(&[]);
        icmp.policy.action = Action::None;
        let selector = &mut icmp.policy.id.selector;
        (selector.upper, selector.src_port, selector.dst_port) = (Upper::ICMPV6, 135, 0);
        assert_eq!(
            row(&icmp, &[])[1..6],
            ["192.0.2.1", "192.0.2.2", "ipv6-icmp 135,0", "def", "none"]
        );
        let selector = &mut icmp.policy.id.selector;
        (selector.upper, selector.src_port, selector.dst_port) = (Upper::GRE, 1, 2);
        assert_eq!(row(&icmp, &[])[1..4], ["192.0.2.1", "192.0.2.2", "gre 65538"]);
    }
}
