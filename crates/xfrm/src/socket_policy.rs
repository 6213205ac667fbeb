use model::{Direction, Installation, IpVersion, Policy};

use crate::{Error, wire};

/// The value of the socket option `IP_XFRM_POLICY` or `IPV6_XFRM_POLICY` that makes `policy` the
/// socket's own. `owner` is a number to find it by in a dump: it is in `xfrm_selector.user`,
/// which the kernel keeps and compares with no packet.
#[must_use]
pub fn socket_option(policy: &Policy, installation: Installation, owner: u32) -> Vec<u8> {
    wire::socket_policy::value(policy, installation, owner)
}

/// The value that leaves packets of this direction and version to the SPD. The kernel can only take
/// the policies of both directions away; this puts one in the place of one, at once, that sees no
/// packet.
#[must_use]
pub fn no_socket_policy(direction: Direction, version: IpVersion) -> Vec<u8> {
    wire::socket_policy::no_policy(direction, version)
}

/// The policy of such a value, which another program has made: the levels are those that the kernel
/// has. `None`: PF_KEY has no such policy for a socket, since it does not match all packets.
///
/// Errors: the value has no policy.
pub fn read_socket_option(value: &[u8]) -> Result<Option<Policy>, Error> {
    wire::socket_policy::read_value(value)
}
