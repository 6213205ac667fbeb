use std::{net::IpAddr, num::NonZeroU32};

use model::{
    DeviceName, Dialect, Direction, IpVersion, Mark, NamedUpper, PolicyId, PolicyType, PortMasks,
    Prefix, ScriptOption, SecCtx, Selector, Upper,
    names::{LookUp, Transport},
};

use super::{
    Lowering,
    range::NumberRange,
    upper_words::{glued, meant, of_version, type_of, without_ports},
};
use crate::{
    error::{Error, Fault},
    parse::lists::UPPERS,
    parse::rules::number,
    parse::{hint::Hint, similar::closest},
    tree::{self, Extension, MarkText, Node, Range, Span},
};

impl Lowering<'_> {
    /// What names a policy, looked up. `upper` has been found before, as the original does.
    pub(super) fn policy_name<'s>(
        &self,
        selector: &'s tree::Selector,
        upper: Upper,
    ) -> Result<PolicyName<'s>, Error> {
        let ports = self.ports(selector, upper)?;
        let src = self.one_address(&selector.src.address, selector.look_up)?;
        let dst = self.one_address(&selector.dst.address, selector.look_up)?;
        if src.is_ipv4() != dst.is_ipv4() {
            return Err(self.error_at_end(Fault::NoPair, selector.dst.address.span));
        }
        let context = selector.context.as_ref().map(|node| self.sec_ctx(&node.value, node.span));
        let sec_ctx = context.transpose()?.flatten();
        let mut name = PolicyName {
            selector,
            upper,
            addresses: (src, dst),
            ports,
            port_masks: None,
            device: None,
            user: 0,
            sec_ctx,
            mark: Mark::default(),
            if_id: None,
            policy_type: PolicyType::Main,
        };
        for Node { value, span } in &selector.extensions {
            self.name_option(value, *span, &mut name)?;
        }
        Ok(name)
    }

    /// Sets a part of a policy's name, if the extension is one.
    fn name_option(
        &self,
        extension: &Extension,
        span: Span,
        name: &mut PolicyName<'_>,
    ) -> Result<(), Error> {
        match extension {
            Extension::Mark(text) => name.mark = self.mark(ScriptOption::Mark, *text, span)?,
            Extension::IfId(number) => {
                name.if_id = self.number(ScriptOption::IfId, *number, span)?;
            }
            Extension::Device(device) => name.device = Some(self.device(device, span)?),
            Extension::PortMasks(src, dst) => {
                let range = NumberRange::of_bits(ScriptOption::PortMasks.word(), 16);
                let mask = |mask| {
                    let mask = self.narrow(range, mask, span)?;
                    Ok(u16::try_from(mask).unwrap_or(u16::MAX))
                };
                name.port_masks = Some(PortMasks { src: mask(*src)?, dst: mask(*dst)? });
            }
            Extension::User(number) => {
                let range = NumberRange::of_bits(ScriptOption::User.word(), 32);
                name.user = self.narrow(range, *number, span)?;
            }
            Extension::PolicyType(kind) => name.policy_type = *kind,
            _ => {}
        }
        Ok(())
    }

    /// The policies of `tagged "VALUE/MASK"`: all packets of either family with that mark.
    pub(super) fn tagged(
        &self,
        tag: &Node<Vec<u8>>,
        direction: Direction,
    ) -> Result<[PolicyId; 2], Error> {
        let mark = mark_of_tag(&tag.value);
        let mark = mark.ok_or_else(|| self.error_at_end(Fault::Tagged, tag.span))?;
        let mark = self.mark_of("tagged", mark, tag.span)?;
        Ok(IpVersion::ALL.map(|version| {
            let all = Selector::within(Prefix::everything(version));
            PolicyId { mark, ..PolicyId::new(all, direction) }
        }))
    }

    pub(super) fn upper(&self, upper: &Node<tree::Upper>) -> Result<Upper, Error> {
        let name = match &upper.value {
            tree::Upper::Any => return Ok(Upper::Any),
            tree::Upper::Tcp => return Ok(Upper::TCP),
            tree::Upper::Esp => return Ok(Upper::ESP),
            tree::Upper::Number(number) => {
                let number = self.narrow(NumberRange::UPPER, *number, upper.span)?;
                return Ok(Upper::from_pfkey(number.to_le_bytes()[0]));
            }
            tree::Upper::Name(name) => name,
        };
        Upper::named(name, self.source.dialect()).ok_or_else(|| {
            let hint = self.meant_by_upper(name);
            self.error(Fault::Upper(name.clone()), upper.span).with_hint(hint)
        })
    }

    /// What is meant by a name that is no upper-layer protocol.
    fn meant_by_upper(&self, name: &str) -> Option<Hint> {
        if let Some(advice) = of_version(name) {
            return Some(Hint::Text(advice));
        }
        if let Some(meant) = meant(name) {
            return Some(Hint::DidYouMean(meant));
        }
        let is_service = |transport| self.names.service(name, transport).is_ok();
        let upper = match (is_service(Transport::Tcp), is_service(Transport::Udp)) {
            (true, true) => "tcp or udp, a statement for each",
            (true, false) => NamedUpper::Tcp.word(),
            (false, true) => NamedUpper::Udp.word(),
            (false, false) => return closest(name, UPPERS).map(Hint::DidYouMean),
        };
        Some(Hint::Service(name.to_owned(), upper))
    }

    /// The ports, or what stands in for them.
    fn ports(&self, selector: &tree::Selector, upper: Upper) -> Result<(u16, u16), Error> {
        let port = |range: &Range| {
            let Some(port) = &range.port else { return Ok(0) };
            self.port(&port.value, upper).map_err(|kind| {
                let hint = matches!(kind, Fault::Port { .. }).then(|| without_ports(upper));
                self.error_at_end(kind, port.span).with_hint(hint.flatten())
            })
        };
        let Some(misc) = &selector.misc else {
            return Ok((port(&selector.src)?, port(&selector.dst)?));
        };
        let is_freebsd = self.source.dialect() == Dialect::FreeBsd;
        let ports = if is_freebsd && upper != Upper::ICMPV6 {
            Err(Fault::OnlyIcmp6(misc.value.clone()))
        } else if upper == Upper::GRE {
            gre_key(&misc.value).ok_or_else(|| Fault::Misc(misc.value.clone()))
        } else if upper.has_type_and_code() {
            self.type_and_code(&misc.value, upper)
        } else {
            Err(Fault::NoMisc(misc.value.clone()))
        };
        ports.map_err(|kind| {
            let (kind, hint) = match kind {
                kind if misc.value.starts_with(',') => {
                    let wrong = Fault::Misc(misc.value.clone());
                    match (kind, glued(&misc.value, upper)) {
                        (_, Some(hint)) => (wrong, Some(hint)),
                        (kind, None) => (kind, None),
                    }
                }
                Fault::Port { port: text, reason, .. } if upper.has_type_and_code() => {
                    let hint = type_of(&misc.value, upper).map(Hint::Type);
                    (Fault::NamedType { text, reason }, hint)
                }
                kind => (kind, None),
            };
            self.error_at_end(kind, misc.span).with_hint(hint)
        })
    }

    fn type_and_code(&self, text: &str, upper: Upper) -> Result<(u16, u16), Fault> {
        let (icmp_type, code) = text.split_once(',').unwrap_or((text, "0"));
        if code.is_empty() {
            return Err(Fault::Misc(text.to_owned()));
        }
        let number = |text| {
            self.port_text(text, upper).map_err(|kind| match kind {
                Fault::OutOfRange { given, .. } => NumberRange::TYPE.refusal(given),
                kind => kind,
            })
        };
        Ok((number(icmp_type)?, number(code)?))
    }

    fn one_address(&self, host: &Node<String>, look_up: LookUp) -> Result<IpAddr, Error> {
        let addresses = self.addresses(host, look_up);
        let addresses = addresses.map_err(|kind| self.error_at_end(kind, host.span))?;
        self.only_one(&addresses, host)
    }
}

