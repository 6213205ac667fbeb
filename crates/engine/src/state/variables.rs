use model::{Variable, Variables, variable::VARIABLES};
use rusqlite::{Connection, params};

use crate::{
    Namespace,
    state::database::{Database, Tables},
};

/// The file in a namespace's directory that holds its variables.
pub const VARIABLES_FILE: &str = "variables.sqlite";

/// The host's variables of one network namespace, as they were set. Every process may read them.
pub struct KeptVariables {
    database: Database,
    read: Option<(i64, Variables)>,
}

impl KeptVariables {
    pub fn of(namespace: &Namespace) -> Self {
        let tables = Tables {
            file: VARIABLES_FILE,
            mode: 0o644,
            schema: "CREATE TABLE variable (name TEXT PRIMARY KEY, value INTEGER)",
        };
        Self { database: Database::new(namespace.clone(), tables), read: None }
    }

    /// Their values now.
    pub fn values(&mut self) -> rusqlite::Result<&Variables> {
        let Some(database) = self.database.for_reading()? else {
            return Ok(&self.read.insert((0, Variables::default())).1);
        };
        // It changes when another connection has written.
        let version = database.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if !matches!(&self.read, Some((read, _)) if *read == version) {
            self.read = Some((version, read(database)?));
        }
        Ok(&self.read.get_or_insert_default().1)
    }

    /// Keeps exactly these, or fails and leaves what was kept.
    pub fn keep(&mut self, values: &Variables) -> rusqlite::Result<()> {
        self.read = None;
        let transaction = self.database.for_writing()?.transaction()?;
        transaction.execute("DELETE FROM variable", [])?;
        for (meaning, value) in values.set_values() {
            // Of two names of one variable, the first in the table is kept.
            let name = VARIABLES.iter().find(|it| it.meaning == meaning).map(|it| it.name);
            transaction.execute("INSERT INTO variable VALUES (?, ?)", params![name, value])?;
        }
        transaction.commit()
    }
}

fn read(database: &Connection) -> rusqlite::Result<Variables> {
    let mut variables = Variables::default();
    let mut query = database.prepare_cached("SELECT name, value FROM variable")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (name, value): (String, i64) = (row.get(0)?, row.get(1)?);
        let setting = Variable::of_name(&name).and_then(|variable| variable.set(value).ok());
        if let Some(setting) = setting {
            variables.set(setting);
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_process_sets_another_reads() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let (mut writer, mut reader) =
            (KeptVariables::of(&namespace), KeptVariables::of(&namespace));
        assert_eq!(*reader.values().unwrap(), Variables::default());
        for value in [1, 2] {
            let mut values = Variables::default();
            for name in ["net.inet.ipsec.esp_net_deflev", "net.inet6.ipsec6.debug"] {
                values.set(Variable::of_name(name).unwrap().set(value).unwrap());
            }
            writer.keep(&values).unwrap();
            assert_eq!(*reader.values().unwrap(), values);
            assert_eq!(*writer.values().unwrap(), values);
        }
    }
}
