//! The records of `apply --owned`, a row each.

mod entries;
mod record;

use std::sync::OnceLock;

use rusqlite::{Connection, Row, Transaction, params};

use super::database::{StoreFile, StoreSchema};
use crate::{Error, Namespace};
pub use entries::Owned;
pub(crate) use record::Record;

/// Longer than any name or contents that is written, in bytes.
const LONGEST: usize = 4096;
/// So many wrong rows are named.
const MOST_NAMED: usize = 8;
/// Of records that are not only announced.
const RECORDED: i64 = 0;

/// The records of one network namespace.
pub struct OwnedRecords {
    database: StoreFile,
    /// Names this boot: at the next one the kernel's tables are empty.
    boot: String,
    /// [`run`]
    run: i64,
}

/// Distinguishes what this process announces; not [`RECORDED`]. A process that it forks once it has opened the records
/// has the same.
fn run() -> i64 {
    static RUN: OnceLock<i64> = OnceLock::new();
    *RUN.get_or_init(|| fastrand::i64(1..))
}

impl OwnedRecords {
    pub fn of(namespace: &Namespace) -> Self {
        let tables = StoreSchema {
            file: "owned.sqlite",
            schema: concat!(
                "CREATE TABLE owned (",
                "    name TEXT, contents TEXT, keys BLOB, policy INTEGER,",
                "    first INTEGER, last INTEGER, boot TEXT, run INTEGER",
                ")",
            ),
            later: "",
            check: "SELECT name, contents, keys, policy, first, last, boot, run FROM owned",
        };
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let boot = boot.trim_end().to_owned();
        let database = StoreFile::new(namespace.clone(), tables);
        Self { database, boot, run: run() }
    }

    /// All records of this boot. A row that makes no sense is reported and not used.
    pub(crate) fn read(&mut self) -> Vec<Record> {
        let boot = self.boot.clone();
        let read = self.database.read(|records| rows(records, &boot));
        let (records, wrong) = read.unwrap_or_default();
        if !wrong.is_empty() {
            let named: Vec<String> = wrong.iter().take(MOST_NAMED).map(i64::to_string).collect();
            let more = wrong.len() - named.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let rows = named.join(", ");
            self.database.warn(&format!("rows of table `owned` make no sense: {rows}{more}"));
        }
        records
    }

    /// Adds records of what is about to be added.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub(crate) fn announce(&mut self, records: &[Record]) -> Result<(), Error> {
        let Self { database, boot, run } = self;
        database.write(|transaction| insert(transaction, records, boot, *run))
    }

    /// Replaces all records, but for what other processes have announced and not yet recorded at `now`, Unix seconds.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub(crate) fn replace(&mut self, records: &[Record], now: u64) -> Result<(), Error> {
        let Self { database, boot, run } = self;
        database.write(|transaction| {
            let stays = "typeof(run) = 'integer' AND run NOT IN (?, ?) AND last >= ? AND boot = ?";
            let delete = format!("DELETE FROM owned WHERE NOT coalesce({stays}, FALSE)");
            transaction.execute(&delete, params![RECORDED, *run, now.cast_signed(), &*boot])?;
            insert(transaction, records, boot, RECORDED)
        })
    }
}

fn insert(
    transaction: &Transaction<'_>,
    records: &[Record],
    boot: &str,
    run: i64,
) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO owned VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
    for Record { name, contents, keys, index, added: (first, last) } in records {
        let (first, last) = (first.cast_signed(), last.cast_signed());
        insert.execute(params![name, contents, keys, index, first, last, boot, run])?;
    }
    Ok(())
}

/// The records of a boot, and the numbers of the rows that make no sense.
fn rows(records: &Connection, boot: &str) -> rusqlite::Result<(Vec<Record>, Vec<i64>)> {
    let query = "SELECT name, contents, keys, policy, first, last, boot, rowid FROM owned";
    let mut query = records.prepare_cached(query)?;
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        match record(row, boot) {
            Ok(Some(record)) => all.push(record),
            Ok(None) => {}
            Err(_) => wrong.push(row.get(7)?),
        }
    }
    Ok((all, wrong))
}

