//! What decides on a packet beside the look-up of its route: the table of neighbours, and rules that the look-up cannot
//! be asked with.

use std::net::IpAddr;

use model::{DeviceName, IpVersion};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState},
    rule::{RuleAttribute, RuleMessage},
};
use rustix::{io::Errno, net::netdevice::name_to_index};

use super::Routes;

impl Routes {
    /// Whether a neighbour has not answered (`NUD_FAILED`): the kernel asks it again with the next packet. False as
    /// well if it is in no table.
    ///
    /// Errors: ENODEV; ETIMEDOUT.
    pub fn has_failed(&mut self, device: DeviceName, neighbour: IpAddr) -> Result<bool, Errno> {
        let mut question = NeighbourMessage::default();
        question.header.family = family(IpVersion::of(neighbour));
        question.header.ifindex = name_to_index(self.0.socket(), device.as_str())?;
        question.attributes.push(NeighbourAttribute::Destination(match neighbour {
            IpAddr::V4(addr) => addr.into(),
            IpAddr::V6(addr) => addr.into(),
        }));
        match self.0.ask(RouteNetlinkMessage::GetNeighbour(question)) {
            Ok(RouteNetlinkMessage::NewNeighbour(answer)) => {
                Ok(answer.header.state == NeighbourState::Failed)
            }
            Ok(_) => Err(Errno::BADMSG),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// The preferences of rules that compare a protocol, by its number. The look-up of a route takes few protocols
    /// (`rtm_getroute_parse_ip_proto`).
    ///
    /// Errors: EOPNOTSUPP (a kernel without rules); ETIMEDOUT.
    pub fn rules_of_protocol(&mut self, version: IpVersion, upper: u8) -> Result<Vec<u32>, Errno> {
        let mut question = RuleMessage::default();
        question.header.family = family(version);
        let rules = self.0.list(RouteNetlinkMessage::GetRule(question))?;
        let of_protocol = |rule: &RuleMessage| {
            let is_it = |it: &RuleAttribute| matches!(it, RuleAttribute::IpProtocol(protocol) if u8::from(*protocol) == upper);
            let preference = |it: &RuleAttribute| match it {
                RuleAttribute::Priority(preference) => Some(*preference),
                _ => None,
            };
            let own = rule.attributes.iter().find_map(preference);
            rule.attributes.iter().any(is_it).then(|| own.unwrap_or(0))
        };
        let rules = rules.iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewRule(rule) => of_protocol(rule),
            _ => None,
        });
        Ok(rules.collect())
    }
}

pub(super) fn family(version: IpVersion) -> AddressFamily {
    match version {
        IpVersion::V4 => AddressFamily::Inet,
        IpVersion::V6 => AddressFamily::Inet6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_no_neighbour_that_failed() {
        let mut routes = Routes::open().unwrap();
        let lo = "lo".parse().unwrap();
        assert_eq!(routes.has_failed(lo, [127, 0, 0, 9].into()), Ok(false));
        let nowhere = "no-such-device".parse().unwrap();
        assert_eq!(routes.has_failed(nowhere, [127, 0, 0, 9].into()), Err(Errno::NODEV));
    }
}
