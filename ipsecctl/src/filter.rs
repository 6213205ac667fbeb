//! Which SAs and policies are meant: options that the subcommands share.

use std::{net::IpAddr, str::FromStr};

use cli::{
    Keys,
    json::{DropJson, EventJson, Fingerprints, PolicyJson, SaJson},
};
use diagnose::Named;
use engine::EntryFilter;
use model::{Current, Direction, Policy, PolicyEntry, Prefix, Proto, Sa, SaEntry, SaState, Spi};

/// Options that select SAs and policies. All that are given must fit.
#[derive(clap::Args, Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this source address or prefix
    #[arg(long, value_name = "ADDRESS[/LENGTH]", value_parser = prefix)]
    src: Option<Prefix>,
    /// Only to this destination address or prefix
    #[arg(long, value_name = "ADDRESS[/LENGTH]", value_parser = prefix)]
    dst: Option<Prefix>,
    /// Only SAs, and policies with templates, of this protocol: ah, esp, ipcomp
    #[arg(long, value_name = "PROTOCOL")]
    proto: Option<Proto>,
    /// Only SAs of this SPI, decimal or hexadecimal
    #[arg(long, value_name = "SPI", value_parser = number)]
    spi: Option<u32>,
    /// Only SAs, and policies with templates, of this reqid
    #[arg(long, value_name = "N", value_parser = number)]
    reqid: Option<u32>,
    /// Only of this direction: in, out, fwd
    #[arg(long, value_name = "DIRECTION")]
    dir: Option<Direction>,
    /// Only of the xfrm interface of this number
    #[arg(long, value_name = "N", value_parser = number)]
    ifid: Option<u32>,
    /// Only of this mark
    #[arg(long, value_name = "N", value_parser = number)]
    mark: Option<u32>,
    /// Only SAs of this state: larval, mature, dying, dead
    #[arg(long, value_name = "STATE")]
    state: Option<SaState>,
    /// Only of this network device
    #[arg(long, value_name = "DEVICE")]
    dev: Option<String>,
}

/// An address, or a prefix.
pub fn prefix(text: &str) -> Result<Prefix, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address = IpAddr::from_str(address).map_err(|error| error.to_string())?;
    let length = length.map(str::parse).transpose().map_err(|_| "no prefix length".to_owned())?;
    Prefix::new(address, length).map_err(|error| error.to_string())
}

/// A number in decimal or, after `0x`, in hexadecimal digits.
pub fn number(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "expected a number, as 7 or 0x1001".to_owned())
}

/// Whether a filter permits a value: one that is not given permits all.
fn permits<T: PartialEq + Copy>(filter: Option<T>, value: Option<T>) -> bool {
    filter.is_none() || filter == value
}

/// Whether a prefix contains an address, or all of another prefix.
fn contains(filter: Option<Prefix>, text: &str) -> bool {
    let Some(filter) = filter else { return true };
    prefix(text)
        .is_ok_and(|inner| inner.length() >= filter.length() && filter.contains(inner.addr()))
}

impl Filter {
    /// Whether entries are left out.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// Whether an SA of the kernel is meant.
    pub fn has_sa_entry(&self, entry: &SaEntry) -> bool {
        // A filter reads no key: it needs no secret.
        let json = || SaJson::new(entry, Keys::Hidden, &Fingerprints::new(&[0; 32]));
        !self.is_given() || self.has_sa(&json())
    }

    /// Whether a policy of the kernel is meant.
    pub fn has_policy_entry(&self, entry: &PolicyEntry) -> bool {
        !self.is_given() || self.has_policy(&PolicyJson::new(entry))
    }

    /// Whether a cause is about an SA or policy that is meant, or about anything. One that names neither is
    /// meant by its addresses and its SPI.
    pub fn has_cause(&self, names: &Named<'_>) -> bool {
        names.is_general
            || names.sa.is_some_and(|sa| self.has_sa_entry(sa))
            || names.policy.is_some_and(|policy| self.has_policy_entry(policy))
            || (names.sa.is_none() && names.policy.is_none() && self.has_names(names))
    }

    fn has_names(&self, Named { addrs, spi, .. }: &Named<'_>) -> bool {
        let names = |filter: Option<Prefix>| {
            filter.is_none_or(|filter| addrs.iter().any(|addr| filter.contains(*addr)))
        };
        names(self.src)
            && names(self.dst)
            && permits(self.spi.map(Spi), *spi)
            && !Self { src: None, dst: None, spi: None, ..self.clone() }.is_given()
    }

