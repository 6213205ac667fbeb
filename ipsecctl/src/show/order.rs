/// The most entries that are sorted. Longer listings are printed as they are read, so that memory does not
/// grow with the table.
pub const MOST: usize = 4096;

/// Takes entries in the kernel's order, newest first, and gives them in another if there are few.
pub struct EntryOrder<T> {
    most: usize,
    first: Vec<T>,
    is_long: bool,
}

impl<T> EntryOrder<T> {
    /// Sorts this many entries at most.
    pub fn new(most: usize) -> Self {
        Self { most, first: Vec::new(), is_long: false }
    }

    /// Takes an entry.
    pub fn push<E>(
        &mut self,
        entry: T,
        give: &mut impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_long {
            return give(entry);
        }
        self.first.push(entry);
        if self.first.len() <= self.most {
            return Ok(());
        }
        self.is_long = true;
        std::mem::take(&mut self.first).into_iter().try_for_each(give)
    }

    /// Gives the entries that were not given, oldest first, and sorted by `key`.
    pub fn finish<K: Ord, E>(
        mut self,
        key: impl Fn(&T) -> K,
        give: &mut impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.first.reverse();
        self.first.sort_by_key(key);
        self.first.into_iter().try_for_each(give)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(entries: impl Iterator<Item = usize>, key: impl Fn(&usize) -> usize) -> Vec<usize> {
        let mut given = Vec::new();
        let mut give = |entry| {
            given.push(entry);
            Ok::<(), ()>(())
        };
        let mut order = EntryOrder::new(MOST);
        entries.for_each(|entry| order.push(entry, &mut give).unwrap());
        order.finish(key, &mut give).unwrap();
        given
    }

    #[test]
    fn few_entries_are_sorted_and_equals_oldest_first() {
        assert_eq!(ordered([32, 11, 31, 12].into_iter(), |entry| entry / 10), [12, 11, 31, 32]);
        assert_eq!(ordered((0..MOST).rev(), |_| 0), (0..MOST).collect::<Vec<_>>());
    }

    #[test]
    fn many_entries_are_given_as_they_come() {
        assert_eq!(
            ordered((0..=MOST + 9).rev(), |&it| it),
            (0..=MOST + 9).rev().collect::<Vec<_>>()
        );
    }
}
