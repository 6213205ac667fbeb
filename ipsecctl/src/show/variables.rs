use std::fs;

use cli::variable_json;
use model::variable::{Meaning, VARIABLES};

use super::{Shown, Table};
use crate::Error;

/// The host's variables.
pub fn read() -> Result<Shown, Error> {
    let variables = engine::variables()?;
    let value = |meaning| match meaning {
        Meaning::LarvalLifetime => larval_lifetime(),
        _ => Some(variables.value(meaning).into()),
    };
    let mut table = Table::new(&["name", "value", "initial", "description"], "No variables.");
    for variable in &VARIABLES {
        table.row([
            variable.name.to_owned(),
            value(variable.meaning).map_or("-".to_owned(), |value| value.to_string()),
            variable.initial.to_string(),
            variable.description.to_owned(),
        ]);
    }
    let json = VARIABLES.iter().map(|it| variable_json(it, value(it.meaning))).collect();
    Ok(Shown { table, json })
}

/// Linux's own; network namespaces of unprivileged users have none.
fn larval_lifetime() -> Option<i64> {
    fs::read_to_string("/proc/sys/net/core/xfrm_acq_expires").ok()?.trim().parse().ok()
}
