//! A captured packet that is not looked up as it is.

use model::{Counter, Direction, IpVersion};

use crate::{Doubt, Explanation, Reason, Verdict};

/// Why a captured packet is not looked up as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// It is the first fragment of a packet, which has the headers.
    FirstFragment,
    /// It is a later fragment.
    LaterFragment,
    /// It ends within the header of ESP, AH or IPComp.
    ShortHeader,
    /// It is ESP in UDP, which is shorter than an IP header.
    ShortInUdp,
    /// It is UDP with one byte, 255, to a port of ESP in UDP (RFC 3948, section 2.3).
    Keepalive,
    /// It is UDP, and its length that of no packet (`__udp4_lib_rcv`, net/ipv4/udp.c).
    UdpLength,
    /// Its IP header has another version than its next header names, or lengths that no packet has (`ip_rcv_core`,
    /// net/ipv4/ip_input.c).
    BadIpHeader,
    /// It came out of a tunnel, and is shorter than an IP header (`xfrm4_remove_tunnel_encap`, net/xfrm/xfrm_input.c).
    ShortIpHeader,
}

/// A packet inside of headers of AH, ESP and IPComp that is not looked up as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddInside {
    /// How many headers are undone before.
    pub undone: usize,
    /// Why it is not.
    pub oddity: Oddity,
    /// Its IP version.
    pub version: IpVersion,
}

impl Oddity {
    /// Whether it is a fragment.
    #[must_use]
    pub fn is_fragment(self) -> bool {
        matches!(self, Oddity::FirstFragment | Oddity::LaterFragment)
    }

    /// Whether it is found by the socket of UDP, after the check of the policy of that.
    fn is_of_socket(self) -> bool {
        matches!(self, Oddity::Keepalive | Oddity::ShortInUdp)
    }

    /// Whether it is found before the packet has a route.
    fn is_before_route(self) -> bool {
        matches!(self, Oddity::BadIpHeader | Oddity::ShortIpHeader)
    }

    /// What becomes of it where it arrives, if it does not go on as any other.
    fn stops(self, reassembles: bool) -> Option<Verdict<'static>> {
        let dropped = |reason| Some(Verdict::dropped(reason, Direction::In));
        match self {
            Oddity::FirstFragment | Oddity::LaterFragment if !reassembles => {
                dropped(Reason::Reassembly)
            }
            Oddity::FirstFragment => None,
            Oddity::LaterFragment => Some(Verdict::Unknown(Doubt::Fragment)),
            Oddity::ShortHeader => dropped(Reason::TooShort),
            // The socket drops it (`__xfrm4_udp_encap_rcv`, net/ipv4/xfrm4_input.c).
            Oddity::ShortInUdp => {
                Some(Verdict::Dropped { reason: Reason::TooShort, counters: &[] })
            }
            Oddity::Keepalive => dropped(Reason::Keepalive),
            Oddity::UdpLength => dropped(Reason::UdpLength),
            Oddity::BadIpHeader => dropped(Reason::IpHeader),
            Oddity::ShortIpHeader => Some(Verdict::Dropped {
                reason: Reason::IpHeader,
                counters: &[Counter::InStateModeError],
            }),
        }
    }

    /// Whether another verdict is that of an earlier step.
    fn is_after(self, verdict: &Verdict<'_>) -> bool {
        match verdict {
            Verdict::Dropped { reason, .. } if reason.is_of_route() => !self.is_before_route(),
            Verdict::Unknown(Doubt::OtherDirection(_)) => !self.is_before_route(),
            Verdict::Dropped { .. } => self.is_of_socket(),
            _ => false,
        }
    }
}

