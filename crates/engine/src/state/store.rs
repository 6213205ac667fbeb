//! What the kernel cannot have, kept beside it. The kernel is the database: a record counts only
//! while the SA or policy is there that it speaks of.

mod details;
mod modes_not_given;
mod record;
mod requested;

pub(crate) use record::Record;

use crate::{
    Error, Namespace,
    state::database::{StoreFile, StoreSchema},
};

/// The records of one network namespace: which SAs were added without a mode, and what was requested of
/// policies some of whose templates the kernel cannot have just now.
pub struct Store {
    database: StoreFile,
    /// The index that is chosen next, but for its low three bits.
    next_index: Option<u32>,
}

impl Store {
    pub fn of(namespace: &Namespace) -> Self {
        // Names are of the format: a daemon of an earlier version that has the file open takes others for damage.
        let tables = StoreSchema {
            file: "store.sqlite",
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
            later: concat!(
                "CREATE TABLE IF NOT EXISTS detail (",
                "    policy INTEGER, place INTEGER, name TEXT, value INTEGER",
                ");",
                "CREATE INDEX IF NOT EXISTS detail_policy ON detail (policy);",
            ),
            check: concat!(
                "SELECT any_mode.dst, any_mode.proto, spi, mark, mask, any_mode.src, any_mode.reqid,",
                "    added, policy, place, request.proto, mode, request.src, request.dst, level,",
                "    request.reqid, tunnels FROM any_mode, request, follows",
            ),
        };
        Self { database: StoreFile::new(namespace.clone(), tables), next_index: None }
    }

    /// Reports a record that is not kept, once.
    pub fn warn(&self, error: &Error) {
        self.database.warn(&error.to_string());
    }

    /// Makes sure that records can be kept, but for want of room.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn prepare(&mut self) -> Result<(), Error> {
        self.database.prepare()
    }
}
