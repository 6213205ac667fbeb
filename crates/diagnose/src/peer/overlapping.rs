//! Policies that have packets in common with another, found among many: the prefixes that contain a prefix, and
//! those that it contains, are next to one another in an order of prefixes.

use std::net::IpAddr;

use model::Prefix;

use super::EndPolicy;

/// A prefix of any IP version as its first address, in the highest bits, and its length.
type Place = (u128, u8);

/// Policies with the same templates, of one direction and IP version.
pub struct Overlapping<'e> {
    by_src: Vec<(Place, &'e EndPolicy)>,
    by_dst: Vec<(Place, &'e EndPolicy)>,
}

impl<'e> Overlapping<'e> {
    pub fn new(policies: &[&'e EndPolicy]) -> Self {
        let sorted = |of: fn(&EndPolicy) -> Prefix| {
            let mut sorted: Vec<_> = policies.iter().map(|it| (place(of(it)), *it)).collect();
            sorted.sort_by_key(|(place, _)| *place);
            sorted
        };
        Self { by_src: sorted(|it| it.selector.src()), by_dst: sorted(|it| it.selector.dst()) }
    }

    /// A policy that has packets in common with this one.
    pub fn find(&self, policy: &EndPolicy) -> Option<&'e EndPolicy> {
        let sides = [
            candidates(&self.by_src, place(policy.selector.src())),
            candidates(&self.by_dst, place(policy.selector.dst())),
        ];
        let count = |ranges: &Vec<&[_]>| ranges.iter().map(|it| it.len()).sum::<usize>();
        let mut fewest = sides.into_iter().min_by_key(count).into_iter().flatten().flatten();
        fewest.find(|(_, it)| it.selector.overlaps(&policy.selector)).map(|(_, it)| *it)
    }
}

fn place(prefix: Prefix) -> Place {
    let bits = match prefix.addr() {
        IpAddr::V4(addr) => u128::from(addr.to_bits()) << 96,
        IpAddr::V6(addr) => addr.to_bits(),
    };
    (bits & !rest(prefix.length()), prefix.length())
}

/// The bits after a length.
fn rest(length: u8) -> u128 {
    u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// The items whose prefixes overlap one.
fn candidates<T>(sorted: &[(Place, T)], (first, length): Place) -> Vec<&[(Place, T)]> {
    let range = |from: Place, to: Place| {
        let start = sorted.partition_point(|(it, _)| *it < from);
        let end = sorted.partition_point(|(it, _)| *it <= to);
        &sorted[start..end]
    };
    let wider = (0..length).map(|shorter| (first & !rest(shorter), shorter));
    let wider = wider.filter(|(start, _)| *start != first).map(|place| range(place, place));
    let within = range((first, 0), (first | rest(length), u8::MAX));
    wider.chain([within]).filter(|it| !it.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contains_and_what_is_contained_is_found() {
        let prefix = |text: &str, length| Prefix::new(text.parse().unwrap(), Some(length)).unwrap();
        let all = [
            prefix("10.0.0.0", 8),
            prefix("10.1.0.0", 16),
            prefix("10.1.2.0", 24),
            prefix("10.1.2.128", 25),
            prefix("10.2.0.0", 16),
            prefix("0.0.0.0", 0),
            prefix("10.1.2.3", 32),
            prefix("10.1.3.0", 24),
        ];
        let mut sorted: Vec<_> = all.iter().map(|it| (place(*it), *it)).collect();
        sorted.sort_by_key(|(place, _)| *place);
        for one in all {
            let mut found: Vec<_> =
                candidates(&sorted, place(one)).concat().iter().map(|(place, _)| *place).collect();
            let overlaps = |it: &&Prefix| it.contains(one.addr()) || one.contains(it.addr());
            let mut expected: Vec<_> = all.iter().filter(overlaps).map(|it| place(*it)).collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{one:?}");
        }
    }
}
