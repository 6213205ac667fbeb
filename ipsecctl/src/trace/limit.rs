//! The most lines a second, and how much is left out.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The most places that are counted by themselves.
const MOST_PLACES: usize = 32;

/// The part of an interval that may be spent with finding out about packets.
const WORK: Duration = Duration::from_millis(300);

/// What was printed and left out in an interval.
pub struct LineLimit {
    most: u32,
    printed: u32,
    worked: Duration,
    omitted: BTreeMap<String, u64>,
}

impl LineLimit {
    /// At most so many lines in an interval.
    pub fn new(most: u32) -> Self {
        Self { most, printed: 0, worked: Duration::ZERO, omitted: BTreeMap::new() }
    }

    /// Whether another line may be printed; if not, it is counted by its place.
    pub fn admits(&mut self, place: &str) -> bool {
        if self.printed < self.most {
            self.printed += 1;
            return true;
        }
        self.omit(place);
        false
    }

    /// Counts a packet that nothing is found out about.
    pub fn omit(&mut self, place: &str) {
        let is_known = self.omitted.contains_key(place) || self.omitted.len() < MOST_PLACES;
        let place = if is_known { place } else { "other places" };
        *self.omitted.entry(place.to_owned()).or_default() += 1;
    }

    /// Whether there is time to find out about another packet in this interval.
    pub fn has_time(&self) -> bool {
        self.printed < self.most && self.worked < WORK
    }

    /// Counts the time of some work.
    pub fn has_worked(&mut self, begin: Instant) {
        self.worked += begin.elapsed();
    }

    /// Ends an interval: how many packets were left out, and where they were dropped, most first.
    pub fn end_interval(&mut self) -> Option<(u64, String)> {
        (self.printed, self.worked) = (0, Duration::ZERO);
        let mut places = std::mem::take(&mut self.omitted).into_iter().collect::<Vec<_>>();
        places.sort_by_key(|(_, packets)| std::cmp::Reverse(*packets));
        let packets = places.iter().map(|(_, packets)| packets).sum();
        let text = places.iter().map(|(place, packets)| format!("{packets} {place}"));
        (packets > 0).then(|| (packets, text.collect::<Vec<_>>().join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_omitted_is_counted() {
        let mut limit = LineLimit::new(2);
        assert!(limit.has_time());
        let admitted = (0..5).map(|_| limit.admits("XFRM_POLICY in icmp_rcv"));
        assert_eq!(admitted.filter(|it| *it).count(), 2);
        assert!(!limit.has_time());
        (0..40).for_each(|number| limit.omit(&format!("place {number}")));
        let (packets, text) = limit.end_interval().unwrap();
        assert_eq!(packets, 43);
        assert!(text.starts_with("9 other places, 3 XFRM_POLICY in icmp_rcv, 1 place 0"), "{text}");
        assert!(limit.end_interval().is_none() && limit.has_time());
    }
}
