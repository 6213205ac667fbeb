//! What setkey scripts need.

use std::path::{Path, PathBuf};

use grammar::CheckedStatement;
use model::{Described, Dialect, Operation, Visible};

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
    let (name, mut script) = state_files::open(path, dialect, true)?;
    let mut mistakes = 0;
    while let Some(CheckedStatement { lowered, .. }) =
        script.next_statement().map_err(|error| Error::unreadable(&name, &error))?
    {
        let Some((statement, lowered)) = lowered else {
            mistakes += 1;
            continue;
        };
        let from = format!("{}:{}", Visible(&name), statement.line());
        lowered.operations.iter().flatten().for_each(|it| require(needs, it, &from));
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
