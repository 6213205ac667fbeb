//! The beginning of a swanctl.conf(5): the connections and children for the policies that there are. An IKE daemon
//! negotiates keys and SPIs, so that those of the SAs are not here.

mod proposal;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::IpAddr,
};

use model::{
    Action, AddressPair, Demand, Direction, Keyed, Mark, Mode, Offer, Policy, PolicyEntry, Prefix,
    Proto, SaEntry, Selector, Upper,
};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy},
};
use proposal::proposal;

const HEAD: &str = "\
# The policies of the kernel as connections for swanctl(8). To be completed, since neither policies nor SAs have it:
#   - how both ends authenticate each other: the sections local and remote (auth, id, certs), and secrets
#   - the proposals of IKE itself, if not the default ones
# Keys and SPIs are negotiated: those of the SAs of the kernel cannot be carried over, and are removed (setkey flush)
# together with the policies (setkey spdflush) before the connections are loaded.
";

/// The children of the policies between two hosts.
type Connections<'t> = BTreeMap<(IpAddr, IpAddr), Vec<&'t PolicyEntry>>;

/// Writes the connections.
pub fn write(tables: &ExportedTables, out: &mut dyn Write, losses: &mut Losses) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    let (mut connections, mut shunts) = (Connections::new(), Vec::new());
    for policy in &tables.policies {
        let entry = &policy.requested;
        if entry.policy.id.direction != Direction::Out {
            // A child has the policies of all directions.
            continue;
        }
        match entry.policy.action.templates() {
            [] => shunts.push(entry),
            [template] => {
                let selector = &entry.policy.id.selector;
                let ends = template.mode.endpoints().or(hosts(selector));
                match ends {
                    Some(ends) => {
                        connections.entry((ends.src(), ends.dst())).or_default().push(entry);
                    }
                    None => losses.entry(out, name_of_policy(entry), "its peer is not one host")?,
                }
            }
            _ => losses.entry(out, name_of_policy(entry), "a child has one template")?,
        }
    }
    writeln!(out, "connections {{")?;
    for (number, ((local, remote), policies)) in connections.iter().enumerate() {
        let number = number + 1;
        writeln!(out, "    peer-{number} {{")?;
        writeln!(out, "        local_addrs = {local}\n        remote_addrs = {remote}")?;
        writeln!(out, "        local {{\n            # auth = ...\n        }}")?;
        writeln!(out, "        remote {{\n            # auth = ...\n        }}")?;
        writeln!(out, "        children {{")?;
        for policy in policies {
            write_child(policy, tables, out, losses)?;
        }
        writeln!(out, "        }}\n    }}")?;
    }
    if !shunts.is_empty() {
        writeln!(out, "    shunts {{\n        remote_addrs = 127.0.0.1\n        children {{")?;
        for policy in shunts {
            write_shunt(policy, out)?;
            losses.entries.policies += 1;
        }
        writeln!(out, "        }}\n    }}")?;
    }
    writeln!(out, "}}")
}

/// The hosts of a selector, if it is of two.
fn hosts(selector: &Selector) -> Option<AddressPair> {
    let (src, dst) = (selector.src(), selector.dst());
    let are_hosts = src.is_host() && dst.is_host();
    AddressPair::new(src.addr(), dst.addr()).ok().filter(|_| are_hosts)
}

fn write_child(
    entry: &PolicyEntry,
    tables: &ExportedTables,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let policy = &entry.policy;
    let [template] = policy.action.templates() else { return Ok(()) };
    let mode = match (template.proto, template.mode.mode()) {
        (Proto::Esp | Proto::Ah, mode @ (Mode::Tunnel | Mode::Transport | Mode::Beet)) => mode,
        (proto, mode) => {
            let why = format!("{} in mode {}", proto.word(), mode.word());
            return losses.entry(out, name_of_policy(entry), why);
        }
    };
    writeln!(out, "            policy-{} {{", entry.index)?;
    write_traffic(&policy.id.selector, out)?;
    writeln!(out, "                mode = {}", mode.word())?;
    if let Some(reqid) = template.reqid() {
        writeln!(out, "                reqid = {}", reqid.number())?;
    }
    write_proposal(policy, &tables.sas, out)?;
    write_rest(entry, out)?;
    losses.entries.policies += 1;
    writeln!(out, "                start_action = trap\n            }}")
}

/// The algorithms of the newest SA that serves the policy, as a proposal.
fn write_proposal(policy: &Policy, sas: &[SaEntry], out: &mut dyn Write) -> io::Result<()> {
    let Some(demand) = Demand::of(&policy.id, policy.action.templates()).next() else {
        return Ok(());
    };
    let serves =
        |entry: &&SaEntry| Offer::of(entry).is_some_and(|offer| demand.is_served_by(&offer));
    let Some(SaEntry { sa, .. }) = sas.iter().rev().find(serves) else { return Ok(()) };
    if let Some(words) = proposal(sa) {
        return writeln!(out, "                {}_proposals = {words}", sa.proto.word());
    }
    let name = |keyed: &Keyed| keyed.algorithm.name;
    let names: Vec<_> = [&sa.aead, &sa.crypt, &sa.auth].into_iter().flatten().map(name).collect();
    writeln!(out, "                # without a word for: {}", names.join(", "))
}

