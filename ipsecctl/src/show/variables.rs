use std::fs;

use cli::{
    Table, VariableJson,
    json::{AnyVariableJson, Document},
};
use model::variable::{Meaning, VARIABLES};

use crate::Error;

/// The host's variables.
pub fn read(document: &mut Document) -> Result<Table, Error> {
    let variables = engine::variables()?;
    let value = |meaning| match meaning {
        Meaning::LarvalLifetime => larval_lifetime(),
        _ => Some(variables.value(meaning).into()),
    };
    let json =
        VARIABLES.iter().map(|variable| VariableJson::new(variable, value(variable.meaning)));
    let variables = json.collect::<Vec<_>>();
    let mut table = Table::new(&["name", "value", "initial", "description"], "No variables.");
    for variable in &variables {
        table.row([
            variable.name.to_owned(),
            variable.value.map_or("-".to_owned(), |value| value.to_string()),
            variable.initial.to_string(),
            variable.description.to_owned(),
        ]);
    }
    document.variables = Some(variables.into_iter().map(AnyVariableJson::Ours).collect());
    Ok(table)
}

/// Linux's own; network namespaces of unprivileged users have none.
fn larval_lifetime() -> Option<i64> {
    fs::read_to_string("/proc/sys/net/core/xfrm_acq_expires").ok()?.trim().parse().ok()
}
