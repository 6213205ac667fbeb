use std::collections::HashSet;

use ipsec::{AddressPair, Mode, Policy, Proto, Sa, SaFlags};

/// Tunnels whose inner packets are of the other IP version than their endpoints.
///
/// The kernel gives a tunnel SA a selector of its own family, and then finds it for no packet of
/// the other (`xfrm_state_look_at`, net/xfrm/xfrm_state.c), unless it is flagged
/// [`SaFlags::ANY_FAMILY`]. Only the policy knows, so these endpoints are kept.
#[derive(Default)]
pub struct MixedTunnels(HashSet<(Proto, AddressPair)>);

impl MixedTunnels {
    /// Notes the tunnels of a policy; gives those that are new.
    pub fn note(&mut self, policy: &Policy) -> Vec<(Proto, AddressPair)> {
        let inner_v4 = policy.id.selector.src().addr().is_ipv4();
        let requests = policy.action.requests().iter();
        let tunnels =
            requests.filter_map(|request| Some((request.proto, request.mode.endpoints()?)));
        let mixed = tunnels.filter(|(_, ends)| ends.src().is_ipv4() != inner_v4);
        mixed.filter(|tunnel| self.0.insert(*tunnel)).collect()
    }

    /// Flags an SA that one of these tunnels uses.
    pub fn fit(&self, sa: &mut Sa) {
        if sa.mode == Mode::Tunnel && self.0.contains(&(sa.proto, sa.ends)) {
            sa.flags = sa.flags | SaFlags::ANY_FAMILY;
        }
    }
}

/// Whether a tunnel SA takes packets of its own family only.
pub fn is_narrow(sa: &Sa) -> bool {
    sa.mode == Mode::Tunnel && !sa.flags.contains(SaFlags::ANY_FAMILY)
}

#[cfg(test)]
mod tests {
    use ipsec::{
        Action, Direction, Level, Lifetimes, PolicyId, Prefix, Priority, Request, RequestMode,
        Selector, Spi,
    };

    use super::*;

    #[test]
    fn only_tunnels_between_families_are_noted() {
        let v6: AddressPair =
            AddressPair::new("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
                .unwrap();
        let host = |text: &str| Prefix::host(text.parse().unwrap());
        let policy = |inner: &str| Policy {
            id: PolicyId {
                selector: Selector::new(host(inner), host(inner)).unwrap(),
                direction: Direction::Out,
                sec_ctx: None,
            },
            priority: Priority::DEFAULT,
            action: Action::Ipsec(vec![Request {
                proto: Proto::Esp,
                mode: RequestMode::Tunnel(v6),
                level: Level::Require,
            }]),
            lifetimes: Lifetimes::default(),
        };
        let mut mixed = MixedTunnels::default();
        let mut sa = Sa { mode: Mode::Tunnel, ..Sa::bare(v6, Proto::Esp, Spi(4096)) };
        assert_eq!(mixed.note(&policy("2001:db8::3")), []);
        mixed.fit(&mut sa);
        assert!(is_narrow(&sa));

        assert_eq!(mixed.note(&policy("10.0.0.1")), [(Proto::Esp, v6)]);
        assert_eq!(mixed.note(&policy("10.0.0.2")), []);
        mixed.fit(&mut sa);
        assert!(!is_narrow(&sa));
    }
}
