//! What ipsec-tools has no words for, of the templates of partial policies, and the flag `localok`: a row for
//! each value that is not the initial one.

use std::collections::HashMap;

use model::{Share, Spi, Template, TemplateDetails};
use rusqlite::{Connection, Row, Transaction, params, params_from_iter, types::Value};

use super::record::Record;

const LOCAL_OK: &str = "localok";
const SPI: &str = "spi";
const SHARE: &str = "share";
const CRYPT: &str = "crypt";
const AUTH: &str = "auth";
const COMP: &str = "comp";

/// Keeps the details of a record instead of those that are kept.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    index: u32,
    templates: &[Template],
    is_local_ok: bool,
) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM detail WHERE policy = ?")?.execute([index])?;
    let mut insert = transaction.prepare_cached("INSERT INTO detail VALUES (?, ?, ?, ?)")?;
    if is_local_ok {
        insert.execute(params![index, 0, LOCAL_OK, 1])?;
    }
    for (place, Template { details, .. }) in templates.iter().enumerate() {
        let initial = TemplateDetails::default().algorithms;
        let TemplateDetails { spi, algorithms, share, .. } = details;
        let mask = |mask: u32, initial: u32| (mask != initial).then_some(mask);
        for (name, value) in [
            (SPI, spi.map(|spi| spi.0)),
            (SHARE, share.map(|share| share.0.into())),
            (CRYPT, mask(algorithms.crypt, initial.crypt)),
            (AUTH, mask(algorithms.auth, initial.auth)),
            (COMP, mask(algorithms.comp, initial.comp)),
        ] {
            if let Some(value) = value {
                insert.execute(params![index, place, name, value])?;
            }
        }
    }
    Ok(())
}

/// Completes the record of one policy, or all. One whose details make no sense becomes `None`.
pub(super) fn complete(
    connection: &Connection,
    of: Option<u32>,
    records: &mut HashMap<u32, Option<Record>>,
) -> rusqlite::Result<()> {
    let condition = if of.is_some() { " WHERE policy = ?" } else { "" };
    let query = format!("SELECT policy, place, name, value FROM detail{condition}");
    let mut details = match connection.prepare_cached(&query) {
        // A file of an earlier version.
        Err(_) if !is_there(connection)? => return Ok(()),
        prepared => prepared?,
    };
    let mut rows = details.query(params_from_iter(of))?;
    while let Some(row) = rows.next()? {
        let Ok(index) = row.get::<_, u32>("policy") else { continue };
        let Some(record) = records.get_mut(&index) else { continue };
        if record.as_mut().and_then(|record| complete_by(record, row)).is_none() {
            *record = None;
        }
    }
    Ok(())
}

/// Completes a record by a row; `None` if it makes no sense.
fn complete_by(record: &mut Record, row: &Row<'_>) -> Option<()> {
    let name: String = row.get("name").ok()?;
    set(record, row.get("place").ok()?, &name, row.get("value").ok()?)
}

/// Sets one detail; `None` if it makes no sense.
fn set(record: &mut Record, place: usize, name: &str, value: u32) -> Option<()> {
    if name == LOCAL_OK {
        record.is_local_ok = true;
        return Some(());
    }
    let details = &mut record.templates.get_mut(place)?.details;
    match name {
        SPI => details.spi = Some(Spi(value)),
        SHARE => details.share = Some(Share(value.try_into().ok()?)),
        CRYPT => details.algorithms.crypt = value,
        AUTH => details.algorithms.auth = value,
        COMP => details.algorithms.comp = value,
        _ => return None,
    }
    Some(())
}

/// Drops the details of a policy.
pub(super) fn delete(transaction: &Transaction<'_>, policy: &Value) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM detail WHERE policy IS ?", [policy]).map(drop)
}

fn is_there(records: &Connection) -> rusqlite::Result<bool> {
    records.prepare_cached("SELECT 1 FROM sqlite_master WHERE name = 'detail'")?.exists([])
}
