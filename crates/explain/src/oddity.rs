//! A captured packet that is not looked up as it is.

use model::Direction;

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
}

impl Oddity {
    /// Whether it is a fragment.
    #[must_use]
    pub fn is_fragment(self) -> bool {
        matches!(self, Oddity::FirstFragment | Oddity::LaterFragment)
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
        let is_refused = match self.verdict {
            Verdict::Dropped { reason, .. } => {
                let is_in_udp = matches!(oddity, Oddity::Keepalive | Oddity::ShortInUdp);
                reason.is_of_route() || is_in_udp
            }
            _ => false,
        };
        if let Some(verdict) = oddity.stops(reassembles)
            && !self.is_of_outer
            && self.is_taken()
            && !is_refused
        {
            (self.verdict, self.outer, self.input) = (verdict, None, None);
            (self.udp, self.check, self.output) = (None, None, None);
        }
        self
    }
}
