use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::Namespace;

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// One SQLite file of a network namespace, opened when it is first needed, made when there is first
/// something to keep. The records of a namespace that had the same number before are dropped.
pub struct Database {
    namespace: Namespace,
    path: PathBuf,
    tables: Tables,
    connection: Option<Connection>,
}

/// What makes one file unlike another.
pub struct Tables {
    /// Its name.
    pub file: &'static str,
    /// Its permissions.
    pub mode: u32,
    /// The statements that make its tables.
    pub schema: &'static str,
}

impl Database {
    pub fn new(namespace: Namespace, tables: Tables) -> Self {
        let path = namespace.directory().join(tables.file);
        Self { namespace, path, tables, connection: None }
    }

    /// The file to read from; `None` if nothing was ever kept.
    pub fn for_reading(&mut self) -> rusqlite::Result<Option<&Connection>> {
        if self.connection.is_none() {
            if !self.path.exists() {
                return Ok(None);
            }
            let connection = self.open(OpenFlags::empty())?;
            if !is_of(&connection, &self.namespace)? {
                return Ok(None);
            }
            self.connection = Some(connection);
        }
        Ok(self.connection.as_ref())
    }

    /// The file to write to.
    pub fn for_writing(&mut self) -> rusqlite::Result<&mut Connection> {
        if self.for_reading()?.is_none() {
            self.connection = Some(self.make()?);
        }
        self.connection.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Makes the file, or makes one of a former namespace this one's.
    fn make(&self) -> rusqlite::Result<Connection> {
        let other = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
        self.namespace.make().map_err(other)?;
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_CREATE)?;
        let permissions = std::fs::Permissions::from_mode(self.tables.mode);
        std::fs::set_permissions(&self.path, permissions).map_err(other)?;
        let transaction = connection.transaction()?;
        if !is_of(&transaction, &self.namespace)? {
            let tables: Vec<String> = transaction
                .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for table in tables {
                transaction.execute_batch(&format!("DROP TABLE {table}"))?;
            }
            transaction.execute_batch("CREATE TABLE namespace (cookie INTEGER)")?;
            transaction.execute_batch(self.tables.schema)?;
            let cookie = self.namespace.cookie.cast_signed();
            transaction.execute("INSERT INTO namespace VALUES (?)", [cookie])?;
        }
        transaction.commit()?;
        Ok(connection)
    }

    fn open(&self, creating: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | creating;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        // SQLite returns SQLITE_BUSY at once to a reader that then has to write.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        // In `/run` nothing survives a crash of the machine anyway.
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(connection)
    }
}

/// Whether a file speaks of this namespace, not of a former one of the same number.
fn is_of(connection: &Connection, namespace: &Namespace) -> rusqlite::Result<bool> {
    let made = "SELECT 1 FROM sqlite_master WHERE name = 'namespace'";
    if connection.query_row(made, [], |_| Ok(())).optional()?.is_none() {
        return Ok(false);
    }
    let cookie: Option<i64> =
        connection.query_row("SELECT cookie FROM namespace", [], |row| row.get(0)).optional()?;
    Ok(cookie == Some(namespace.cookie.cast_signed()))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn many_write_at_once() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let add_one = |_| {
            let namespace = namespace.clone();
            thread::spawn(move || {
                let schema = "CREATE TABLE number (value INTEGER); INSERT INTO number VALUES (0)";
                let tables = Tables { file: "numbers.sqlite", mode: 0o600, schema };
                let mut database = Database::new(namespace, tables);
                for _ in 0..50 {
                    let transaction = database.for_writing()?.transaction()?;
                    let read = "SELECT value FROM number";
                    let value: i64 = transaction.query_row(read, [], |row| row.get(0))?;
                    transaction.execute("UPDATE number SET value = ?", [value + 1])?;
                    transaction.commit()?;
                }
                let read = "SELECT value FROM number";
                database.for_writing()?.query_row(read, [], |row| row.get::<_, i64>(0))
            })
        };
        let threads: Vec<_> = (0..4).map(add_one).collect();
        let values = threads.into_iter().map(|thread| thread.join().unwrap().unwrap());
        assert_eq!(values.max(), Some(4 * 50));
    }
}
