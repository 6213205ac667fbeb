//! What a setsockopt(2) has changed, and getsockopt(2), which returns that.

use model::{Direction, Priority, SocketAction, SocketPolicy};
use rustix::io::Errno;

use crate::{Cookie, IpSocket};

/// What a successful setsockopt(2) has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionChange {
    /// Neither direction has a policy.
    Cleared,
    /// This direction has the policy of this value.
    Set(Direction, Vec<u8>),
    /// A direction has a policy that these options cannot express.
    Unknown,
}

/// What is stored of the policy of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The value that was set.
    Value(Vec<u8>),
    /// There is one that these options cannot express, or nothing is known of it.
    Unknown,
}

impl OptionChange {
    /// By `IP_IPSEC_POLICY` or `IPV6_IPSEC_POLICY` with this value, without what follows the policy.
    #[must_use]
    pub fn by_ipsec_policy(value: &[u8]) -> Self {
        let units = value.first_chunk().map_or(0, |length| u16::from_ne_bytes(*length));
        let policy = value.get(..8 * usize::from(units)).unwrap_or(value);
        match pfkey::socket_policy::read_direction(policy) {
            Ok(direction) => Self::Set(direction, policy.to_vec()),
            Err(_) => Self::Unknown,
        }
    }

    /// By the kernel's own option, `IP_XFRM_POLICY` or `IPV6_XFRM_POLICY`, with this value.
    #[must_use]
    pub fn by_xfrm_policy(value: &[u8]) -> Self {
        let policy = xfrm::read_socket_option(value).ok().flatten();
        let policy = policy.map(SocketPolicy::of_policy);
        let set = policy.and_then(|policy| {
            let value = pfkey::socket_policy::value(&policy).ok()?;
            Some(Self::Set(policy.direction(), value))
        });
        set.unwrap_or(Self::Unknown)
    }
}

/// Answers getsockopt(2): the policy of the direction that the policy in `query` has, of which
/// [`HEADER`](super::HEADER) bytes are enough. `stored` returns what is stored of it; if that is nothing, the policy is
/// `entrust` (`ipsec_get_policy`, sys/netipsec/ipsec.c of the BSDs).
///
/// Errors: EINVAL; EOPNOTSUPP with [`Stored::Unknown`].
pub fn value(
    socket: IpSocket<'_>,
    query: &[u8],
    stored: impl FnOnce(Cookie, Direction) -> Option<Stored>,
) -> Result<Vec<u8>, Errno> {
    let direction = pfkey::socket_policy::read_direction(query).map_err(|error| error.errno())?;
    match stored(socket.cookie().map_err(|error| error.errno())?, direction) {
        Some(Stored::Value(policy)) => Ok(policy),
        Some(Stored::Unknown) => Err(Errno::OPNOTSUPP),
        None => entrust(direction),
    }
}

pub(super) fn entrust(direction: Direction) -> Result<Vec<u8>, Errno> {
    let policy = SocketPolicy::new(direction, Priority(0), SocketAction::Entrust);
    let policy = policy.map_err(|error| error.errno())?;
    pfkey::socket_policy::value(&policy).map_err(|error| error.errno())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use model::{Dialect, IpVersion, Variables};
    use sys::SystemNames;

    use super::*;
    use crate::SocketPolicies;

    #[test]
    fn a_stored_policy_is_returned() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = IpSocket::of(&socket).unwrap();
        let mut query = entrust(Direction::Out).unwrap();
        query[4] = 9;
        let stored = |_, direction| {
            assert_eq!(direction, Direction::Out);
            Some(Stored::Value(vec![7; 64]))
        };
        assert_eq!(value(socket, &query, stored), Ok(vec![7; 64]));
        assert_eq!(value(socket, &query, |_, _| None), entrust(Direction::Out));
        let unknown = value(socket, &query, |_, _| Some(Stored::Unknown));
        assert_eq!(unknown, Err(Errno::OPNOTSUPP));
        assert_eq!(value(socket, &[0; 3], |_, _| None), Err(Errno::INVAL));
    }

    #[test]
    fn a_change_is_the_policy_without_the_rest() {
        let policy = entrust(Direction::In).unwrap();
        let longer = [&policy[..], &[1; 9]].concat();
        assert_eq!(
            OptionChange::by_ipsec_policy(&longer),
            OptionChange::Set(Direction::In, policy)
        );
        assert_eq!(OptionChange::by_ipsec_policy(&[0; 8]), OptionChange::Unknown);
    }

    /// What the kernel's own option sets is what these options set.
    #[test]
    fn the_kernels_own_option_is_understood() {
        let read = |text| grammar::socket_policy(text, Dialect::Linux, &SystemNames).unwrap();
        for text in ["out ipsec esp/transport//use", "in discard", "out bypass"] {
            let policy = read(text);
            let policies = SocketPolicies::new([policy.clone()]).unwrap();
            let values = policies.values(IpVersion::V4, &Variables::default(), Cookie::default());
            let change = OptionChange::by_xfrm_policy(&values.unwrap()[0].1);
            let value = pfkey::socket_policy::value(&policy).unwrap();
            assert_eq!(change, OptionChange::Set(policy.direction(), value), "{text}");
        }
        assert_eq!(OptionChange::by_xfrm_policy(&[1; 200]), OptionChange::Unknown);
    }
}
