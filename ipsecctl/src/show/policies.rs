use cli::{PolicyJson, Table, json::Document};
use engine::{Engine, Installed, Options, Requested};
use model::{Dialect, Level, PolicyEntry, Prefix, Selector, Template, Upper};
use pfkey::dump::{PortText, PrefixText, TemplateText, UpperText};

use crate::Error;

/// A policy as it was requested.
struct Row {
    entry: PolicyEntry,
    /// The same, with how each of its templates is installed.
    json: PolicyJson,
}

/// The SPD, in the order of the kernel's look-up.
pub fn read(document: &mut Document) -> Result<Table, Error> {
    let mut policies = Vec::new();
    let mut engine = Engine::open(Options::default())?;
    engine.policies(|requested, installed| {
        policies.push(Row::new(requested, &installed));
    })?;
    // Newest first; among those with the same priority the kernel prefers the oldest.
    policies.reverse();
    policies.sort_by_key(|Row { entry: PolicyEntry { policy, socket, .. }, .. }| {
        (policy.id.direction.xfrm(), !socket, policy.priority)
    });

    let columns =
        ["direction", "source", "destination", "upper", "priority", "policy", "last used"];
    let mut table = Table::new(&columns, "No policies.");
    for policy in &policies {
        table.row(policy.row());
    }
    document.policies = Some(policies.into_iter().map(|policy| policy.json).collect());
    Ok(table)
}

impl Row {
    fn new(Requested(requested): Requested, installed: &Installed) -> Self {
        let mut json = PolicyJson::new(&requested);
        let words = installation(requested.policy.action.templates(), installed);
        for (template, word) in json.templates.iter_mut().zip(words) {
            template.installed = Some(word);
        }
        Self { entry: requested, json }
    }

    fn row(&self) -> [String; 7] {
        let Self { entry: PolicyEntry { policy, .. }, json } = self;
        let selector = &policy.id.selector;
        let socket = if json.socket { " (socket)" } else { "" };
        let last_used = json.last_used.map_or("never".to_owned(), |time| {
            format!("{} s ago", sys::clock::unix_seconds().saturating_sub(time))
        });
        [
            format!("{}{socket}", json.direction),
            end(selector.src(), selector, selector.src_port),
            end(selector.dst(), selector, selector.dst_port),
            upper(selector),
            policy.priority.to_string().trim_start_matches("prio ").to_owned(),
            self.templates(),
            last_used,
        ]
    }

    /// The action, or the templates. Where the level does not determine it, how each is installed.
    fn templates(&self) -> String {
        let templates = self.entry.policy.action.templates();
        if templates.is_empty() {
            return self.json.action.to_owned();
        }
        let installed = self.json.templates.iter().map(|template| template.installed);
        let line = |(template, installed): (&Template, Option<&str>)| {
            let text = TemplateText::of(template);
            match (template.level, installed) {
                (_, None) | (Level::Require | Level::Unique(_), Some(REQUIRED)) => text.to_string(),
                (_, Some(installed)) => format!("{text} ({installed})"),
            }
        };
        templates.iter().zip(installed).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The words for how a template is installed.
const REQUIRED: &str = "required";
const OPTIONAL: &str = "optional";
const NOT_INSTALLED: &str = "not installed";

/// How each requested template is installed. The kernel has some of them, in their order.
fn installation(requested: &[Template], installed: &PolicyEntry) -> Vec<&'static str> {
    let mut rest = installed.policy.action.templates().iter().enumerate().peekable();
    let of_template = |requested| match rest.next_if(|(_, installed)| *installed == requested) {
        Some((place, _)) if installed.installation.is_optional(place) => OPTIONAL,
        Some(_) => REQUIRED,
        None => NOT_INSTALLED,
    };
    requested.iter().map(of_template).collect()
}

/// The upper-layer protocol, with the type and code or the key that it has instead of ports.
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

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Installation, Policy, PolicyId, Proto,
        TemplateMode,
    };

    use super::*;

    fn entry(templates: &[Template]) -> PolicyEntry {
        let host = |last| Prefix::host([192, 0, 2, last].into());
        let mut selector = Selector::new(host(1), host(2)).unwrap();
        (selector.upper, selector.dst_port) = (Upper::Number(6), 80);
        let policy =
            Policy::new(PolicyId::new(selector, Direction::Out), Action::Ipsec(templates.to_vec()));
        let installation = Installation::plain(&policy);
        PolicyEntry { policy, installation, index: 9, socket: false, current: Current::default() }
    }

    #[test]
    fn templates_are_printed_with_how_they_are_installed() {
        let ends = AddressPair::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into()).unwrap();
        let template = |proto, mode, level| Template::new(proto, mode, level);
        let requested = [
            template(Proto::Esp, TemplateMode::Tunnel(ends), Level::Use),
            template(Proto::Ah, TemplateMode::Transport, Level::Default),
            template(Proto::IpComp, TemplateMode::Transport, Level::Use),
            template(Proto::Esp, TemplateMode::Transport, Level::Require),
        ];
        let row = Row::new(Requested(entry(&requested)), &Installed(entry(&requested[1..])));
        let templates = "esp/tunnel/10.0.0.1-10.0.0.2/use (not installed)\n\
                         ah/transport//default (required)\n\
                         ipcomp/transport//use (optional)\n\
                         esp/transport//require";
        let expected = ["out", "192.0.2.1", "192.0.2.2[80]", "tcp", "def", templates, "never"];
        assert_eq!(row.row(), expected.map(str::to_owned));
        let json = serde_json::to_value(&row.json).unwrap();
        for (place, installed) in
            ["not installed", "required", "optional", "required"].iter().enumerate()
        {
            assert_eq!(json["templates"][place]["installed"], *installed);
        }
    }

    #[test]
    fn types_and_keys_follow_the_protocol() {
        let mut icmp = entry(&[]);
        icmp.policy.action = Action::None;
        let selector = &mut icmp.policy.id.selector;
        (selector.upper, selector.src_port, selector.dst_port) = (Upper::ICMPV6, 135, 0);
        assert_eq!(
            Row::new(Requested(icmp.clone()), &Installed(icmp.clone())).row()[1..6],
            ["192.0.2.1", "192.0.2.2", "ipv6-icmp 135,0", "def", "none"]
        );
        let selector = &mut icmp.policy.id.selector;
        (selector.upper, selector.src_port, selector.dst_port) = (Upper::GRE, 1, 2);
        assert_eq!(
            Row::new(Requested(icmp.clone()), &Installed(icmp.clone())).row()[1..4],
            ["192.0.2.1", "192.0.2.2", "gre 65538"]
        );
    }
}
