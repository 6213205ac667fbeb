use std::collections::{HashMap, HashSet};

use model::{AddressPair, Mode, Policy, Proto, ReqId, Sa, SaFlags, SaMode, TemplateMode};

/// What the tunnels of the SPD require of the SAs between their endpoints. Only the policies show:
///
/// - The kernel gives a tunnel SA a selector of its own family, and then finds it for no packet of
///   the other (`xfrm_state_look_at`, net/xfrm/xfrm_state.c), unless it is flagged
///   [`SaFlags::ANY_FAMILY`].
/// - An SA that a BSD script gives no mode takes the one of the policy that refers to it.
#[derive(Debug, Clone, Default)]
pub struct Tunnels(HashMap<Tunnel, Uses>);

/// A protocol between two endpoints.
pub type Tunnel = (Proto, AddressPair);

#[derive(Debug, Clone, Default)]
struct Uses {
    /// Inner packets are of the other IP version.
    mixed: bool,
    /// The reqids of the SAs; `None`: an SA with any.
    reqids: HashSet<Option<ReqId>>,
}

impl Tunnels {
    /// Notes the tunnels of a policy; gives those that ask something new.
    pub fn note(&mut self, policy: &Policy) -> Vec<Tunnel> {
        let inner_v4 = policy.id.selector.src().addr().is_ipv4();
        let mut news = Vec::new();
        for template in policy.action.templates() {
            let TemplateMode::Tunnel(ends) = template.mode else { continue };
            let mixed = ends.src().is_ipv4() != inner_v4;
            let uses = self.0.entry((template.proto, ends)).or_default();
            if uses.reqids.insert(template.reqid()) || (mixed && !uses.mixed) {
                news.push((template.proto, ends));
            }
            uses.mixed |= mixed;
        }
        news
    }

    /// Whether packets of the other IP version go through it.
    pub fn is_mixed(&self, tunnel: Tunnel) -> bool {
        self.0.get(&tunnel).is_some_and(|uses| uses.mixed)
    }

    /// The mode of an SA whose mode was not given, installed as the policies ask for it.
    pub fn mode_for(&self, sa: &Sa) -> SaMode {
        let refers = |uses: &Uses| uses.reqids.contains(&None) || uses.reqids.contains(&sa.reqid);
        let is_tunnel = self.0.get(&(sa.proto, sa.ends)).is_some_and(refers);
        SaMode::Any { installed: if is_tunnel { Mode::Tunnel } else { Mode::Transport } }
    }

    /// Flags an SA that carries the other IP version. The flag does nothing for one with a selector of its
    /// own, whose family the kernel keeps (`copy_from_user_state`, net/xfrm/xfrm_user.c).
    pub fn widen(&self, sa: &mut Sa) {
        let is_tunnel = sa.mode.installed() == Mode::Tunnel && sa.selector.is_none();
        if is_tunnel && self.is_mixed((sa.proto, sa.ends)) {
            sa.flags = sa.flags | SaFlags::ANY_FAMILY;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Action, Direction, Level, PolicyId, Prefix, Selector, Spi, Template};

    use super::*;

    fn v6() -> AddressPair {
        AddressPair::new("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap()).unwrap()
    }

    fn policy(inner: &str, level: Level) -> Policy {
        let host = Prefix::host(inner.parse().unwrap());
        Policy::new(
            PolicyId::new(Selector::new(host, host).unwrap(), Direction::Out),
            Action::Ipsec(vec![Template::new(Proto::Esp, TemplateMode::Tunnel(v6()), level)]),
        )
    }

    #[test]
    fn only_tunnels_between_families_widen() {
        let mut tunnels = Tunnels::default();
        let mut sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(v6(), Proto::Esp, Spi(4096)) };
        tunnels.note(&policy("2001:db8::3", Level::Require));
        tunnels.widen(&mut sa);
        assert_eq!(sa.flags, SaFlags::default());

        assert_eq!(tunnels.note(&policy("10.0.0.1", Level::Require)), [(Proto::Esp, v6())]);
        assert_eq!(tunnels.note(&policy("10.0.0.2", Level::Require)), []);
        tunnels.widen(&mut sa);
        assert_eq!(sa.flags, SaFlags::ANY_FAMILY);

        let host = Prefix::host("10.0.0.1".parse().unwrap());
        sa = Sa { selector: Selector::new(host, host).ok(), flags: SaFlags::default(), ..sa };
        tunnels.widen(&mut sa);
        assert_eq!(sa.flags, SaFlags::default());
    }

    #[test]
    fn the_mode_is_that_of_the_policy_that_refers_to_the_sa() {
        let mut tunnels = Tunnels::default();
        let sa = Sa { reqid: ReqId::new(7), ..Sa::bare(v6(), Proto::Esp, Spi(4096)) };
        let mode = |tunnels: &Tunnels| tunnels.mode_for(&sa).installed();
        assert_eq!(mode(&tunnels), Mode::Transport);
        tunnels.note(&policy("2001:db8::3", Level::Unique(ReqId::new(8))));
        assert_eq!(mode(&tunnels), Mode::Transport);
        tunnels.note(&policy("2001:db8::3", Level::Unique(ReqId::new(7))));
        assert_eq!(mode(&tunnels), Mode::Tunnel);
    }
}
