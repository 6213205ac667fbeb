use std::collections::HashMap;

use model::{
    Action, AddressPair, Direction, LevelKind, Mode, PolicyFlags, Proto, ReqId, Template,
    TemplateMode,
};
use rusqlite::{Connection, Row, Transaction, params, params_from_iter, types::Value};

use super::{Store, details, record::Record};
use crate::Error;
use crate::policy::entry::{Installed, Requested};

/// Records by the index of their policy; `None` if one makes no sense.
#[derive(Debug, Default)]
pub(crate) struct Records(HashMap<u32, Option<Record>>);

impl Records {
    /// Reads the record of one policy, or all.
    fn read(records: &Connection, of: Option<u32>) -> rusqlite::Result<Self> {
        let mut read = HashMap::new();
        let query = "SELECT proto, mode, src, dst, level, reqid, policy FROM request";
        let mut templates = match of {
            None => records.prepare_cached(&format!("{query} ORDER BY policy, place"))?,
            Some(_) => {
                records.prepare_cached(&format!("{query} WHERE policy = ? ORDER BY place"))?
            }
        };
        let mut rows = templates.query(params_from_iter(of))?;
        while let Some(row) = rows.next()? {
            // No policy has an index that is none.
            let Ok(index) = row.get("policy") else { continue };
            let record =
                read.entry(index).or_insert_with(|| Some(Record::without_templates(index)));
            match (record.as_mut(), template(row).ok().flatten()) {
                (Some(record), Some(template)) => record.templates.push(template),
                (_, None) => *record = None,
                (None, _) => {}
            }
        }
        details::complete(records, of, &mut read)?;
        Ok(Self(read))
    }

    /// A policy of the SPD with everything that was requested of it.
    pub(crate) fn requested(&mut self, installed: Installed) -> Requested {
        let Installed(mut entry) = installed;
        let installed = entry.policy.action.templates();
        let is_partial = entry.policy.flags.contains(PolicyFlags::LOCAL_OK);
        match self.0.remove(&entry.index).flatten() {
            Some(Record { templates, is_local_ok, .. })
                if is_partial
                    && templates.len() > installed.len()
                    && is_part(installed, &templates) =>
            {
                entry.policy.action = Action::Ipsec(templates);
                entry.installation.is_partial = true;
                if !is_local_ok {
                    entry.policy.flags = entry.policy.flags.without(PolicyFlags::LOCAL_OK);
                }
            }
            _ => {}
        }
        Requested(entry)
    }
}

/// What was requested of policies some of whose templates the kernel does not have. A record counts only
/// while the policy of its index is there, flagged `localok`, with a part of the templates: another program's
/// policy may have the flag.
impl Store {
    /// An index for a policy to come: a number that the kernel, which counts from 1, will not reach,
    /// and that no record has.
    pub fn choose_index(&mut self, direction: Direction) -> u32 {
        const HIGH: u32 = 1 << 31;
        loop {
            // They follow one another: of a few thousand drawn by lot two would soon be the same.
            let next = self.next_index.unwrap_or_else(|| fastrand::u32(..));
            self.next_index = Some(next.wrapping_add(8));
            let index = (next & !7) | HIGH | u32::from(direction.xfrm());
            if !self.has_record(index) {
                return index;
            }
        }
    }

    fn has_record(&mut self, index: u32) -> bool {
        let query = "SELECT 1 FROM request WHERE policy = ?";
        self.database.read(|records| records.prepare_cached(query)?.exists([index])) == Some(true)
    }

