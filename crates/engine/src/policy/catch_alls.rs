//! Policies of the lowest priority for all packets of a direction: the default policy.

use model::{Direction, IpVersion, Variables};
use xfrm::{CatchAll, CatchAllScope, Connection};

const DIRECTIONS: [Direction; 3] = [Direction::In, Direction::Out, Direction::Fwd];

/// The catch-alls of a version. IPv4's loopback interface is exempt from every policy by itself
/// (`inetdev_init`, net/ipv4/devinet.c), IPv6's is not.
pub fn catch_alls(version: IpVersion) -> impl Iterator<Item = CatchAll> {
    let in_and_out = DIRECTIONS.into_iter().filter(|direction| *direction != Direction::Fwd);
    let loopback = in_and_out.filter(move |_| version == IpVersion::V6);
    let catch_all = move |scope| move |direction| CatchAll { version, direction, scope };
    let everything = DIRECTIONS.into_iter().map(catch_all(CatchAllScope::Everything));
    loopback.map(catch_all(CatchAllScope::Loopback)).chain(everything)
}

/// The catch-alls that these variables ask for, in the order to add them.
pub fn wanted(variables: &Variables) -> impl Iterator<Item = CatchAll> + '_ {
    let dropped = IpVersion::ALL.into_iter();
    dropped.filter(|version| variables.discards_by_default(*version)).flat_map(catch_alls)
}

/// Whether packets of a version that no policy matches are dropped just now.
pub fn is_in_force(kernel: &mut Connection, version: IpVersion) -> Result<bool, xfrm::Error> {
    for it in catch_alls(version) {
        if kernel.has_catch_all(it)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use model::Variable;

    use super::*;

    #[test]
    fn each_version_has_its_own() {
        let mut variables = Variables::default();
        assert_eq!(wanted(&variables).count(), 0);
        let set = |name: &str| Variable::of_name(name).unwrap().set(0).unwrap();
        variables.set(set("net.inet.ipsec.def_policy"));
        assert!(wanted(&variables).all(|it| it.version == IpVersion::V4));
        assert_eq!(wanted(&variables).count(), 3);
        variables.set(set("net.inet6.ipsec6.def_policy"));
        let v6: Vec<CatchAllScope> = wanted(&variables)
            .filter(|it| it.version == IpVersion::V6)
            .map(|it| it.scope)
            .collect();
        // Traffic of the host to itself is not cut off for a moment.
        assert_eq!(v6[..2], [CatchAllScope::Loopback; 2]);
        assert_eq!(v6[2..], [CatchAllScope::Everything; 3]);
    }
}
