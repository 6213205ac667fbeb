//! Rules of nft(8) that accept the packets which policies let pass in clear.
//!
//! A packet filter that drops what is not protected (`meta ipsec missing drop`) also drops what a policy of action
//! `none` exempts. The chains here are for a jump before such a rule.

use std::io::{self, Write};

use model::{
    Action, DeviceName, Direction, IpVersion, Mark, PolicyEntry, PolicyType, PortMasks, Prefix,
    Selector, Upper,
};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy},
};

/// A name of a table, as nft reads it without quotes.
pub fn table(name: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word);
    if is_name { Ok(name.to_owned()) } else { Err("a letter, then letters, digits, _ - .".into()) }
}

/// Writes the chains, a direction each.
pub fn write(
    tables: &ExportedTables,
    table: &str,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<()> {
    writeln!(
        out,
        "# The packets that policies let pass in clear. In a chain that drops what is not protected:"
    )?;
    writeln!(out, "#     jump xfrm-bypass-in (hook input), -out (output), -fwd (forward)")?;
    writeln!(out, "add table inet {table}")?;
    for direction in Direction::ALL {
        let chain = format!("inet {table} xfrm-bypass-{}", direction.word());
        writeln!(out, "add chain {chain}\nflush chain {chain}")?;
        let mut policies: Vec<_> = tables.policies.iter().map(|policy| &policy.installed).collect();
        policies.retain(|entry| entry.policy.id.direction == *direction);
        // The kernel's order of look-up: an older one of two of a priority is first.
        policies.sort_by_key(|entry| entry.policy.priority);
        // Behind the last one that accepts, none needs a rule.
        let count = policies.iter().rposition(|entry| accepts(entry)).map_or(0, |last| last + 1);
        for entry in &policies[..count] {
            write_rule(entry, &chain, out, losses)?;
        }
    }
    Ok(())
}

fn accepts(entry: &PolicyEntry) -> bool {
    entry.policy.action != Action::Discard && entry.policy.action.templates().is_empty()
}

/// Writes the rule of a policy: a packet that meets another policy first leaves the chain.
fn write_rule(
    entry: &PolicyEntry,
    chain: &str,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let verdict = if accepts(entry) { "accept" } else { "return" };
    match conditions(entry) {
        Ok(conditions) => {
            losses.entries.policies += 1;
            writeln!(out, "add rule {chain} {} {verdict}", conditions.join(" "))
        }
        Err(why) => losses.entry(out, name_of_policy(entry), why),
    }
}

/// What a packet of a policy has. Errors: what nft compares with nothing.
fn conditions(entry: &PolicyEntry) -> Result<Vec<String>, String> {
    let id = &entry.policy.id;
    if let Some(number) = id.if_id {
        return Err(format!("it is for the xfrm interface {number}"));
    }
    if id.sec_ctx.is_some() || id.policy_type != PolicyType::Main {
        return Err("nft knows neither security contexts nor policies of Mobile IPv6".to_owned());
    }
    let selector = &id.selector;
    let version = IpVersion::of(selector.src().addr());
    let family = match version {
        IpVersion::V4 => "ip",
        IpVersion::V6 => "ip6",
    };
    let mut words = Vec::new();
    match (selector.src().length(), selector.dst().length()) {
        (0, 0) => words.push(format!("meta nfproto {}", version.to_string().to_lowercase())),
        (src, dst) => {
            words.extend((src != 0).then(|| format!("{family} saddr {}", prefix(selector.src()))));
            words.extend((dst != 0).then(|| format!("{family} daddr {}", prefix(selector.dst()))));
        }
    }
    words.extend(selector.device.map(|device| device_of(device, id.direction)).transpose()?);
    words.extend(upper_layer(selector)?);
    let Mark { value, mask } = id.mark;
    words.extend((!id.mark.is_none()).then(|| format!("meta mark & {mask:#x} == {value:#x}")));
    Ok(words)
}

fn prefix(prefix: Prefix) -> String {
    format!("{}/{}", prefix.range().0, prefix.length())
}

/// A policy for direction `out` sees the device that a packet leaves by, and so does one for `fwd`.
fn device_of(device: DeviceName, direction: Direction) -> Result<String, String> {
    if device.number_alone().is_some() || device.as_str().contains(['"', '*', '\\']) {
        return Err(format!("nft has no name for the device {device}"));
    }
    let side = if direction == Direction::In { "iifname" } else { "oifname" };
    Ok(format!("{side} \"{device}\""))
}

fn upper_layer(selector: &Selector) -> Result<Vec<String>, String> {
    let (src, dst) = (selector.src_port, selector.dst_port);
    let PortMasks { src: src_mask, dst: dst_mask } = selector.port_masks();
    let Upper::Number(number) = selector.upper else {
        return if (src_mask, dst_mask) == (0, 0) {
            Ok(Vec::new())
        } else {
            Err("ports of any protocol".to_owned())
        };
    };
    let mut words = vec![format!("meta l4proto {number}")];
    let fields = match selector.upper {
        Upper::ICMP => ["icmp type", "icmp code"],
        Upper::ICMPV6 => ["icmpv6 type", "icmpv6 code"],
        upper if upper.has_ports() && upper.has_compared_ports() => ["th sport", "th dport"],
        _ if (src_mask, dst_mask) == (0, 0) => return Ok(words),
        _ => return Err(format!("ports of protocol {number}")),
    };
    for (field, port, mask) in [(fields[0], src, src_mask), (fields[1], dst, dst_mask)] {
        match mask {
            0 => {}
            u16::MAX => words.push(format!("{field} {port}")),
            mask => words.push(format!("{field} & {mask:#x} == {port:#x}")),
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use model::{Current, Installation, Policy, PolicyId};

    use super::*;

    fn entry(change: impl FnOnce(&mut PolicyId)) -> PolicyEntry {
        let host = Prefix::host([192, 0, 2, 1].into());
        let mut id = PolicyId::new(Selector::within(host), Direction::Out);
        change(&mut id);
        let policy = Policy::new(id, Action::None);
        let installation = Installation::default();
        PolicyEntry { policy, installation, index: 9, socket: false, current: Current::default() }
    }

    #[test]
    fn conditions_are_those_of_the_policy() {
        let words = |change: fn(&mut PolicyId)| conditions(&entry(change)).map(|it| it.join(" "));
        let ends = "ip saddr 192.0.2.1/32 ip daddr 192.0.2.1/32";
        assert_eq!(words(|_| ()), Ok(ends.to_owned()));
        let web = words(|id| {
            id.selector.upper = Upper::Number(6);
            id.selector.dst_port = 80;
            id.mark = Mark { value: 5, mask: 0xff };
            id.selector.device = "eth0".parse().ok();
        });
        let rest = "oifname \"eth0\" meta l4proto 6 th dport 80 meta mark & 0xff == 0x5";
        assert_eq!(web, Ok(format!("{ends} {rest}")));
        let all = words(|id| id.selector = Selector::within(Prefix::everything(IpVersion::V6)));
        assert_eq!(all, Ok("meta nfproto ipv6".to_owned()));
        assert!(words(|id| id.if_id = 7.try_into().ok()).is_err());
        assert!(words(|id| id.selector.dst_port = 7).is_err());
        // The kernel compares no ports of DCCP.
        let lite = words(|id| (id.selector.upper, id.selector.dst_port) = (Upper::UDP_LITE, 7));
        let dccp = words(|id| (id.selector.upper, id.selector.dst_port) = (Upper::DCCP, 7));
        assert!(lite.is_ok() && dccp.is_err());
    }

    #[test]
    fn a_table_has_a_name() {
        assert!(table("filter").is_ok() && table("my-table_2").is_ok());
        assert!(table("").is_err() && table("2").is_err() && table("a b;").is_err());
    }
}
