use std::net::IpAddr;

use ipsec::{PolicyId, Prefix, Selector, Upper, names::LookUp};

use super::{Lowering, sa::sec_ctx};
use crate::{
    error::{Error, Kind},
    tree::{self, Node, Policy, Range},
};

impl Lowering<'_> {
    /// What names a policy. `upper` has been found before, as the original does.
    pub(super) fn policy_id(
        &self,
        selector: &tree::Selector,
        upper: Upper,
        policy: &Policy,
    ) -> Result<Result<PolicyId, ipsec::Error>, Error> {
        let (src_port, dst_port) = self.ports(selector, upper)?;
        let src = self.one_address(&selector.src.address, selector.look_up)?;
        let dst = self.one_address(&selector.dst.address, selector.look_up)?;
        if src.is_ipv4() != dst.is_ipv4() {
            return Err(self.error_at_end(Kind::NoPair, selector.dst.address.span));
        }
        let id = || {
            let (src, dst) = (prefix(src, &selector.src)?, prefix(dst, &selector.dst)?);
            let mut packets = Selector::new(src, dst)?;
            (packets.upper, packets.src_port, packets.dst_port) = (upper, src_port, dst_port);
            Ok(PolicyId {
                sec_ctx: selector.context.as_ref().and_then(|context| sec_ctx(&context.value)),
                ..PolicyId::new(packets, policy.direction.value)
            })
        };
        Ok(id())
    }

    pub(super) fn upper(&self, upper: &Node<tree::Upper>) -> Result<Upper, Error> {
        let (number, text) = match &upper.value {
            tree::Upper::Any => return Ok(Upper::Any),
            tree::Upper::Tcp => return Ok(Upper::Number(6)),
            tree::Upper::Number(number) => (u8::try_from(*number).ok(), number.to_string()),
            tree::Upper::Name(name) => {
                let number = self.names.protocol(name).or(match name.as_str() {
                    "icmp6" => Some(58),
                    "ip4" => Some(4),
                    _ => None,
                });
                (number, name.clone())
            }
        };
        let number = number.ok_or_else(|| self.error(Kind::Upper(text), upper.span))?;
        Ok(Upper::from_pfkey(number))
    }

    /// The ports, or what stands in for them.
    fn ports(&self, selector: &tree::Selector, upper: Upper) -> Result<(u16, u16), Error> {
        let port = |range: &Range| {
            let Some(port) = &range.port else { return Ok(0) };
            self.port(&port.value).map_err(|kind| self.error_at_end(kind, port.span))
        };
        let Some(misc) = &selector.misc else {
            return Ok((port(&selector.src)?, port(&selector.dst)?));
        };
        let ports = if upper == Upper::GRE {
            gre_key(&misc.value).ok_or_else(|| Kind::Misc(misc.value.clone()))
        } else if upper.has_type_and_code() {
            self.type_and_code(&misc.value)
        } else {
            Err(Kind::NoMisc(misc.value.clone()))
        };
        ports.map_err(|kind| self.error_at_end(kind, misc.span))
    }

    fn type_and_code(&self, text: &str) -> Result<(u16, u16), Kind> {
        let (icmp_type, code) = text.split_once(',').unwrap_or((text, "0"));
        if code.is_empty() {
            return Err(Kind::Misc(text.to_owned()));
        }
        Ok((self.port_text(icmp_type)?, self.port_text(code)?))
    }

    fn one_address(&self, host: &Node<String>, look_up: LookUp) -> Result<IpAddr, Error> {
        let addresses = self.addresses(host, look_up);
        let addresses = addresses.map_err(|kind| self.error_at_end(kind, host.span))?;
        self.only_one(&addresses, host)
    }
}

fn prefix(addr: IpAddr, range: &Range) -> Result<Prefix, ipsec::Error> {
    let length = |length: &Node<u64>| u32::try_from(length.value).unwrap_or(u32::MAX);
    Prefix::new(addr, range.prefix.as_ref().map(length))
}

/// The two halves of a GRE key in dotted form.
fn gre_key(text: &str) -> Option<(u16, u16)> {
    let key: std::net::Ipv4Addr = text.parse().ok()?;
    let [a, b, c, d] = key.octets();
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}
