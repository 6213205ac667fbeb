use model::{ReqId, Sa, SaEntry, SaId, SaMode};
use rusqlite::{OptionalExtension, params};

use super::Store;

/// How far the kernel's clock may be from ours when it stamps a new SA, in seconds.
const CLOCK_SLACK: u64 = 2;

/// The SAs whose mode was not given (BSD dialects). A record counts only while an SA of the same
/// name, source and number, added at the same time, is there.
impl Store {
    /// Records that the mode of an SA, added at `now` (Unix seconds), was not given.
    pub fn record_mode_any(&mut self, sa: &Sa, now: u64) -> rusqlite::Result<()> {
        let id = sa.id();
        self.database.for_writing()?.execute(
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
    }

    /// An SA of the SAD with the mode that was requested it.
    pub fn requested_mode(&mut self, mut entry: SaEntry) -> rusqlite::Result<SaEntry> {
        if self.has_mode_any(&entry)? {
            entry.sa.mode = SaMode::Any { installed: entry.sa.mode.installed() };
        }
        Ok(entry)
    }

    /// Whether the mode of an SA of the SAD was not given. A record of another SA that had this
    /// name before is dropped.
    fn has_mode_any(&mut self, entry: &SaEntry) -> rusqlite::Result<bool> {
        let Some(database) = self.database.for_reading()? else { return Ok(false) };
        let id = entry.sa.id();
        let record: Option<(String, u32, i64)> = database
            .query_row(
                "SELECT src, reqid, added FROM any_mode WHERE (dst, proto, spi, mark, mask) = (?, ?, ?, ?, ?)",
                key(&id),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((src, reqid, added)) = record else { return Ok(false) };
        let same = src == entry.sa.ends.src().to_string()
            && ReqId::new(reqid) == entry.sa.reqid
            && added.cast_unsigned().abs_diff(entry.current.add_time) <= CLOCK_SLACK;
        if !same {
            database.execute(
                "DELETE FROM any_mode WHERE (dst, proto, spi, mark, mask) = (?, ?, ?, ?, ?)",
                key(&id),
            )?;
        }
        Ok(same)
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
        let mut entry = SaEntry { sa: sa.clone(), state: SaState::Mature, current };
        assert!(!store.has_mode_any(&entry).unwrap());
        store.record_mode_any(&sa, 1001).unwrap();
        // Another process sees it.
        let mut other = Store::of(&Namespace::within(root.path()));
        let requested = other.requested_mode(entry.clone()).unwrap();
        assert_eq!(requested.sa.mode, SaMode::ANY);
        // The SA was deleted, and another one of the same name added.
        entry.current.add_time = 2000;
        assert_eq!(other.requested_mode(entry.clone()).unwrap(), entry);
        entry.current.add_time = 1000;
        assert!(!store.has_mode_any(&entry).unwrap());
    }
}
