//! ESP in UDP is checked as UDP before its socket decapsulates it (`udp_queue_rcv_one_skb`, net/ipv4/udp.c;
//! `udpv6_queue_rcv_one_skb`), or before it is refused because there is no socket (`__udp4_lib_rcv`).

use model::Direction;

use crate::{Doubt, Explanation, Flow, PolicyCheck, Reason, Surroundings, Tables, Verdict, check};

/// The UDP packet around ESP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUdp<'a> {
    /// The packet.
    pub flow: Flow,
    /// Whether a socket has its port; none: that is not known. Whether that one decapsulates is not known.
    pub has_socket: Option<bool>,
    /// Whether a policy of a socket may be its socket's.
    pub may_have_policy: bool,
    /// The check of its policy.
    pub check: PolicyCheck<'a>,
}

impl<'a> InUdp<'a> {
    /// Checks it.
    #[must_use]
    pub fn new(tables: &'a Tables, flow: Flow, surroundings: &Surroundings<'_>) -> Self {
        let check = check(tables, Direction::In, &flow, &[], None, surroundings);
        Self { flow, has_socket: None, may_have_policy: false, check }
    }

    /// What becomes of it, if it gets no further.
    #[must_use]
    pub fn stops(&self) -> Option<Verdict<'a>> {
        match &self.check.verdict {
            Verdict::Clear | Verdict::Protected(_) => (self.has_socket == Some(false))
                .then(|| Verdict::dropped(Reason::NoUdpSocket, Direction::In)),
            Verdict::Dropped { .. } if self.may_have_policy => {
                Some(Verdict::Unknown(Doubt::SocketPolicy))
            }
            other => Some(other.clone()),
        }
    }
}

impl<'a> Explanation<'a> {
    /// The explanation of a packet that comes in UDP.
    #[must_use]
    pub fn in_udp(mut self, udp: InUdp<'a>) -> Self {
        let stops = udp.stops().filter(|stops| {
            // A vti device checks the packet again, and without the socket.
            let is_dropped_then = self.outer.as_ref().is_some_and(|outer| outer.stops().is_some());
            *stops != Verdict::Unknown(Doubt::SocketPolicy) || !is_dropped_then
        });
        if let Some(verdict) = stops {
            (self.verdict, self.outer, self.input) = (verdict, None, None);
            (self.check, self.output) = (None, None);
        }
        self.udp = Some(udp);
        self
    }
}