impl Explanation<'_> {
    /// Whether the host takes the captured packet itself, so that it puts together what came in fragments
    /// (`ip_local_deliver`): it does not where the packet is forwarded as it is.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        let is_transformed = self.input.is_some() || self.udp.is_some();
        self.direction == Direction::In || self.direction == Direction::Fwd && is_transformed
    }

    /// The explanation of a captured packet with an oddity. `reassembles`: whether the host puts fragments together.
    #[must_use]
    pub fn of_odd(mut self, oddity: Oddity, reassembles: bool) -> Self {
        let is_taken =
            self.is_taken() || oddity == Oddity::BadIpHeader && self.direction != Direction::Out;
        let is_refused = self.is_of_outer && !oddity.is_before_route();
        if let Some(verdict) = oddity.stops(reassembles)
            && is_taken
            && !is_refused
            && !oddity.is_after(&self.verdict)
        {
            (self.verdict, self.outer, self.input) = (verdict, None, None);
            (self.udp, self.check, self.output) = (None, None, None);
            self.is_of_outer = false;
        }
        self.of_sent(oddity)
    }

    /// A host looks up what it sends before it parts it: a later fragment shows no ports, which may decide.
    fn of_sent(mut self, oddity: Oddity) -> Self {
        let is_undecided = matches!(self.verdict, Verdict::Unknown(Doubt::Fields(_)));
        if self.direction == Direction::Out && oddity == Oddity::LaterFragment && is_undecided {
            self.verdict = Verdict::Unknown(Doubt::Fragment);
        }
        self
    }

    /// The explanation of a captured packet with this inside of its headers. `reassembles`: whether the host puts fragments of its IP
    /// version together.
    #[must_use]
    pub fn of_odd_inside(mut self, odd: OddInside, reassembles: bool) -> Self {
        let OddInside { undone, oddity, .. } = odd;
        let (Some(input), Some(verdict)) = (&mut self.input, oddity.stops(reassembles)) else {
            return self;
        };
        // A header before it is refused.
        let is_reached =
            input.path.len() >= undone && (input.stops.is_none() || input.headers.len() > undone);
        if is_reached && !self.is_of_outer && !oddity.is_after(&self.verdict) {
            input.headers.truncate(undone);
            input.path.truncate(undone);
            input.stops = Some(verdict.clone());
            (self.verdict, self.check, self.output) = (verdict, None, None);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use model::{Action, Mode, PolicyEntry, Prefix, Proto, Selector, Spi, Upper};

    use super::*;
    use crate::{
        Arrival, Surroundings, explain_in, explain_out,
        testing::{addr, ends, flow, policy, sa, tables},
    };

    fn arrival(spi: u32) -> Arrival {
        Arrival {
            spi: Spi(spi),
            proto: Some(Proto::Esp),
            dst: Some(addr(8)),
            sequence: None,
            encapsulation: Some(None),
            integrity: None,
            inside: None,
        }
    }

    /// A policy for all packets with this action.
    fn any(direction: Direction, action: Action) -> PolicyEntry {
        policy(direction, (0, 0), action, 8)
    }

    /// What is inside is found after the headers before it and before its policy.
    #[test]
    fn what_is_inside_is_found_in_its_turn() {
        let entry = sa(0x1001, Mode::Transport, ends(7, 8));
        let discarding = tables(vec![any(Direction::In, Action::Discard)], vec![entry]);
        let found = |spi, oddity, reassembles| {
            let arrivals = [arrival(spi)];
            let surroundings = &Surroundings::default();
            let explained = explain_in(&discarding, &arrivals, Some(flow()), 0, None, surroundings);
            let odd = OddInside { undone: 1, oddity, version: IpVersion::V4 };
            explained.of_odd_inside(odd, reassembles).verdict
        };
        let dropped = |reason| Verdict::dropped(reason, Direction::In);
        let unknown = Verdict::Unknown(Doubt::Fragment);
        assert_eq!(found(0x1001, Oddity::LaterFragment, true), unknown);
        assert_eq!(found(0x1001, Oddity::LaterFragment, false), dropped(Reason::Reassembly));
        assert_eq!(found(0x1001, Oddity::FirstFragment, true), dropped(Reason::Policy));
        assert_eq!(found(0x1001, Oddity::ShortHeader, true), dropped(Reason::TooShort));
        // The socket of UDP comes after the policy.
        assert_eq!(found(0x1001, Oddity::Keepalive, true), dropped(Reason::Policy));
        assert_eq!(found(0x1002, Oddity::LaterFragment, true), dropped(Reason::UnknownSpi));
    }

    /// A fragment is looked up before it is one: what it lacks may decide.
    #[test]
    fn a_fragment_that_was_sent_has_no_ports() {
        let mut later = flow();
        (later.src_port, later.dst_port) = (None, None);
        let verdict = |port| {
            let mut discard = any(Direction::Out, Action::Discard);
            let [src, dst] = [1, 2].map(|last| Prefix::host(addr(last)));
            let mut selector = Selector::new(src, dst).unwrap();
            (selector.upper, selector.dst_port) = (Upper::UDP, port);
            discard.policy.id.selector = selector;
            let tables = tables(vec![discard], Vec::new());
            let explained = explain_out(&tables, later, None, &Surroundings::default());
            let verdict = explained.of_odd(Oddity::LaterFragment, true).verdict;
            format!("{verdict:?}")
        };
        assert_eq!(verdict(53), format!("{:?}", Verdict::Unknown(Doubt::Fragment)));
        assert_eq!(verdict(0), format!("{:?}", Verdict::dropped(Reason::Policy, Direction::Out)));
    }
}
