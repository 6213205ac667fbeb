//! What the kernel cannot have, kept beside it. The kernel is the database: a record counts only
//! while the SA or policy is there that it speaks of.

mod requested;
mod sa_modes;

pub(crate) use requested::Record;

use crate::{
    Namespace,
    state::database::{Database, Tables},
};

/// The records of one network namespace: which SAs were added without a mode, and what was requested of
/// policies some of whose templates the kernel cannot have just now.
pub struct Store {
    database: Database,
    /// The index that is chosen next, but for its low three bits.
    next_index: Option<u32>,
}

impl Store {
    pub fn of(namespace: &Namespace) -> Self {
        let tables = Tables {
            file: "store.sqlite",
            mode: 0o600,
            schema: concat!(
                "CREATE TABLE any_mode (",
                "    dst TEXT, proto INTEGER, spi INTEGER, mark INTEGER, mask INTEGER,",
                "    src TEXT, reqid INTEGER, added INTEGER,",
                "    PRIMARY KEY (dst, proto, spi, mark, mask)",
                ");",
                "CREATE TABLE request (",
                "    policy INTEGER, place INTEGER, proto INTEGER, mode INTEGER,",
                "    src TEXT, dst TEXT, level INTEGER, reqid INTEGER,",
                "    PRIMARY KEY (policy, place)",
                ") WITHOUT ROWID;",
                "CREATE TABLE follows (tunnels INTEGER);",
            ),
        };
        Self { database: Database::new(namespace.clone(), tables), next_index: None }
    }

    /// Whether there may be any record.
    pub fn is_empty(&mut self) -> rusqlite::Result<bool> {
        Ok(self.database.for_reading()?.is_none())
    }
}
