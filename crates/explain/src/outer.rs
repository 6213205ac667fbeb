//! A vti device checks the protected packet itself, as one in clear, before its SAs are undone (`vti_input`,
//! net/ipv4/ip_vti.c; `vti6_input_proto`, net/ipv6/ip6_vti.c).

use model::Direction;

use crate::{Explanation, Flow, PolicyCheck, Surroundings, Tables, Verdict, check};

/// The protected packet that arrives for a vti device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outer<'a> {
    /// The packet: between the ends of the device, with the protocol of its outermost header.
    pub flow: Flow,
    /// The check of its policy.
    pub check: PolicyCheck<'a>,
}

impl<'a> Outer<'a> {
    /// Checks it.
    #[must_use]
    pub fn new(tables: &'a Tables, flow: Flow, surroundings: &Surroundings<'_>) -> Self {
        let has_no_policy = surroundings.outer_has_no_policy;
        let surroundings = Surroundings { has_no_policy, ..*surroundings };
        let check = check(tables, Direction::In, &flow, &[], None, &surroundings);
        Self { flow, check }
    }

    /// What becomes of it, if it gets no further.
    #[must_use]
    pub fn stops(&self) -> Option<Verdict<'a>> {
        (!self.check.verdict.passes()).then(|| self.check.verdict.clone())
    }
}

impl<'a> Explanation<'a> {
    /// The explanation of a packet that comes in one that a vti device checks.
    #[must_use]
    pub fn within(mut self, outer: Outer<'a>) -> Self {
        if let Some(verdict) = outer.stops() {
            (self.verdict, self.input, self.check, self.output) = (verdict, None, None, None);
        }
        self.outer = Some(outer);
        self
    }
}

#[cfg(test)]
mod tests {
    use model::{Action, Mark, Mode, Prefix, Proto, Selector, Template, TemplateMode, Upper};

    use super::*;
    use crate::{
        Arrival, InUdp, Reason, explain_in,
        testing::{addr, ends, flow, ipsec, policy, sa, tables},
        verdict::Doubt,
    };

    const KEY: Mark = Mark { value: 5, mask: u32::MAX };

    fn esp() -> Flow {
        let mut esp = Flow::new(addr(7), addr(8)).unwrap();
        (esp.upper, esp.device) = (Some(50), crate::FlowDevice::None);
        esp
    }

    /// A tunnel from 10.0.0.7 to 10.0.0.8 that the device has, and this policy of the packet around it.
    fn device_with(action: Action) -> Tables {
        let template =
            Template::new(Proto::Esp, TemplateMode::Tunnel(ends(7, 8)), model::Level::Require);
        let mut keyed = ipsec(Direction::In, &[template]);
        keyed.policy.id.mark = KEY;
        let mut around = policy(Direction::In, (32, 32), action, 16);
        let ends = [addr(7), addr(8)].map(Prefix::host);
        around.policy.id.selector = Selector::new(ends[0], ends[1]).unwrap();
        around.policy.id.selector.upper = Upper::Number(50);
        let mut entry = sa(0x1001, Mode::Tunnel, self::ends(7, 8));
        entry.sa.mark = KEY;
        tables(vec![keyed, around], vec![entry])
    }

    fn explained(tables: &Tables, outer_has_no_policy: bool) -> Explanation<'_> {
        let surroundings =
            &Surroundings { vti_key: Some(5), outer_has_no_policy, ..Surroundings::default() };
        let arrival = Arrival {
            spi: model::Spi(0x1001),
            proto: None,
            dst: None,
            sequence: None,
            encapsulation: None,
            integrity: None,
            inside: None,
        };
        let explanation = explain_in(tables, &[arrival], Some(flow()), 0, None, surroundings);
        explanation.within(Outer::new(tables, esp(), surroundings))
    }

    #[test]
    fn the_packet_around_the_sas_is_checked_in_clear() {
        let template = Template::new(Proto::Esp, TemplateMode::Transport, model::Level::Require);
        for (action, is_exempt, reason) in [
            (Action::None, false, None),
            (Action::Discard, false, Some(Reason::Policy)),
            (Action::Ipsec(vec![template]), false, Some(Reason::Templates)),
            (Action::Discard, true, None),
        ] {
            let tables = device_with(action);
            let explanation = explained(&tables, is_exempt);
            let expected = reason.map(|reason| Verdict::dropped(reason, Direction::In));
            assert_eq!(explanation.outer.as_ref().unwrap().stops(), expected);
            assert_eq!(explanation.verdict.passes(), reason.is_none(), "{explanation:?}");
            assert_eq!(explanation.input.is_some(), reason.is_none());
        }
    }

    /// The device that it arrives at has `disable_policy`: then the key is not checked either.
    #[test]
    fn what_arrives_without_policies_has_none_with_the_key() {
        let mut tables = device_with(Action::None);
        tables.policies.clear();
        let dropped = Verdict::dropped(Reason::TunnelWithoutPolicy, Direction::In);
        assert_eq!(explained(&tables, false).verdict, dropped);
        assert!(explained(&tables, true).verdict.passes());
    }

    /// Whatever the policy of the socket is, the device drops it.
    #[test]
    fn a_drop_is_certain_that_only_the_socket_may_prevent() {
        let tables = device_with(Action::Discard);
        let explanation = explained(&tables, false);
        let mut udp = InUdp::new(&tables, esp(), &Surroundings::default());
        udp.may_have_policy = true;
        assert_eq!(udp.stops(), Some(Verdict::Unknown(Doubt::SocketPolicy)));
        let dropped = Verdict::dropped(Reason::Policy, Direction::In);
        assert_eq!(explanation.in_udp(udp.clone()).verdict, dropped);
        let tables = device_with(Action::None);
        let explanation = explained(&tables, false).in_udp(udp);
        assert_eq!(explanation.verdict, Verdict::Unknown(Doubt::SocketPolicy));
        assert_eq!(explanation.outer, None);
    }
}
