//! One SQLite file of a network namespace. It is a help, never a precondition: a reader of a file that
//! cannot be used finds nothing, and a damaged one is moved aside and made again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::files::{self, FileId};
use crate::{Error, Namespace};
use rusqlite::{
    Connection, Error::SqliteFailure, MAIN_DB, OpenFlags, OptionalExtension, Transaction,
    TransactionBehavior, config::DbConfig, ffi,
};
use sys::owner::{ActingAsOwner, act_as_owner_of};

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a file that could not be used is not tried again, and one that is open not looked for.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest file, in bytes: what is in it is in memory at times.
const MOST: u64 = 256 << 20;

/// `PRAGMA user_version` of the files that this version writes. Those of 0 are of an earlier version,
/// with the same tables.
const FORMAT: i32 = 1;

/// A file that is opened when it is first needed, and made when there is first something to keep. The
/// records of a namespace that had the same number before are dropped.
pub struct StoreFile {
    namespace: Namespace,
    path: PathBuf,
    tables: StoreSchema,
    state: State,
}

/// What makes one file unlike another.
pub struct StoreSchema {
    /// Its name.
    pub file: &'static str,
    /// The statements that make its tables.
    pub schema: &'static str,
    /// The statements that make those tables which a file of an earlier version may lack, where they are not
    /// there: a writer makes them, and a reader can miss them.
    pub later: &'static str,
    /// A query that a file with other tables or columns refuses.
    pub check: &'static str,
}

enum State {
    Closed,
    Open { connection: Connection, file: FileId, looked: Instant },
    Unusable { since: Instant },
}

impl StoreFile {
    pub fn new(namespace: Namespace, tables: StoreSchema) -> Self {
        let path = namespace.directory().join(tables.file);
        Self { namespace, path, tables, state: State::Closed }
    }

    /// Reads; `None` if nothing is kept, or if the file cannot be used, which is reported once.
    pub fn read<T>(&mut self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        if matches!(self.state, State::Unusable { since } if since.elapsed() < PAUSE) {
            return None;
        }
        let owner = self.act_as_owner().inspect_err(|error| files::warn_once(&self.path, error));
        let Ok(_owner) = owner else { return None };
        let read = match self.connection(PAUSE) {
            Ok(connection) => connection.map(query).transpose(),
            Err(error) => Err(error),
        };
        read.unwrap_or_else(|error| {
            if is_damage(&error) {
                self.move_aside(&error);
            } else {
                files::warn_once(&self.path, &error);
                self.state = State::Unusable { since: Instant::now() };
            }
            None
        })
    }

    /// Reports a row that is passed over.
    pub fn warn(&self, reason: &str) {
        files::warn_once(&self.path, &reason);
    }