fn write_shunt(entry: &PolicyEntry, out: &mut dyn Write) -> io::Result<()> {
    let policy = &entry.policy;
    writeln!(out, "            policy-{} {{", entry.index)?;
    write_traffic(&policy.id.selector, out)?;
    let mode = if policy.action == Action::Discard { "drop" } else { "pass" };
    writeln!(out, "                mode = {mode}")?;
    write_rest(entry, out)?;
    writeln!(out, "                start_action = trap\n            }}")
}

fn write_traffic(selector: &Selector, out: &mut dyn Write) -> io::Result<()> {
    let (src, dst) = (selector.src_port, selector.dst_port);
    let masks = selector.port_masks();
    // A type of ICMP is the high byte of what would be the port, and its code the low one.
    let ports = match selector.upper {
        upper if upper.has_type_and_code() && masks.src != 0 => {
            [(src << 8 | dst & 0xff, 0xff00 | masks.dst & 0xff); 2]
        }
        _ => [(src, masks.src), (dst, masks.dst)],
    };
    let prefixes = [("local_ts", selector.src()), ("remote_ts", selector.dst())];
    for ((word, prefix), port) in prefixes.into_iter().zip(ports) {
        let text = traffic(prefix, selector.upper, port);
        writeln!(out, "                {word} = {text}")?;
    }
    Ok(())
}

/// `10.1.0.0/16[tcp/80]`: the range of ports is that of the mask.
fn traffic(prefix: Prefix, upper: Upper, (port, mask): (u16, u16)) -> String {
    let text = format!("{}/{}", prefix.addr(), prefix.length());
    let protocol = match upper {
        Upper::Any if mask == 0 => return text,
        Upper::Any => "any".to_owned(),
        Upper::Number(number) => number.to_string(),
    };
    match mask {
        0 => format!("{text}[{protocol}]"),
        u16::MAX => format!("{text}[{protocol}/{port}]"),
        mask => format!("{text}[{protocol}/{}-{}]", port & mask, port | !mask),
    }
}

fn write_rest(entry: &PolicyEntry, out: &mut dyn Write) -> io::Result<()> {
    let policy = &entry.policy;
    writeln!(out, "                priority = {}", policy.priority.0)?;
    let Mark { value, mask } = policy.id.mark;
    if !policy.id.mark.is_none() {
        for side in ["in", "out"] {
            writeln!(out, "                mark_{side} = {value:#x}/{mask:#x}")?;
        }
    }
    if let Some(number) = policy.id.if_id {
        for side in ["in", "out"] {
            writeln!(out, "                if_id_{side} = {number}")?;
        }
    }
    if let Some(device) = policy.id.selector.device {
        writeln!(out, "                interface = {device}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{
        AlgorithmKind, Current, Level, PolicyId, Sa, SaState, Spi, Template, TemplateMode,
    };

    use super::*;
    use crate::export::testing::keyed;

    /// Of a transport policy the SA between its hosts, whatever came later between others.
    #[test]
    fn a_proposal_is_that_of_the_sa_which_serves_the_policy() {
        let host = |last: u8| [192, 0, 2, last].into();
        let sa = |dst: u8, name: &str, bytes: usize| {
            let ends = AddressPair::new(host(1), host(dst)).unwrap();
            let mut sa = Sa::bare(ends, Proto::Esp, Spi(0x1000 + u32::from(dst)));
            sa.mode = Mode::Transport.into();
            sa.aead = keyed(AlgorithmKind::Aead, name, bytes);
            SaEntry::new(sa, SaState::Mature, Current::default())
        };
        let sas = [sa(2, "aes-gcm-16", 20), sa(3, "chacha20-poly1305", 36)];
        let template = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        let proposal = |dst: u8| {
            let selector = Selector::new(Prefix::host(host(1)), Prefix::host(host(dst))).unwrap();
            let id = PolicyId::new(selector, Direction::Out);
            let policy = Policy::new(id, Action::Ipsec(vec![template]));
            let mut out = Vec::new();
            write_proposal(&policy, &sas, &mut out).unwrap();
            String::from_utf8(out).unwrap().trim().to_owned()
        };
        assert_eq!(proposal(2), "esp_proposals = aes128gcm16");
        assert_eq!(proposal(3), "esp_proposals = chacha20poly1305");
        assert_eq!(proposal(4), "");
    }
}