    /// Whether an SA is meant.
    pub fn has_sa(&self, sa: &SaJson) -> bool {
        let device = sa.selector.as_ref().and_then(|it| it.device.as_deref());
        let offload = sa.offload.as_ref().map(|it| it.device.as_str());
        let named = self.dev.as_deref();
        contains(self.src, &sa.src)
            && contains(self.dst, &sa.dst)
            && permits(self.proto.map(Proto::word), Some(sa.protocol))
            && permits(self.spi, Some(sa.spi))
            && permits(self.reqid, Some(sa.reqid.unwrap_or(0)))
            && permits(self.dir.map(Direction::word), sa.direction)
            && permits(self.ifid, Some(sa.if_id.map_or(0, Into::into)))
            && permits(self.mark, Some(sa.mark.as_ref().map_or(0, |it| it.value)))
            && permits(self.state.map(SaState::word), Some(sa.state))
            && (permits(named, device) || permits(named, offload))
    }

    /// Whether a policy is meant.
    pub fn has_policy(&self, policy: &PolicyJson) -> bool {
        let has_template =
            |fits: &dyn Fn(&cli::json::TemplateJson) -> bool| policy.templates.iter().any(fits);
        contains(self.src, &policy.selector.src)
            && contains(self.dst, &policy.selector.dst)
            && self.proto.is_none_or(|it| has_template(&|one| one.protocol == it.word()))
            && self.spi.is_none_or(|it| has_template(&|one| one.spi == Some(it)))
            && self.reqid.is_none_or(|it| has_template(&|one| one.reqid.unwrap_or(0) == it))
            && permits(self.dir.map(Direction::word), Some(policy.direction))
            && permits(self.ifid, Some(policy.if_id.map_or(0, Into::into)))
            && permits(self.mark, Some(policy.mark.as_ref().map_or(0, |it| it.value)))
            && self.state.is_none()
            && permits(self.dev.as_deref(), policy.selector.device.as_deref())
    }

    /// Whether an event is about an SA or policy that is meant, or about none in particular.
    pub fn has_event(&self, event: &EventJson) -> bool {
        match (&event.sa, &event.policy) {
            (Some(sa), _) => self.has_sa(sa),
            (None, Some(policy)) if event.src.is_none() => self.has_policy(policy),
            _ => {
                let ends = [(self.src, &event.src), (self.dst, &event.dst)];
                ends.iter().all(|(filter, end)| end.as_ref().is_none_or(|it| contains(*filter, it)))
                    && (event.protocol.is_none()
                        || permits(self.proto.map(Proto::word), event.protocol))
                    && (event.spi.is_none() || permits(self.spi, event.spi))
            }
        }
    }

    /// Whether a drop is of a packet, policy or SA that is meant.
    pub fn has_drop(&self, drop: &DropJson) -> bool {
        drop.policies.iter().any(|it| self.has_policy(it))
            || drop.sas.iter().any(|it| self.has_sa(it))
            || self.has_packet(drop)
    }

    /// Whether a packet is meant. It has no reqid and no state.
    fn has_packet(&self, drop: &DropJson) -> bool {
        let ends = drop.packet.as_ref().map(|it| (it.src.as_str(), it.dst.as_str()));
        let (src, dst) = ends.unwrap_or_default();
        contains(self.src, src)
            && contains(self.dst, dst)
            && self.spi.is_none_or(|it| drop.spis.contains(&it))
            && permits(self.dir.map(Direction::word), drop.direction)
            && permits(self.dev.as_deref(), drop.device.as_deref())
            && self.proto.is_none_or(|_| !drop.spis.is_empty())
            && (self.reqid, self.ifid, self.mark) == (None, None, None)
            && self.state.is_none()
    }
}

/// Files describe no state of an SA: those that read them refuse the option.
impl EntryFilter for Filter {
    fn selects_sa(&self, sa: &Sa) -> bool {
        let entry = || SaEntry::new(sa.clone(), SaState::Mature, Current::default());
        !self.is_given() || self.has_sa_entry(&entry())
    }

    fn selects_policy(&self, policy: &Policy) -> bool {
        !self.is_given() || self.has_policy_entry(&PolicyEntry::requested(policy.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_numbers() {
        let within = |filter: &str, text: &str| contains(Some(prefix(filter).unwrap()), text);
        assert!(within("192.0.2.0/24", "192.0.2.7") && within("192.0.2.7", "192.0.2.7"));
        assert!(
            within("192.0.2.0/24", "192.0.2.128/25") && !within("192.0.2.0/24", "192.0.0.0/16")
        );
        assert!(!within("192.0.2.0/24", "2001:db8::1") && within("2001:db8::/32", "2001:db8::1"));
        assert_eq!((number("0x1001"), number("7")), (Ok(0x1001), Ok(7)));
        assert!(number("x").is_err() && prefix("192.0.2.1/33").is_err() && prefix("host").is_err());
    }
}