    /// Makes changes, all or none. A damaged file is made again first.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn write<T>(
        &mut self,
        change: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.prepare()?;
        let _owner = self.act_as_owner()?;
        let written = match self.try_write(&change) {
            Err(error) if is_damage(&error) && self.move_aside(&error) => {
                self.prepare()?;
                self.try_write(&change)
            }
            written => written,
        };
        written.map_err(|source| Error::Store { path: self.path.clone(), source })
    }

    /// Makes the file, if it is not there, so that the next write fails only for want of room.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn prepare(&mut self) -> Result<(), Error> {
        let owner = self.act_as_owner()?;
        // The file system may have become writable since it was opened.
        if matches!(&self.state, State::Open { connection, .. } if is_read_only(connection)) {
            self.state = State::Closed;
        }
        let is_open = self.connection(Duration::ZERO).and_then(|connection| match connection {
            Some(connection) if is_read_only(connection) => Err(read_only()),
            connection => Ok(connection.is_some()),
        });
        let is_open = match is_open {
            Err(error) if is_damage(&error) && self.move_aside(&error) => Ok(false),
            is_open => is_open,
        };
        let failed = |source| Error::Store { path: self.path.clone(), source };
        if !is_open.map_err(failed)? {
            drop(owner);
            self.namespace.make()?;
            let _owner = self.act_as_owner()?;
            let made = files::make_private(&self.path);
            made.map_err(|source| Error::run(&self.path, source))?;
            let connection = self.make().map_err(failed)?;
            self.opened(connection);
        }
        Ok(())
    }

    /// The files belong to the daemon's user, who may have written anything there: SQLite removes a file
    /// that a journal names as one of several databases.
    fn act_as_owner(&self) -> Result<Option<ActingAsOwner>, Error> {
        act_as_owner_of(self.namespace.directory()).map_err(|source| Error::run(&self.path, source))
    }

    fn try_write<T>(
        &mut self,
        change: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let State::Open { connection, .. } = &mut self.state else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        let transaction = connection.transaction()?;
        transaction.execute_batch(self.tables.later)?;
        let written = change(&transaction)?;
        transaction.commit()?;
        Ok(written)
    }

    /// The connection to the file, which may have been replaced if it was not looked for since
    /// `interval`; `None` if there is none, or one of a former namespace.
    fn connection(&mut self, interval: Duration) -> rusqlite::Result<Option<&Connection>> {
        if let State::Open { file, looked, .. } = &mut self.state
            && looked.elapsed() >= interval
        {
            if FileId::of(&self.path).ok() == Some(*file) {
                *looked = Instant::now();
            } else {
                self.state = State::Closed;
            }
        }
        if !matches!(self.state, State::Open { .. }) {
            self.state = State::Closed;
            let is_there = self.path.try_exists().map_err(|error| unreadable(&error))?;
            if is_there {
                refuse_longer(&self.path)?;
                let connection = self.open()?;
                if is_of(&connection, &self.namespace)? {
                    self.accept(&connection)?;
                    self.opened(connection);
                }
            }
        }
        Ok(match &self.state {
            State::Open { connection, .. } => Some(connection),
            State::Closed | State::Unusable { .. } => None,
        })
    }

    fn opened(&mut self, connection: Connection) {
        if let Ok(file) = FileId::of(&self.path) {
            self.state = State::Open { connection, file, looked: Instant::now() };
        }
    }

    /// Refuses a file of another format as damaged.
    fn accept(&self, connection: &Connection) -> rusqlite::Result<()> {
        match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
            FORMAT => Ok(()),
            0 => connection.prepare(self.tables.check).map(drop),
            other => {
                let reason = format!("format {other}, not {FORMAT}");
                Err(SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(reason)))
            }
        }
    }

    /// Makes the tables, also in a file of a former namespace.
    fn make(&self) -> rusqlite::Result<Connection> {
        let mut connection = self.open()?;
        let transaction = connection.transaction()?;
        if !is_of(&transaction, &self.namespace)? {
            let tables: Vec<String> = transaction
                .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for table in tables {
                // The file belongs to the daemon's user, so a name may be anything.
                transaction
                    .execute(&format!("DROP TABLE \"{}\"", table.replace('"', "\"\"")), [])?;
            }
            transaction.execute_batch("CREATE TABLE namespace (cookie INTEGER)")?;
            transaction.execute_batch(self.tables.schema)?;
            transaction.execute_batch(self.tables.later)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            let cookie = self.namespace.cookie.cast_signed();
            transaction.execute("INSERT INTO namespace VALUES (?)", [cookie])?;
        }
        transaction.commit()?;
        Ok(connection)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        // SQLite's own flag would make it readable for all; its journal has the mode of the file.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        // Root reads what the daemon's user may have written: the schema of the file runs no code.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.busy_timeout(PATIENCE)?;
        // SQLite returns SQLITE_BUSY at once to a reader that then has to write.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        // In `/run` nothing survives a crash of the machine anyway.
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(connection)
    }

    /// Makes room for another file. Returns whether there is.
    fn move_aside(&mut self, reason: &rusqlite::Error) -> bool {
        let damaged = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open { file, .. } => Ok(file),
            State::Closed | State::Unusable { .. } => FileId::of(&self.path),
        };
        let is_free = damaged.is_ok_and(|file| files::move_aside(&self.path, file, reason));
        if is_free {
            // SQLite would take the journal for the new file's.
            let _ = sys::replaced::remove(&self.path.with_extension("sqlite-journal"));
        } else {
            self.state = State::Unusable { since: Instant::now() };
        }
        is_free
    }
}

fn is_read_only(connection: &Connection) -> bool {
    connection.is_readonly(MAIN_DB).unwrap_or(true)
}

fn read_only() -> rusqlite::Error {
    let reason = "the file system is read-only".to_owned();
    SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), Some(reason))
}

/// Refuses a file that is longer than any of this program, as damaged.
fn refuse_longer(path: &Path) -> rusqlite::Result<()> {
    if fs::metadata(path).is_ok_and(|file| file.len() > MOST) {
        let reason = format!("it has more than {} MiB", MOST >> 20);
        return Err(SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(reason)));
    }
    Ok(())
}

fn unreadable(error: &std::io::Error) -> rusqlite::Error {
    SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(error.to_string()))
}

/// Whether a file is no database, or one with other tables.
fn is_damage(error: &rusqlite::Error) -> bool {
    const DAMAGE: [i32; 3] = [ffi::SQLITE_NOTADB, ffi::SQLITE_CORRUPT, ffi::SQLITE_ERROR];
    match error {
        rusqlite::Error::SqlInputError { error, .. } | SqliteFailure(error, _) => {
            DAMAGE.contains(&(error.extended_code & 0xff))
        }
        _ => false,
    }
}

/// Whether a file speaks of this namespace, not of a former one of the same number.
fn is_of(connection: &Connection, namespace: &Namespace) -> rusqlite::Result<bool> {
    let made = "SELECT 1 FROM sqlite_master WHERE name = 'namespace' AND type = 'table'";
    if connection.query_row(made, [], |_| Ok(())).optional()?.is_none() {
        return Ok(false);
    }
    let query = "SELECT 1 FROM namespace WHERE cookie = ?";
    connection.prepare(query)?.exists([namespace.cookie.cast_signed()])
}

#[cfg(test)]
mod tests;
