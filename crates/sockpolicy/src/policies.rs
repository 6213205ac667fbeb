use model::{
    Direction, Installation, IpVersion, Level, Policy, SocketAction, SocketPolicy, TemplateMode,
    Variables,
};
use xfrm::{no_socket_policy, socket_option};

use crate::{Error, cookie::Cookie};

/// The policies to give a socket, at most one a direction. A direction without one keeps what it
/// has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketPolicies {
    inbound: Option<SocketPolicy>,
    outbound: Option<SocketPolicy>,
}

impl SocketPolicies {
    /// Takes policies in any order.
    ///
    /// Errors: [`Error::Twice`].
    pub fn new(policies: impl IntoIterator<Item = SocketPolicy>) -> Result<Self, Error> {
        let mut taken = Self::default();
        for policy in policies {
            let direction = policy.direction();
            let place = match direction {
                Direction::In => &mut taken.inbound,
                _ => &mut taken.outbound,
            };
            if place.replace(policy).is_some() {
                return Err(Error::Twice(direction));
            }
        }
        Ok(taken)
    }

    /// The policies, `in` first.
    pub fn iter(&self) -> impl Iterator<Item = &SocketPolicy> {
        self.inbound.iter().chain(&self.outbound)
    }

    /// Whether both directions are left to the SPD.
    pub(crate) fn entrust_all(&self) -> bool {
        self.iter().filter(|policy| *policy.action() == SocketAction::Entrust).count() == 2
    }

    /// Checks the policies, under these variables, for sockets of this IP version.
    pub fn check(&self, version: IpVersion, variables: &Variables) -> Result<(), Error> {
        self.values(version, variables, Cookie::default()).map(drop)
    }

    /// What to hand to the kernel, a value of the socket option a direction.
    pub(crate) fn values(
        &self,
        version: IpVersion,
        variables: &Variables,
        cookie: Cookie,
    ) -> Result<Vec<(Direction, Vec<u8>)>, Error> {
        let value = |requested: &SocketPolicy| {
            let direction = requested.direction();
            let value = match requested.policy(version) {
                None => no_socket_policy(direction, version),
                Some(policy) => {
                    socket_option(&policy, installation(&policy, variables)?, cookie.as_owner())
                }
            };
            Ok((direction, value))
        };
        self.iter().map(value).collect()
    }
}

/// How the kernel is to hold a policy, if it can.
fn installation(policy: &Policy, variables: &Variables) -> Result<Installation, Error> {
    for template in policy.action.templates() {
        let is_optional = variables.is_optional(policy, template);
        let is_outbound = policy.id.direction == Direction::Out;
        if is_outbound && is_optional && template.mode != TemplateMode::Transport {
            return Err(Error::OptionalOutboundTunnel { level: template.level.word() });
        }
        if template.level == Level::Unique(None) {
            return Err(Error::NoReqId);
        }
    }
    Ok(Installation::whole(policy, |template| variables.is_optional(policy, template)))
}

#[cfg(test)]
mod tests {
    use model::{Dialect, Variable};
    use sys::SystemNames;

    use super::*;

    fn policies(texts: &[&str]) -> Result<SocketPolicies, Error> {
        let read = |text: &&str| grammar::socket_policy(text, Dialect::Linux, &SystemNames);
        SocketPolicies::new(texts.iter().map(read).map(Result::unwrap))
    }

    fn refusal(text: &str, variables: &Variables) -> Option<String> {
        let checked = policies(&[text]).unwrap().check(IpVersion::V4, variables);
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn a_direction_has_one_policy() {
        assert!(policies(&["in bypass", "out bypass"]).is_ok());
        assert_eq!(policies(&["out bypass", "out discard"]), Err(Error::Twice(Direction::Out)));
    }

    #[test]
    fn both_directions_or_one_are_left_to_the_spd() {
        assert!(policies(&["in entrust", "out entrust"]).unwrap().entrust_all());
        assert!(!policies(&["in entrust"]).unwrap().entrust_all());
        assert!(!policies(&["in entrust", "out bypass"]).unwrap().entrust_all());
    }

    #[test]
    fn an_outbound_tunnel_is_required() {
        let variables = Variables::default();
        let tunnel = "esp/tunnel/192.0.2.1-192.0.2.2";
        assert_eq!(refusal(&format!("in ipsec {tunnel}/use"), &variables), None);
        assert_eq!(refusal(&format!("out ipsec {tunnel}/require"), &variables), None);
        let refused = refusal(&format!("out ipsec {tunnel}/use"), &variables).unwrap();
        assert!(refused.starts_with("use on an outbound tunnel"), "{refused}");
        let default = format!("out ipsec {tunnel}/default");
        assert_eq!(refusal(&default, &variables), None);
        let mut variables = variables;
        let deflev = Variable::of_name("net.inet.ipsec.esp_net_deflev").unwrap();
        variables.set(deflev.set(1).unwrap());
        let refused = refusal(&default, &variables).unwrap();
        assert!(refused.starts_with("default on an outbound tunnel"), "{refused}");
    }

    #[test]
    fn unique_has_its_number() {
        let variables = Variables::default();
        assert_eq!(refusal("out ipsec esp/transport//unique:7", &variables), None);
        assert!(refusal("out ipsec esp/transport//unique", &variables).is_some());
    }

    #[test]
    fn the_variables_decide_what_default_is() {
        let optional = |variables: &Variables| {
            let policies = policies(&["in ipsec esp/transport//default"]).unwrap();
            let values = policies.values(IpVersion::V4, variables, Cookie::default()).unwrap();
            // `optional` of the first template (linux/xfrm.h).
            values[0].1[168 + 50]
        };
        let mut variables = Variables::default();
        assert_eq!(optional(&variables), 0);
        let deflev = Variable::of_name("net.inet.ipsec.esp_trans_deflev").unwrap();
        variables.set(deflev.set(1).unwrap());
        assert_eq!(optional(&variables), 1);
    }
}