/// Reads a row; nothing for one of an earlier boot, an error for one that makes no sense.
fn record(row: &Row<'_>, boot: &str) -> rusqlite::Result<Option<Record>> {
    let text = |column| {
        let text = row.get_ref(column)?.as_str()?;
        if text.len() > LONGEST { Err(rusqlite::Error::InvalidQuery) } else { Ok(text) }
    };
    let time = |column| {
        let time: i64 = row.get(column)?;
        u64::try_from(time).map_err(|_| rusqlite::Error::InvalidQuery)
    };
    if text(6)? != boot {
        return Ok(None);
    }
    let keys: [u8; 32];
    let keys = match row.get_ref(2)?.as_blob()? {
        [] => Vec::new(),
        bytes => {
            keys = bytes.try_into().map_err(|_| rusqlite::Error::InvalidQuery)?;
            keys.to_vec()
        }
    };
    Ok(Some(Record {
        name: text(0)?.to_owned(),
        contents: text(1)?.to_owned(),
        keys,
        index: row.get(3)?,
        added: (time(4)?, time(5)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, added: (u64, u64)) -> Record {
        let (name, contents) = (name.to_owned(), "contents".to_owned());
        Record { name, contents, keys: vec![7; 32], index: 9, added }
    }

    fn names(records: &mut OwnedRecords) -> Vec<String> {
        records.read().into_iter().map(|record| record.name).collect()
    }

    #[test]
    fn records_are_of_a_namespace_and_a_boot() {
        let root = tempfile::tempdir().unwrap();
        let mut namespace = Namespace::within(root.path());
        let mut records = OwnedRecords::of(&namespace);
        assert_eq!(records.read(), []);
        let one = record("one", (5, 5));
        records.replace(std::slice::from_ref(&one), 5).unwrap();
        assert_eq!(OwnedRecords::of(&namespace).read(), [one]);
        let mut other = OwnedRecords::of(&namespace);
        other.boot.push('x');
        assert_eq!(other.read(), []);
        namespace.cookie += 1;
        assert_eq!(OwnedRecords::of(&namespace).read(), []);
    }

    #[test]
    fn what_others_have_announced_stays_as_long_as_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let mut records = OwnedRecords::of(&Namespace::within(root.path()));
        records.announce(&[record("own", (100, 700))]).unwrap();
        let boot = records.boot.clone();
        let others = [record("past", (10, 90)), record("other", (100, 700))];
        records.database.write(|it| insert(it, &others, &boot, 1)).unwrap();
        records.replace(&[record("made", (101, 101))], 102).unwrap();
        assert_eq!(names(&mut records), ["other", "made"]);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_passed_over_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let mut records = OwnedRecords::of(&Namespace::within(root.path()));
        records.replace(&[record("good", (5, 5))], 5).unwrap();
        let boot = records.boot.clone();
        let rows = [
            "(x'00ff', 'c', x'', 9, 5, 5, ?, 0)",
            "('n', x'07', x'', 9, 5, 5, ?, 0)",
            "('n', 'c', x'00', 9, 5, 5, ?, 0)",
            "('n', 'c', 'text', 9, 5, 5, ?, 0)",
            "('n', 'c', x'', 4294967296, 5, 5, ?, 0)",
            "('n', 'c', x'', 9, -5, 5, ?, 0)",
            "('n', 'c', x'', 9, 5, 1e300, ?, 'x')",
            "(NULL, NULL, NULL, NULL, NULL, NULL, ?, NULL)",
            "(printf('%.5000c', 'n'), 'c', x'', 9, 5, 5, ?, 0)",
        ];
        records
            .database
            .write(|it| {
                rows.iter().try_for_each(|row| {
                    it.execute(&format!("INSERT INTO owned VALUES {row}"), [&boot]).map(drop)
                })
            })
            .unwrap();
        assert_eq!(names(&mut records), ["good"]);
        let wrong = |records: &mut OwnedRecords| {
            records.database.read(|it| super::rows(it, &boot)).unwrap().1
        };
        assert_eq!(wrong(&mut records), (2..).take(rows.len()).collect::<Vec<i64>>());
        records.replace(&[], 6).unwrap();
        assert_eq!(wrong(&mut records), [0; 0]);
    }
}
