use std::collections::HashMap;

use model::{ReqId, Sa, SaEntry, SaId, SaMode};
use rusqlite::{Params, Statement, params};

use super::Store;
use crate::Error;

/// How far the kernel's clock may be from ours when it stamps a new SA, in seconds.
const CLOCK_SLACK: u64 = 2;

/// The SAs whose mode was not given (BSD dialects). A record counts only while an SA of the same
/// name, source and number, added at the same time, is there.
impl Store {
    /// Whether there may be SAs whose mode was not given.
    pub fn has_modes_any(&mut self) -> bool {
        let query = "SELECT 1 FROM any_mode";
        self.database.read(|records| records.prepare_cached(query)?.exists([])) == Some(true)
    }

    /// Records that the mode of an SA, added at `now` (Unix seconds), was not given.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn record_mode_any(&mut self, sa: &Sa, now: u64) -> Result<(), Error> {
        let id = sa.id();
        self.database.write(|records| {
            records.execute(
                "INSERT OR REPLACE INTO any_mode VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    id.dst.to_string(),
                    id.proto.number(),
                    id.spi.0,
                    id.mark.value,
                    id.mark.mask,
                    sa.ends.src().to_string(),
                    sa.reqid.map_or(0, ReqId::number),
                    now.cast_signed(),
                ],
            )?;
            Ok(())
        })
    }

    /// An SA of the SAD with the mode that was requested for it.
    pub fn requested_mode(&mut self, entry: SaEntry) -> SaEntry {
        self.read_modes(Some(&entry.sa.id())).requested(entry)
    }

    /// The records of all SAs, for a reader of the whole SAD: the file is looked for and locked once, not for each SA.
    pub(crate) fn modes(&mut self) -> Modes {
        self.read_modes(None)
    }

    /// Reads the record of one SA, or all.
    fn read_modes(&mut self, of: Option<&SaId>) -> Modes {
        let read = self.database.read(|records| {
            let query = "SELECT dst, proto, spi, mark, mask, src, reqid, added FROM any_mode";
            match of {
                None => Modes::read(&mut *records.prepare_cached(query)?, []),
                Some(id) => {
                    let query =
                        format!("{query} WHERE (dst, proto, spi, mark, mask) = (?, ?, ?, ?, ?)");
                    Modes::read(&mut *records.prepare_cached(&query)?, key(id))
                }
            }
        });
        read.unwrap_or_default()
    }
}

/// The SAs whose mode was not given, by name.
#[derive(Debug, Default)]
pub(crate) struct Modes(HashMap<Name, Added>);

/// Destination, protocol, SPI, mark and its mask.
type Name = (String, u8, u32, u32, u32);

/// What a later SA of the same name differs in.
#[derive(Debug)]
struct Added {
    src: String,
    /// 0: none.
    reqid: u32,
    /// Unix seconds.
    time: i64,
}

impl Modes {
    fn read(query: &mut Statement<'_>, of: impl Params) -> rusqlite::Result<Self> {
        let rows = query.query_map(of, |row| {
            let name = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((name, Added { src: row.get(5)?, reqid: row.get(6)?, time: row.get(7)? }))
        })?;
        // A row that makes no sense is of no SA.
        Ok(Self(rows.flatten().collect()))
    }

    /// An SA of the SAD with the mode that was requested for it.
    pub(crate) fn requested(&self, mut entry: SaEntry) -> SaEntry {
        if !self.0.is_empty() && self.has(&entry) {
            entry.sa.mode = SaMode::Any { installed: entry.sa.mode.installed() };
        }
        entry
    }

    fn has(&self, entry: &SaEntry) -> bool {
        let sa = &entry.sa;
        self.0.get(&key(&sa.id())).is_some_and(|added| {
            let since = entry.current.add_time.cast_signed().abs_diff(added.time);
            since <= CLOCK_SLACK
                && added.reqid == sa.reqid.map_or(0, ReqId::number)
                && added.src == sa.ends.src().to_string()
        })
    }
}

fn key(id: &SaId) -> Name {
    (id.dst.to_string(), id.proto.number(), id.spi.0, id.mark.value, id.mark.mask)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Proto, ReqId, SaState, Spi};

    use super::*;
    use crate::Namespace;

    #[test]
    fn a_record_lives_as_long_as_its_sa() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::of(&Namespace::within(root.path()));
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa { reqid: ReqId::new(7), ..Sa::bare(ends, Proto::Esp, Spi(4096)) };
        let current = Current { add_time: 1000, ..Current::default() };
        let mut entry = SaEntry::new(sa.clone(), SaState::Mature, current);
        assert_eq!(store.requested_mode(entry.clone()), entry);
        store.record_mode_any(&sa, 1001).unwrap();
        // Another process sees it.
        let mut other = Store::of(&Namespace::within(root.path()));
        let requested = other.requested_mode(entry.clone());
        assert_eq!(requested.sa.mode, SaMode::ANY);
        assert_eq!(other.modes().requested(entry.clone()), requested);
        // The SA was deleted, and another one of the same name added.
        entry.current.add_time = 2000;
        assert_eq!(other.requested_mode(entry.clone()), entry);
        assert_eq!(other.modes().requested(entry.clone()), entry);
    }
}
