//! The variables of an earlier version, which were in an SQLite file. It is left where it is: it does
//! not count any more when there is a text file.

use std::{path::Path, time::Duration};

use model::{Variable, Variables};
use rusqlite::{Connection, OpenFlags};

use super::lines::{NO_VARIABLE, NOTHING, initial};
use crate::{
    Error, Namespace,
    state::files::{self, UnusedSetting},
};

const FILE: &str = "variables.sqlite";

/// For a writer of the earlier version that runs at this moment.
const PATIENCE: Duration = Duration::from_millis(100);

/// Reads them; `None` if there are none.
///
/// Errors: [`Error::Run`] without permission. A file that cannot be read otherwise is reported.
pub(super) fn read(namespace: &Namespace) -> Result<Option<Variables>, Error> {
    let path = namespace.directory().join(FILE);
    if !path.try_exists().map_err(|source| Error::run(&path, source))? {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let settings = |connection: &Connection| settings(connection, &path);
    let variables = Connection::open_with_flags(&path, flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        let cookie: i64 =
            connection.query_row("SELECT cookie FROM namespace", [], |row| row.get(0))?;
        let is_of_this = cookie.cast_unsigned() == namespace.cookie;
        is_of_this.then(|| settings(&connection)).transpose()
    });
    Ok(variables.unwrap_or_else(|error| {
        files::warn_once(&path, &error);
        None
    }))
}

fn settings(connection: &Connection, path: &Path) -> rusqlite::Result<Variables> {
    let mut variables = Variables::default();
    let mut query = connection.prepare("SELECT name, value FROM variable")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (name, value): (String, i64) = (row.get(0)?, row.get(1)?);
        let (reason, instead) = match Variable::of_name(&name) {
            None => (NO_VARIABLE.to_owned(), NOTHING.to_owned()),
            Some(variable) => match variable.set(value) {
                Ok(setting) => {
                    variables.set(setting);
                    continue;
                }
                Err(error) => (error.to_string(), initial(variable)),
            },
        };
        let text = &format!("{name} = {value}");
        let (reason, instead) = (&*reason, &*instead);
        files::warn_setting_once(path, &UnusedSetting { line: None, text, reason, instead });
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::variables::{Contents, KeptVariables};

    #[test]
    fn variables_of_an_earlier_version_are_taken_over() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let path = namespace.directory().join(FILE);
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "CREATE TABLE namespace (cookie INTEGER);
                 CREATE TABLE variable (name TEXT PRIMARY KEY, value INTEGER);
                 INSERT INTO namespace VALUES ({});
                 INSERT INTO variable VALUES ('net.inet.ipsec.dfbit', 1);",
                namespace.cookie
            ))
            .unwrap();
        let kept = KeptVariables::of(&namespace);
        let Contents::Earlier(values) = kept.read().unwrap() else { panic!("they are there") };
        let mut expected = Variables::default();
        expected.set(Variable::of_name("net.inet.ipsec.dfbit").unwrap().set(1).unwrap());
        assert_eq!(values, expected);
        kept.keep(&values).unwrap();
        assert_eq!(kept.read().unwrap(), Contents::Values(expected));
        // One that is no database is passed over.
        std::fs::write(&path, "no database").unwrap();
        std::fs::remove_file(namespace.directory().join("variables.conf")).unwrap();
        assert_eq!(kept.read().unwrap(), Contents::Values(Variables::default()));
    }
}
