use model::{Sa, SaEntry, SaId};
use rusqlite::{OptionalExtension, params};

use super::Store;

/// How far the kernel's clock may be from ours when it stamps a new SA, in seconds.
const CLOCK_SLACK: u64 = 2;

/// The SAs that were added without a mode (BSD dialects). A record counts only while an SA of the
/// same name, source and number, added at the same time, is there.
impl Store {
    /// Notes that an SA, just added at `now` (Unix seconds), has no mode of its own.
    pub fn note_any_mode(&mut self, sa: &Sa, now: u64) -> rusqlite::Result<()> {
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
                sa.reqid.0,
                now.cast_signed(),
            ],
        )?;
        Ok(())
    }

    /// Whether an SA of the SAD was added without a mode. A record of another SA that had this
    /// name before is dropped.
    pub fn has_any_mode(&mut self, entry: &SaEntry) -> rusqlite::Result<bool> {
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
            && reqid == entry.sa.reqid.0
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
        let sa = Sa { reqid: ReqId(7), ..Sa::bare(ends, Proto::Esp, Spi(4096)) };
        let current = Current { add_time: 1000, ..Current::default() };
        let mut entry = SaEntry { sa: sa.clone(), state: SaState::Mature, current };
        assert!(!store.has_any_mode(&entry).unwrap());
        store.note_any_mode(&sa, 1001).unwrap();
        // Another process sees it.
        let mut other = Store::of(&Namespace::within(root.path()));
        assert!(other.has_any_mode(&entry).unwrap());
        // Somebody deleted the SA and added another one of the same name.
        entry.current.add_time = 2000;
        assert!(!other.has_any_mode(&entry).unwrap());
        entry.current.add_time = 1000;
        assert!(!store.has_any_mode(&entry).unwrap());
    }
}
