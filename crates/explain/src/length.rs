//! Whether a packet fits the link that it leaves by.

use model::{Direction, IpVersion, LEAST_MTU_OF_IPV6, Upper};

use crate::{Doubt, Explanation, Headers, Reason, Verdict};

/// The length of a packet before it is transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Bytes, with the IP header.
    pub bytes: usize,
    /// Whether it must not be fragmented: the bit DF of IPv4, or what its socket wants; none: that is not known.
    pub dont_fragment: Option<bool>,
}

/// The most bytes of packets, with the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtu {
    /// Of what is sent: of the route to the end of the outermost tunnel, or of the packet's own.
    pub link: usize,
    /// Of the packet's own route, before it is transformed; none: there is no limit.
    pub own: Option<usize>,
}

impl Mtu {
    /// The longest packet that headers make no longer than what is sent (`xfrm_bundle_ok`); none: that is not known.
    #[must_use]
    pub fn longest(self, headers: &Headers<'_>) -> Option<usize> {
        let longest = headers.mtu(self.link)?;
        Some(self.own.map_or(longest, |own| longest.min(own)))
    }
}

impl Explanation<'_> {
    /// The longest packet that this one may be; none: it does not leave, or that is not known.
    #[must_use]
    pub fn longest(&self, mtu: Mtu) -> Option<usize> {
        let (flow, output) = (self.flow.as_ref()?, self.output.as_ref()?);
        let (longest, has_least) = match &output.verdict {
            Verdict::Clear => (mtu.link, flow.version() == IpVersion::V6),
            // Of what SAs transform the kernel assumes no least length, of IPv6 neither.
            Verdict::Protected(sas) => (mtu.longest(&Headers::of(flow, sas))?, false),
            Verdict::Dropped { .. } | Verdict::Unknown(_) => return None,
        };
        Some(if has_least { longest.max(usize::from(LEAST_MTU_OF_IPV6)) } else { longest })
    }

    /// The explanation of a packet of this length: one that does not fit is dropped if it must not be fragmented
    /// (`ip_append_data`, `xfrm4_tunnel_check_size`, `ip_forward`, `ip6_forward`).
    #[must_use]
    pub fn fitted(mut self, length: Length, mtu: Mtu) -> Self {
        let Some(longest) = self.longest(mtu).filter(|_| self.verdict.passes()) else {
            return self;
        };
        if length.bytes <= longest {
            return self;
        }
        // A capture may have several segments of TCP as one packet, each of which fits.
        let tcp = self.flow.is_some_and(|flow| flow.upper.map(Upper::Number) == Some(Upper::TCP))
            && length.bytes > mtu.link;
        let version = self.flow.map(|flow| flow.version());
        let is_fragmented = match (self.direction, version) {
            (Direction::Fwd, Some(IpVersion::V6)) => Some(false),
            // Of a packet of IPv6 the socket decides, and no bit of the packet has its choice.
            _ => length.dont_fragment.map(|df| !df),
        };
        match is_fragmented {
            Some(true) => {}
            Some(false) if !tcp => {
                self.verdict = Verdict::dropped(Reason::TooLong, self.direction);
            }
            _ => self.verdict = Verdict::Unknown(Doubt::TooLong { longest }),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use model::{Direction, Level, Mode, Proto, Template, TemplateMode};

    use super::*;
    use crate::{
        Surroundings, explain_forwarded, explain_out,
        testing::{ends, flow, ipsec, sa, tables},
    };

    #[test]
    fn what_does_not_fit_is_dropped_or_fragmented() {
        let template = Template::new(Proto::Esp, TemplateMode::Tunnel(ends(1, 2)), Level::Require);
        let mut entry = sa(0x1001, Mode::Tunnel, ends(1, 2));
        let keyed = |kind, name| {
            let algorithm = model::Algorithm::by_name(kind, name).unwrap();
            model::Keyed::new(algorithm, model::Key::new(Vec::new()))
        };
        entry.sa.crypt = Some(keyed(model::AlgorithmKind::Crypt, "aes-cbc"));
        entry.sa.auth = Some(keyed(model::AlgorithmKind::Auth, "hmac-sha1"));
        let protecting = tables(vec![ipsec(Direction::Out, &[template])], vec![entry]);
        let clear = tables(Vec::new(), Vec::new());
        let none = &Surroundings::default();
        let mtu = Mtu { link: 1500, own: None };
        for (tables, longest) in [(&protecting, 1438), (&clear, 1500)] {
            for explanation in [
                explain_out(tables, flow(), None, none),
                explain_forwarded(tables, &[], Some(flow()), 0, none),
            ] {
                assert_eq!(explanation.longest(mtu), Some(longest));
                let of = |bytes, dont_fragment| {
                    explanation.clone().fitted(Length { bytes, dont_fragment }, mtu).verdict
                };
                let own = Some(1300);
                assert_eq!(
                    explanation.longest(Mtu { own, ..mtu }),
                    own.filter(|_| longest == 1438).or(Some(1500))
                );
                assert!(of(longest, Some(true)).passes() && of(longest + 1, Some(false)).passes());
                let dropped = Verdict::dropped(Reason::TooLong, Direction::Out);
                assert_eq!(of(longest + 1, Some(true)), dropped);
                assert_eq!(of(longest + 1, None), Verdict::Unknown(Doubt::TooLong { longest }));
            }
        }
    }
}