/// What names a policy but its direction, with its names looked up.
pub(super) struct PolicyName<'s> {
    selector: &'s tree::Selector,
    upper: Upper,
    addresses: (IpAddr, IpAddr),
    ports: (u16, u16),
    sec_ctx: Option<SecCtx>,
    mark: Mark,
    if_id: Option<NonZeroU32>,
    port_masks: Option<PortMasks>,
    device: Option<DeviceName>,
    user: u32,
    policy_type: PolicyType,
}

impl PolicyName<'_> {
    /// The IP version of its addresses.
    pub(super) fn version(&self) -> IpVersion {
        IpVersion::of(self.addresses.0)
    }

    /// Its addresses.
    pub(super) fn addresses(&self) -> (IpAddr, IpAddr) {
        self.addresses
    }

    /// Its ports, or what stands in for them.
    pub(super) fn ports(&self) -> (u16, u16) {
        self.ports
    }

    /// The name, or why AF_KEY refuses it.
    pub(super) fn id(&self, direction: Direction) -> Result<PolicyId, model::Error> {
        let (src, dst) = self.addresses;
        let (src, dst) = (prefix(src, &self.selector.src)?, prefix(dst, &self.selector.dst)?);
        let mut packets = Selector::new(src, dst)?;
        packets.upper = self.upper;
        (packets.src_port, packets.dst_port) = self.ports;
        packets.port_masks = self.port_masks.filter(|masks| *masks != packets.port_masks());
        (packets.device, packets.user) = (self.device, self.user);
        Ok(PolicyId {
            sec_ctx: self.sec_ctx.clone(),
            mark: self.mark,
            if_id: self.if_id,
            policy_type: self.policy_type,
            ..PolicyId::new(packets, direction)
        })
    }
}

fn prefix(addr: IpAddr, range: &Range) -> Result<Prefix, model::Error> {
    let length = |length: &Node<u64>| u32::try_from(length.value).unwrap_or(u32::MAX);
    Prefix::new(addr, range.prefix.as_ref().map(length))
}

/// The mark that a tag stands for: `VALUE` or `VALUE/MASK`, decimal or 0x hexadecimal.
fn mark_of_tag(tag: &[u8]) -> Option<MarkText> {
    let part = |text: &str| {
        let (digits, radix) = match text.get(..2) {
            Some("0x" | "0X") => (&text[2..], 16),
            _ => (text, 10),
        };
        let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        is_number.then(|| number(text))
    };
    let tag = str::from_utf8(tag).ok()?;
    let (value, mask) = match tag.split_once('/') {
        Some((value, mask)) => (value, Some(part(mask)?)),
        None => (tag, None),
    };
    Some(MarkText { value: part(value)?, mask })
}

/// The two halves of a GRE key in dotted form.
fn gre_key(text: &str) -> Option<(u16, u16)> {
    let key: std::net::Ipv4Addr = text.parse().ok()?;
    let [a, b, c, d] = key.octets();
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}
