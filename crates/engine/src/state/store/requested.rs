use model::{
    Action, AddressPair, Direction, LevelKind, Mode, Policy, PolicyFlags, Proto, ReqId, Template,
    TemplateMode,
};
use rusqlite::{Connection, Row, Transaction, params, types::Value};

use super::{Store, details};
use crate::Error;
use crate::policy::entry::{Installed, Requested};

/// What was requested of a partial policy and the kernel does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The index that the policy has, or will have.
    pub(crate) index: u32,
    /// All templates, also those that are not installed now.
    pub(crate) templates: Vec<Template>,
    /// Whether the flag `localok`, which marks partial policies, was requested too.
    pub(crate) is_local_ok: bool,
}

impl Record {
    /// The record of a policy that will have this index.
    pub(crate) fn new(index: u32, requested: &Policy) -> Self {
        let templates = requested.action.templates().to_vec();
        Self { index, templates, is_local_ok: requested.flags.contains(PolicyFlags::LOCAL_OK) }
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
        self.database.write(|transaction| {
            transaction.execute_batch(details::TABLE)?;
            records.iter().try_for_each(|record| insert(transaction, record))
        })
    }

    /// A policy of the SPD with everything that was requested of it.
    pub(crate) fn requested(&mut self, installed: Installed) -> Requested {
        let Installed(mut entry) = installed;
        if !entry.policy.flags.contains(PolicyFlags::LOCAL_OK) {
            return Requested(entry);
        }
        let record = self.database.read(|records| {
            // The file is locked once for both queries.
            record(&*records.unchecked_transaction()?, entry.index)
        });
        let installed = entry.policy.action.templates();
        match record {
            Some(Some(Record { templates, is_local_ok, .. }))
                if templates.len() > installed.len() && is_part(installed, &templates) =>
            {
                entry.policy.action = Action::Ipsec(templates);
                entry.installation.is_partial = true;
                if !is_local_ok {
                    entry.policy.flags = entry.policy.flags.without(PolicyFlags::LOCAL_OK);
                }
            }
            Some(None) => {
                let reason = format!("the record of policy {} makes no sense", entry.index);
                self.database.warn(&reason);
            }
            _ => {}
        }
        Requested(entry)
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
            for policy in &gone {
                transaction.execute("DELETE FROM request WHERE policy IS ?", [policy])?;
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
    transaction.execute("DELETE FROM request WHERE policy = ?", [index])?;
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

/// Reads the record of a policy; `None` if it makes no sense.
fn record(records: &Connection, index: u32) -> rusqlite::Result<Option<Record>> {
    let templates = records
        .prepare_cached(
            "SELECT proto, mode, src, dst, level, reqid FROM request WHERE policy = ?
             ORDER BY place",
        )?
        .query_map([index], |row| Ok(template(row).ok().flatten()))?
        .collect::<Result<Option<Vec<_>>, _>>()?;
    let Some(templates) = templates else { return Ok(None) };
    let mut record = Record { index, templates, is_local_ok: false };
    Ok(details::complete(records, &mut record)?.then_some(record))
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
mod tests {
    use model::{
        AlgorithmMasks, Current, Installation, Level, PolicyEntry, PolicyId, Prefix, Selector,
        Share, Spi, TemplateDetails,
    };

    use super::*;
    use crate::Namespace;

    fn templates() -> Vec<Template> {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let esp = Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Use);
        let unique = Level::Unique(ReqId::new(70_000));
        vec![
            esp,
            Template::new(Proto::Ah, TemplateMode::Transport, unique),
            Template { level: Level::Default, ..esp },
        ]
    }

    fn of(index: u32, templates: &[Template]) -> Record {
        Record { index, templates: templates.to_vec(), is_local_ok: false }
    }

    fn installed(templates: &[Template], index: u32) -> Installed {
        let host = Prefix::host([192, 0, 2, 1].into());
        let policy = Policy::new(
            PolicyId::new(Selector::within(host), Direction::Out),
            Action::Ipsec(templates.to_vec()),
        );
        let policy = Policy { flags: PolicyFlags::LOCAL_OK, ..policy };
        let installation = Installation::plain(&policy);
        let current = Current::default();
        Installed(PolicyEntry { policy, installation, index, socket: false, current })
    }

    #[test]
    fn requested_templates_are_read_back() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::of(&Namespace::within(root.path()));
        let all = templates();
        let index = store.choose_index(Direction::Out);
        assert_eq!(index & 7, 1);
        let part = installed(&all[1..2], index);
        assert_eq!(store.requested(part.clone()).0, part.0);
        store.keep(&[of(index, &all)]).unwrap();
        // Another process reads it.
        let mut store = Store::of(&Namespace::within(root.path()));
        let whole = store.requested(part.clone());
        assert_eq!(whole.policy.action.templates(), all);
        assert!(whole.installation.is_partial && whole.policy.flags.is_empty());
        // Another program's policy of the same index.
        let other = installed(&[Template { level: Level::Require, ..all[0] }], index);
        assert_eq!(store.requested(other.clone()).0, other.0);
        store.keep_only(|kept| kept != index).unwrap();
        assert_eq!(store.requested(part.clone()).0, part.0);
    }

    #[test]
    fn details_and_the_flag_are_read_back() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::of(&Namespace::within(root.path()));
        let mut all = templates();
        all[0].details = TemplateDetails {
            reqid: ReqId::new(u32::MAX),
            spi: Some(Spi(u32::MAX)),
            algorithms: AlgorithmMasks { crypt: 1, auth: u32::MAX, comp: 0 },
            share: Some(Share(200)),
        };
        let record = Record { index: 9, templates: all.clone(), is_local_ok: true };
        store.keep(&[record, of(17, &all)]).unwrap();
        let mut store = Store::of(&Namespace::within(root.path()));
        for (index, is_local_ok) in [(9, true), (17, false)] {
            let whole = store.requested(installed(&all[1..2], index));
            assert_eq!(whole.policy.action.templates(), all);
            assert_eq!(whole.policy.flags.contains(PolicyFlags::LOCAL_OK), is_local_ok);
        }
        store.keep_only(|index| index != 9).unwrap();
        let part = installed(&all[1..2], 9);
        assert_eq!(store.requested(part.clone()).0, part.0);
    }

    /// A file of an earlier version has no table of details.
    #[test]
    fn a_record_without_details_is_read() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let mut store = Store::of(&namespace);
        let all = templates();
        store.keep(&[of(9, &all)]).unwrap();
        let path = namespace.directory().join("store.sqlite");
        Connection::open(&path).unwrap().execute_batch("DROP TABLE detail").unwrap();
        let whole = store.requested(installed(&all[1..2], 9));
        assert_eq!(whole.policy.action.templates(), all);
        store.keep_only(|_| false).unwrap();
    }

