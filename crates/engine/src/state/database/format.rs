use rusqlite::{Connection, Error::SqliteFailure, Transaction, ffi};

use super::StoreSchema;

/// `PRAGMA user_version` of the files that this version writes. Those of a smaller number are of an earlier version:
/// they have the same tables, some of them by another name ([`StoreSchema::renamed`]).
pub const FORMAT: i32 = 2;

/// Makes a file of an earlier format one of this, with its rows, and refuses one of any other as damaged.
pub fn accept(connection: &mut Connection, tables: &StoreSchema) -> rusqlite::Result<()> {
    if is_current(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    // Another program may have done it before this one had the lock.
    if is_current(&transaction)? {
        return Ok(());
    }
    for (columns, name) in tables.renamed {
        rename(&transaction, columns, name)?;
    }
    transaction.prepare(tables.check)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Whether a file has this format, and no earlier one.
fn is_current(connection: &Connection) -> rusqlite::Result<bool> {
    match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        FORMAT => Ok(true),
        0..FORMAT => Ok(false),
        other => {
            let reason = format!("format {other}, not {FORMAT}");
            Err(SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(reason)))
        }
    }
}

/// Renames the tables that have these columns, and no other: a second one is refused.
fn rename(transaction: &Transaction<'_>, columns: &str, name: &str) -> rusqlite::Result<()> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != ?1 \
        AND (SELECT group_concat(name, ', ') FROM pragma_table_info(sqlite_master.name)) = ?2";
    let former: Vec<String> = transaction
        .prepare(query)?
        .query_map([name, columns], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for former in former {
        // The file belongs to the daemon's user, so a name may be anything.
        let former = quoted(&former);
        transaction.execute(&format!("ALTER TABLE {former} RENAME TO {name}"), [])?;
    }
    Ok(())
}

/// A name as SQL has it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
