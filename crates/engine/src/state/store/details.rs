//! What ipsec-tools has no words for, of the templates of partial policies, and the flag `localok`: a row for
//! each value that is not the initial one.

use model::{Share, Spi, Template, TemplateDetails};
use rusqlite::{Connection, Transaction, params, types::Value};

use super::Record;

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
    transaction.execute("DELETE FROM detail WHERE policy = ?", [index])?;
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

/// Completes a record. Returns whether its details make sense.
pub(super) fn complete(records: &Connection, record: &mut Record) -> rusqlite::Result<bool> {
    let query = "SELECT place, name, value FROM detail WHERE policy = ?";
    let mut details = match records.prepare_cached(query) {
        // A file of an earlier version.
        Err(_) if !is_there(records)? => return Ok(true),
        prepared => prepared?,
    };
    let rows = details.query_map([record.index], |row| {
        let detail = || Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(detail().ok())
    })?;
    for row in rows {
        let row: Option<(usize, String, u32)> = row?;
        if row.and_then(|(place, name, value)| set(record, place, &name, value)).is_none() {
            return Ok(false);
        }
    }
    Ok(true)
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