    /// Keeps all these records, or none.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub(crate) fn keep(&mut self, records: &[Record]) -> Result<(), Error> {
        self.database
            .write(|transaction| records.iter().try_for_each(|record| insert(transaction, record)))
    }

    /// A policy of the SPD with everything that was requested of it.
    pub(crate) fn requested(&mut self, installed: Installed) -> Requested {
        if !installed.policy.flags.contains(PolicyFlags::LOCAL_OK) {
            return Requested(installed.0);
        }
        self.read(Some(installed.index)).requested(installed)
    }

    /// All records, for a reader of the whole SPD: the file is read once, not for each policy. One that does not keep
    /// out those who change them reads the SPD first.
    pub(crate) fn records(&mut self) -> Records {
        self.read(None)
    }

    /// Reads the record of one policy, or all.
    fn read(&mut self, of: Option<u32>) -> Records {
        let read = self.database.read(|records| {
            // The file is locked once for both queries.
            Records::read(&*records.unchecked_transaction()?, of)
        });
        let Records(mut records) = read.unwrap_or_default();
        records.retain(|index, record| {
            if record.is_none() {
                self.database.warn(&format!("the record of policy {index} makes no sense"));
            }
            record.is_some()
        });
        Records(records)
    }

    /// Forgets what was requested of policies that are not among these.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn keep_only(&mut self, is_there: impl Fn(u32) -> bool) -> Result<(), Error> {
        let kept = self.database.read(|records| {
            records
                .prepare("SELECT DISTINCT policy FROM request")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<Vec<Value>, _>>()
        });
        let is_there = |policy: &Value| match policy {
            Value::Integer(index) => u32::try_from(*index).is_ok_and(&is_there),
            _ => false,
        };
        let gone: Vec<Value> =
            kept.into_iter().flatten().filter(|policy| !is_there(policy)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.database.write(|transaction| {
            let mut delete = transaction.prepare("DELETE FROM request WHERE policy IS ?")?;
            for policy in &gone {
                delete.execute([policy])?;
                details::delete(transaction, policy)?;
            }
            Ok(())
        })
    }

    /// Whether there may be policies whose templates come and go with SAs.
    pub fn has_optional_tunnels(&mut self) -> bool {
        let query = "SELECT 1 FROM follows WHERE tunnels";
        self.database.read(|records| records.prepare_cached(query)?.exists([])) == Some(true)
    }

    /// Notes whether there are policies whose templates come and go with SAs.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn set_has_optional_tunnels(&mut self, has_optional_tunnels: bool) -> Result<(), Error> {
        if self.has_optional_tunnels() == has_optional_tunnels {
            return Ok(());
        }
        self.database.write(|transaction| {
            transaction.execute("DELETE FROM follows", [])?;
            transaction.execute("INSERT INTO follows VALUES (?)", [has_optional_tunnels])?;
            Ok(())
        })
    }
}

fn insert(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    let Record { index, templates, is_local_ok } = record;
    transaction.prepare_cached("DELETE FROM request WHERE policy = ?")?.execute([index])?;
    details::replace(transaction, *index, templates, *is_local_ok)?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
    for (place, template) in templates.iter().enumerate() {
        let ends = template.mode.endpoints();
        let end =
            |side: fn(AddressPair) -> std::net::IpAddr| ends.map(|ends| side(ends).to_string());
        let level = template.level.kind().pfkey_number();
        let reqid = template.reqid().map_or(0, ReqId::number);
        insert.execute(params![
            index,
            place,
            template.proto.number(),
            template.mode.mode().xfrm(),
            end(AddressPair::src),
            end(AddressPair::dst),
            level,
            reqid,
        ])?;
    }
    Ok(())
}

/// Whether the kernel's templates are some of those requested, in their order.
fn is_part(installed: &[Template], requested: &[Template]) -> bool {
    let mut requested = requested.iter();
    installed.iter().all(|template| requested.any(|other| other == template))
}

/// Reads a row; `None`, or an error, if it makes no sense.
fn template(row: &Row<'_>) -> rusqlite::Result<Option<Template>> {
    let (proto, mode): (u8, u8) = (row.get(0)?, row.get(1)?);
    let (src, dst): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
    let (level, reqid): (u8, u32) = (row.get(4)?, row.get(5)?);
    let ends = src
        .zip(dst)
        .and_then(|(src, dst)| AddressPair::new(src.parse().ok()?, dst.parse().ok()?).ok());
    let level = LevelKind::from_pfkey(level).map(|kind| kind.with(ReqId::new(reqid)));
    let mode = Mode::from_xfrm(mode);
    Ok(Proto::from_number(proto).zip(mode).zip(level).and_then(|((proto, mode), level)| {
        let mode = match mode {
            Mode::Transport if ends.is_none() => TemplateMode::Transport,
            Mode::Tunnel => TemplateMode::Tunnel(ends?),
            Mode::Beet => TemplateMode::Beet(ends?),
            other => TemplateMode::Other(other, ends),
        };
        let mut template = Template::new(proto, mode, level);
        template.details.reqid = ReqId::new(reqid).filter(|_| level.reqid().is_none());
        Some(template)
    }))
}

#[cfg(test)]
mod tests;
