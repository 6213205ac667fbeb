use model::{ReqId, Sa, SaEntry, SaId, SaMode};
use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::Error;

/// How far the kernel's clock may be from ours when it stamps a new SA, in seconds.
const CLOCK_SLACK: i64 = 2;

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
    pub fn requested_mode(&mut self, mut entry: SaEntry) -> SaEntry {
        if self.has_mode_any(&entry) {
            entry.sa.mode = SaMode::Any { installed: entry.sa.mode.installed() };
        }
        entry
    }

    /// Whether the mode of an SA of the SAD was not given. A record of another SA that had this
    /// name before is dropped.
    fn has_mode_any(&mut self, entry: &SaEntry) -> bool {
        let id = entry.sa.id();
        let src = entry.sa.ends.src().to_string();
        let reqid = entry.sa.reqid.map_or(0, ReqId::number);
        let added = entry.current.add_time.cast_signed();
        let is_same = self.database.read(|records| {
            let same: Option<bool> = records
                .prepare_cached(
                    "SELECT src = ? AND reqid = ? AND abs(added - ?) <= ? FROM any_mode
                     WHERE (dst, proto, spi, mark, mask) = (?, ?, ?, ?, ?)",
                )?
                .query_row(
                    params![
                        src,
                        reqid,
                        added,
                        CLOCK_SLACK,
                        id.dst.to_string(),
                        id.proto.number(),
                        id.spi.0,
                        id.mark.value,
                        id.mark.mask,
                    ],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(same)
        });
        if is_same.flatten() == Some(false) {
            // It does not count, also where it cannot be dropped.
            let _ = self.database.write(|records| {
                records.execute(
                    "DELETE FROM any_mode WHERE (dst, proto, spi, mark, mask) = (?, ?, ?, ?, ?)",
                    key(&id),
                )
            });
        }
        is_same.flatten() == Some(true)
    }
}

fn key(id: &SaId) -> (String, u8, u32, u32, u32) {
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
        assert!(!store.has_mode_any(&entry));
        store.record_mode_any(&sa, 1001).unwrap();
        // Another process sees it.
        let mut other = Store::of(&Namespace::within(root.path()));
        let requested = other.requested_mode(entry.clone());
        assert_eq!(requested.sa.mode, SaMode::ANY);
        // The SA was deleted, and another one of the same name added.
        entry.current.add_time = 2000;
        assert_eq!(other.requested_mode(entry.clone()), entry);
        entry.current.add_time = 1000;
        assert!(!store.has_mode_any(&entry));
    }
}