    #[test]
    fn an_index_is_chosen_once() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::of(&Namespace::within(root.path()));
        let first = store.choose_index(Direction::Out);
        let second = store.choose_index(Direction::Out);
        assert_ne!(first, second);
        store.keep(&[of(second, &templates())]).unwrap();
        store.next_index = Some(first);
        assert_eq!(store.choose_index(Direction::Out), first);
        assert_ne!(store.choose_index(Direction::Out), second);
    }

    #[test]
    fn a_former_namespace_of_the_same_number_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let mut namespace = Namespace::within(root.path());
        Store::of(&namespace).set_has_optional_tunnels(true).unwrap();
        assert!(Store::of(&namespace).has_optional_tunnels());
        namespace.cookie += 1;
        assert!(!Store::of(&namespace).has_optional_tunnels());
        Store::of(&namespace).keep(&[]).unwrap();
        assert!(!Store::of(&namespace).has_optional_tunnels());
    }

    #[test]
    fn a_record_that_makes_no_sense_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let mut store = Store::of(&namespace);
        let all = templates();
        let records = [8, 16].map(|index| of(index, &all));
        store.keep(&records).unwrap();
        let path = namespace.directory().join("store.sqlite");
        for change in ["proto = 999", "level = -1", "src = 'no address'", "mode = x'00'"] {
            Connection::open(&path)
                .unwrap()
                .execute_batch(&format!("UPDATE request SET {change} WHERE policy = 8"))
                .unwrap();
            let (bad, good) = (installed(&all[1..2], 8), installed(&all[1..2], 16));
            assert_eq!(store.requested(bad.clone()).0, bad.0, "{change}");
            assert_eq!(store.requested(good).policy.action.templates(), all);
        }
        Connection::open(&path)
            .unwrap()
            .execute_batch("UPDATE request SET policy = 'text' WHERE policy = 8")
            .unwrap();
        store.keep_only(|index| index == 16).unwrap();
        let good = installed(&all[1..2], 16);
        assert_eq!(store.requested(good).policy.action.templates(), all);
    }
}
