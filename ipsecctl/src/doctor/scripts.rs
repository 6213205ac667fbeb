//! What setkey scripts need.

use std::path::{Path, PathBuf};

use grammar::Fault;
use model::{Described, Dialect, Operation, Visible};
use sys::SystemNames;

use super::{
    condition::{Condition, Subject},
    needs::Needs,
};
use crate::{Error, state_files};

/// Reads scripts, and takes note of what they need. A script with mistakes has a condition.
pub fn read(
    paths: &[PathBuf],
    dialect: Dialect,
    needs: &mut Needs,
) -> Result<Vec<Condition>, Error> {
    let mut conditions = Vec::new();
    for path in paths {
        let mistakes = read_one(path, dialect, needs)?;
        if mistakes > 0 {
            let name = Visible(&path.display().to_string()).to_string();
            let what = format!("{name}: statements with mistakes, which were left out: {mistakes}");
            conditions.push(Condition::fault(
                Subject::Script,
                what,
                format!("`ipsecctl check {name}`"),
            ));
        }
    }
    Ok(conditions)
}

/// Returns the number of statements with mistakes.
fn read_one(path: &Path, dialect: Dialect, needs: &mut Needs) -> Result<usize, Error> {
    let (name, mut script) = state_files::open(path, dialect)?;
    let mut mistakes = 0;
    while let Some(statement) = script.next_statement() {
        let lowered = statement.and_then(|statement| {
            let operations = grammar::lower(&statement, &SystemNames)?.operations;
            Ok((statement.line(), operations))
        });
        match lowered {
            Ok((line, operations)) => {
                let from = format!("{}:{line}", Visible(&name));
                operations.iter().flatten().for_each(|it| require(needs, it, &from));
            }
            Err(error) => {
                if let Fault::Unreadable(reason) = error.kind() {
                    return Err(Error::Read { name, reason: reason.clone() });
                }
                mistakes += 1;
                if error.ends_script() {
                    break;
                }
            }
        }
    }
    Ok(mistakes)
}

fn require(needs: &mut Needs, operation: &Operation, from: &str) {
    match operation.described() {
        Some(Described::Sa { sa, .. }) => {
            needs.add_sa(sa);
            needs.require_sa(sa, from);
        }
        Some(Described::Policy { policy, .. }) => {
            needs.add_policy(policy);
            needs.require_policy(policy, from);
        }
        Some(Described::WholeSad(_) | Described::WholeSpd(_)) | None => {}
    }
}
