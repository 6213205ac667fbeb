use crate::{Level, Policy, Request};

/// How the kernel holds the requests of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// Which requests packets may pass without, a bit each, from the lowest.
    optional: u8,
    /// Whether requests are left out that the kernel cannot hold just now.
    pub is_partial: bool,
}

impl Form {
    /// The form of a policy all of whose requests the kernel can hold: those that `is_optional`
    /// picks may be passed without an SA.
    #[must_use]
    pub fn whole(policy: &Policy, mut is_optional: impl FnMut(&Request) -> bool) -> Self {
        let requests = policy.action.requests().iter().enumerate();
        let optional = requests.filter(|(_, request)| is_optional(request));
        let bits = optional.fold(0, |bits, (place, _)| bits | Self::bit(place));
        Self { optional: bits, is_partial: false }
    }

    /// The form in which AF_KEY holds a policy: `use` is optional, and nothing else.
    #[must_use]
    pub fn plain(policy: &Policy) -> Self {
        Self::whole(policy, |request| request.level == Level::Use)
    }

    /// This form, with those requests of the policy optional too that `is_optional` picks by their
    /// places.
    #[must_use]
    pub fn and_optional(
        mut self,
        policy: &Policy,
        is_optional: impl Fn(usize, &Request) -> bool,
    ) -> Self {
        for (place, request) in policy.action.requests().iter().enumerate() {
            if is_optional(place, request) {
                self.optional |= Self::bit(place);
            }
        }
        self
    }

    /// Whether packets may pass without the request at this place, from 0.
    #[must_use]
    pub fn is_optional(self, place: usize) -> bool {
        self.optional & Self::bit(place) != 0
    }

    fn bit(place: usize) -> u8 {
        u32::try_from(place).ok().and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Action, Direction, Lifetimes, PolicyId, Prefix, Priority, Proto, RequestMode, Selector,
    };

    #[test]
    fn a_form_says_of_each_request_whether_it_is_optional() {
        let esp = Request { proto: Proto::Esp, mode: RequestMode::Transport, level: Level::Use };
        let ah = Request { proto: Proto::Ah, level: Level::Require, ..esp };
        let host = Prefix::host([192, 0, 2, 1].into());
        let policy = Policy {
            id: PolicyId::new(Selector::within(host), Direction::In),
            priority: Priority::DEFAULT,
            action: Action::Ipsec(vec![ah, esp]),
            lifetimes: Lifetimes::default(),
        };
        let form = Form::whole(&policy, |request| request.level == Level::Use);
        assert_eq!(
            [0, 1, 2, 400].map(|place| form.is_optional(place)),
            [false, true, false, false]
        );
        let form = form.and_optional(&policy, |place, request| place == 0 && *request == ah);
        assert!(form.is_optional(0) && form.is_optional(1));
    }
}
