//! The counter of the numbers that are chosen for `unique`. No number is given twice while the namespace
//! lives, to whichever programs.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    ops::Range,
    path::PathBuf,
};

use rustix::fs::OFlags;

use super::{files, lock};
use crate::{Error, Namespace};

/// The file in a namespace's directory: its cookie, and the number that is given next.
const FILE: &str = "reqids";

/// The numbers of the counter: those above the ones that a script may choose (`gen_reqid`,
/// net/key/af_key.c).
const ALL: Range<u64> = 0x4000..1 << 32;

/// Longer than any line of the file, in bytes.
const MOST: u64 = 64;

/// The counter of one network namespace.
pub struct ReqIdCounter {
    namespace: Namespace,
    path: PathBuf,
}

/// Numbers for one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The numbers.
    pub numbers: Range<u64>,
    /// Whether they are from the counter, and not chosen at random.
    is_counted: bool,
}

impl ReqIdCounter {
    pub fn of(namespace: &Namespace) -> Self {
        let path = namespace.directory().join(FILE);
        Self { namespace: namespace.clone(), path }
    }

    /// Takes numbers that follow one another. Where there can be no counter, they begin at random: the
    /// reason is reported, unless it is that this process may not open root's files.
    ///
    /// The caller has no lock. Errors: [`Error::Locked`].
    pub fn take(&self, count: u32) -> Result<Block, Error> {
        let block = |next: u64| {
            let is_left = next + u64::from(count) <= ALL.end;
            let start = if is_left { next } else { ALL.start };
            start..start + u64::from(count)
        };
        match self.update(|next| (block(next), block(next).end)) {
            Ok(numbers) => Ok(Block { numbers, is_counted: true }),
            Err(Error::Run { path, source }) => {
                if source.kind() != io::ErrorKind::PermissionDenied {
                    files::warn_once(&path, &source);
                }
                Ok(Block { numbers: block(at_random()), is_counted: false })
            }
            Err(error) => Err(error),
        }
    }

    /// Gives back the numbers from this one on, if no program has taken others since. The caller has no
    /// lock.
    pub fn give_back(&self, block: &Block, from: u64) {
        if block.is_counted && block.numbers.contains(&from) {
            let end = block.numbers.end;
            // Numbers that are not given are no harm.
            let _ = self.update(|next| ((), if next == end { from } else { next }));
        }
    }

    /// Replaces the next number, while no other program does.
    fn update<T>(&self, change: impl FnOnce(u64) -> (T, u64)) -> Result<T, Error> {
        self.namespace.make()?;
        let failed = |source| Error::run(&self.path, source);
        let mut file = files::open_private(&self.path, OFlags::RDWR).map_err(failed)?;
        lock::wait_exclusive(&file, &self.path, lock::LIMIT)?;
        let next = self.read(&mut file).map_err(failed)?;
        let (changed, next) = change(next);
        self.write(&mut file, next).map_err(failed)?;
        Ok(changed)
    }

    fn read(&self, file: &mut File) -> io::Result<u64> {
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(ALL.start);
        }
        let numbers = std::str::from_utf8(&bytes).ok().and_then(|text| {
            let (cookie, next) = text.strip_suffix('\n')?.split_once(' ')?;
            Some((cookie.parse::<u64>().ok()?, next.parse::<u64>().ok()?))
        });
        Ok(match numbers {
            // That of a former namespace of the same number.
            Some((cookie, _)) if cookie != self.namespace.cookie => ALL.start,
            Some((_, next)) if (ALL.start..=ALL.end).contains(&next) => next,
            _ => {
                files::copy_aside(&self.path, &bytes, &"it is no counter");
                at_random()
            }
        })
    }

    fn write(&self, file: &mut File, next: u64) -> io::Result<()> {
        let line = format!("{} {next}\n", self.namespace.cookie);
        file.rewind()?;
        file.write_all(line.as_bytes())?;
        file.set_len(line.len().try_into().unwrap_or(MOST))
    }
}

/// Where numbers begin that no counter gives: two programs are far apart.
fn at_random() -> u64 {
    fastrand::u64(ALL.start..ALL.end - (1 << 24))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, thread};

    use super::*;

    fn numbers(counter: &ReqIdCounter, count: u32) -> Range<u64> {
        counter.take(count).unwrap().numbers
    }

    #[test]
    fn numbers_follow_one_another() {
        let root = tempfile::tempdir().unwrap();
        let mut namespace = Namespace::within(root.path());
        let counter = ReqIdCounter::of(&namespace);
        assert_eq!(numbers(&counter, 1), 16384..16385);
        let block = counter.take(10).unwrap();
        assert_eq!(block.numbers, 16385..16395);
        counter.give_back(&block, 16390);
        assert_eq!(numbers(&counter, 1), 16390..16391);
        // Another program has taken numbers since.
        counter.give_back(&block, 16385);
        assert_eq!(numbers(&counter, 1), 16391..16392);
        namespace.cookie += 1;
        assert_eq!(numbers(&ReqIdCounter::of(&namespace), 1), 16384..16385);
    }

    #[test]
    fn after_the_last_comes_the_first() {
        let root = tempfile::tempdir().unwrap();
        let counter = ReqIdCounter::of(&Namespace::within(root.path()));
        counter.update(|_| ((), ALL.end - 2)).unwrap();
        assert_eq!(numbers(&counter, 2), ALL.end - 2..ALL.end);
        assert_eq!(numbers(&counter, 3), 16384..16387);
    }

    #[test]
    fn no_number_is_given_twice() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let take = |_| {
            let counter = ReqIdCounter::of(&namespace);
            thread::spawn(move || {
                let take = |count| {
                    let block = counter.take(count).unwrap();
                    let used = block.numbers.start..block.numbers.start + u64::from(count / 2);
                    counter.give_back(&block, used.end);
                    used
                };
                (0..100).flat_map(|n| take(2 + n % 5)).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..4).map(take).collect();
        let all: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn without_a_counter_numbers_begin_at_random() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let counter = ReqIdCounter::of(&namespace);
        namespace.make().unwrap();
        let path = namespace.directory().join(FILE);
        fs::create_dir(&path).unwrap();
        let block = counter.take(5).unwrap();
        assert!(!block.is_counted && block.numbers.end - block.numbers.start == 5);
        assert_ne!(counter.take(5).unwrap(), block);
        fs::remove_dir(&path).unwrap();
        let beyond = format!("{} {}\n", namespace.cookie, u64::MAX);
        for damage in [&b"\0\xff"[..], b"1", b"1 2", b"1 20000 3\n", beyond.as_bytes()] {
            fs::write(&path, damage).unwrap();
            let block = counter.take(1).unwrap();
            assert!(block.is_counted && block.numbers.start != 20000, "{damage:?}");
            assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), damage);
            assert_eq!(counter.take(1).unwrap().numbers.start, block.numbers.end);
        }
    }
}
