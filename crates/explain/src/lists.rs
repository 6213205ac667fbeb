//! The lists in which the kernel keeps the policies that an address pair may match. A look-up takes the
//! first policy of each list and then the best of these.

use model::{Direction, IpVersion, Prefix, Selector, SpdInfo};

/// The list that a policy is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// The hash table of long prefixes (`policy_hash_bysel`).
    Exact,
    /// The lists of a bin of shorter ones (`xfrm_policy_inexact_alloc_chain`): both prefixes are long
    /// enough for the trees, or the source's, or the destination's, or none.
    Both,
    Src,
    Dst,
    Any,
}

/// The shortest prefix that is in a tree (`INEXACT_PREFIXLEN_IPV4`, `INEXACT_PREFIXLEN_IPV6`).
fn shortest_in_tree(version: IpVersion) -> u8 {
    match version {
        IpVersion::V4 => 16,
        IpVersion::V6 => 48,
    }
}

/// The list of a policy with this selector and direction.
pub fn list_of(selector: &Selector, direction: Direction, spd: &SpdInfo) -> List {
    list_between(selector.src(), selector.dst(), direction, spd)
}

/// The list of a policy between addresses of these prefixes.
pub fn list_between(src: Prefix, dst: Prefix, direction: Direction, spd: &SpdInfo) -> List {
    let version = IpVersion::of(src.addr());
    let whole = if version == IpVersion::V4 { 32 } else { 128 };
    let (local, remote) =
        spd.threshold(version).map_or((whole, whole), |bits| (bits.local, bits.remote));
    let (src_bits, dst_bits) = match direction {
        Direction::Out => (local, remote),
        Direction::In | Direction::Fwd => (remote, local),
    };
    if src.length() >= src_bits && dst.length() >= dst_bits {
        return List::Exact;
    }
    let is_in_tree = |prefix: Prefix| {
        prefix.length() >= shortest_in_tree(version) && !prefix.addr().is_unspecified()
    };
    match (is_in_tree(src), is_in_tree(dst)) {
        (true, true) => List::Both,
        (true, false) => List::Src,
        (false, true) => List::Dst,
        (false, false) => List::Any,
    }
}

#[cfg(test)]
mod tests {
    use model::HashThreshold;

    use super::*;

    #[test]
    fn thresholds_are_of_local_and_remote_addresses() {
        let prefix = |last, len| Prefix::new([10, 0, 0, last].into(), Some(len)).unwrap();
        let selector = |src, dst| Selector::new(prefix(1, src), prefix(2, dst)).unwrap();
        let untouched = SpdInfo::default();
        let list = |src, dst| list_of(&selector(src, dst), Direction::Out, &untouched);
        assert_eq!(
            [list(32, 32), list(32, 24), list(32, 8), list(8, 16), list(0, 15)],
            [List::Exact, List::Both, List::Src, List::Dst, List::Any]
        );
        let thresholds = [Some(HashThreshold { local: 24, remote: 16 }), None];
        let lower = SpdInfo { thresholds, ..untouched };
        let out = |src, dst| list_of(&selector(src, dst), Direction::Out, &lower);
        assert_eq!([out(24, 16), out(16, 24)], [List::Exact, List::Both]);
        assert_eq!(list_of(&selector(16, 24), Direction::In, &lower), List::Exact);
    }
}
