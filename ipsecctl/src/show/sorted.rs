//! The entries of a table of any length in an order that is not the kernel's, with few of them in memory.

use std::cmp::Reverse;

use super::order;

/// A long table is read so often at most, and once before.
const READINGS: usize = 8;

/// Where an entry of the first reading is.
#[derive(Clone, Copy)]
struct Place {
    /// What names the entry in every reading.
    name: u64,
    /// In a reading: the newest entry has 0.
    position: usize,
    /// In the order.
    rank: usize,
    /// How many entries of this name a reading has given; counted at the first of them.
    given: usize,
}

/// Gives the entries that `read` gives, newest first, sorted by `key`, equals oldest first. A table that is too long to be kept is read again
/// for each part of the order. An entry that ends or begins meanwhile is not given.
pub fn sorted<T, K: Ord, E>(
    mut read: impl FnMut(&mut dyn FnMut(T)) -> Result<(), E>,
    key: impl Fn(&T) -> K,
    name: impl Fn(&T) -> u64,
    give: &mut impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let (mut keys, mut first) = (Vec::new(), Vec::new());
    read(&mut |entry| {
        keys.push((key(&entry), Reverse(keys.len()), name(&entry)));
        if keys.len() <= order::MOST {
            first.push(entry);
        } else {
            first = Vec::new();
        }
    })?;
    if keys.len() <= order::MOST {
        first.reverse();
        first.sort_by_key(key);
        return first.into_iter().try_for_each(give);
    }
    let mut places = places(keys);
    let most = order::MOST.max(places.len().div_ceil(READINGS));
    for begin in (0..places.len()).step_by(most) {
        let mut part: Vec<Option<T>> = Vec::new();
        part.resize_with(most, || None);
        for place in &mut places {
            place.given = 0;
        }
        read(&mut |entry| {
            let rank = rank(&mut places, name(&entry));
            let kept = rank.and_then(|rank| part.get_mut(rank.checked_sub(begin)?));
            if let Some(kept) = kept {
                *kept = Some(entry);
            }
        })?;
        part.into_iter().flatten().try_for_each(&mut *give)?;
    }
    Ok(())
}

/// The places of the entries, sorted by name and position.
fn places<K: Ord>(mut keys: Vec<(K, Reverse<usize>, u64)>) -> Vec<Place> {
    keys.sort_unstable();
    let ranked = keys.into_iter().enumerate();
    let place = |(rank, (_, Reverse(position), name))| Place { name, position, rank, given: 0 };
    let mut places: Vec<_> = ranked.map(place).collect();
    places.sort_unstable_by_key(|place| (place.name, place.position));
    places
}

/// The rank of the next entry of this name, if the first reading had it.
fn rank(places: &mut [Place], name: u64) -> Option<usize> {
    let first = places.partition_point(|place| place.name < name);
    let given = places.get(first)?.given;
    places[first].given += 1;
    let place = places.get(first + given)?;
    (place.name == name).then_some(place.rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is given of readings of a table, each from the newest entry on: pairs of key and name.
    fn given(readings: &[Vec<(usize, u64)>]) -> Result<Vec<(usize, u64)>, &'static str> {
        let (mut given, mut reading) = (Vec::new(), 0);
        let read = |take: &mut dyn FnMut((usize, u64))| {
            let table = readings.get(reading).or(readings.last()).ok_or("cannot be read")?;
            if table.is_empty() {
                return Err("cannot be read");
            }
            reading += 1;
            for &entry in table {
                take(entry);
            }
            Ok(())
        };
        let mut give = |entry| {
            given.push(entry);
            Ok(())
        };
        sorted(read, |entry| entry.0, |entry| entry.1, &mut give).map(|()| given)
    }

    fn oldest_first(table: &[(usize, u64)]) -> Vec<(usize, u64)> {
        let mut sorted: Vec<_> = table.iter().rev().copied().collect();
        sorted.sort_by_key(|entry| entry.0);
        sorted
    }

    /// A table with few keys and with names that several entries have.
    fn table(entries: usize) -> Vec<(usize, u64)> {
        let name = |place: usize| if place % 10 == 3 { 7 } else { place as u64 * 97 };
        (0..entries).map(|place| (place % 3, name(place))).collect()
    }

    #[test]
    fn a_table_of_any_length_is_given_in_order() {
        for entries in [1, 2, order::MOST, order::MOST + 1, 3 * order::MOST, 20 * order::MOST] {
            let table = table(entries);
            assert!(
                given(std::slice::from_ref(&table)).unwrap() == oldest_first(&table),
                "{entries}"
            );
        }
        assert_eq!(sorted(|_| Ok::<_, ()>(()), |&(): &()| 0, |()| 0, &mut |()| Ok(())), Ok(()));
    }

    #[test]
    fn what_ends_or_begins_meanwhile_is_not_given() {
        let before: Vec<_> = (0..10_000).map(|name| (0, name)).collect();
        let mut after: Vec<_> = before.iter().copied().filter(|(_, name)| name % 2 == 0).collect();
        let expected = oldest_first(&after);
        after.insert(0, (0, 10_001));
        assert!(given(&[before, after]).unwrap() == expected);
    }

    #[test]
    fn a_reading_that_fails_is_no_end() {
        let long = table(2 * order::MOST);
        assert_eq!(given(&[vec![]]), Err("cannot be read"));
        assert_eq!(given(&[long.clone(), vec![]]), Err("cannot be read"));
        assert_eq!(given(&[long.clone(), long, vec![]]), Err("cannot be read"));
    }
}
