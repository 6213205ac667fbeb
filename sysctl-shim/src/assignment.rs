//! A value for a variable, looked up and parsed once.

use model::{Setting, Variable, VariableError};

use crate::{name::Name, tree};

/// A value for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name of the variable.
    pub name: Name,
    /// The value as it was given.
    pub value: String,
    /// Whether a failure does not matter (`-` before the name).
    pub tolerant: bool,
    /// What the name is of.
    pub target: AssignmentTarget,
}

/// What an assignment changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentTarget {
    /// A variable of ipsec(4).
    Variable {
        /// The variable.
        variable: &'static Variable,
        /// The value for it, or why it does not take the value.
        setting: Result<Setting, VariableError>,
    },
    /// Anything else, which is looked up in /proc/sys when the assignment's turn comes: what is there
    /// can depend on the assignments before it.
    Proc,
}

impl Assignment {
    /// Looks the name up among the variables of ipsec(4), and parses the value.
    pub fn new(name: Name, value: String, tolerant: bool) -> Self {
        let target = match tree::ours(&name) {
            Some(variable) => {
                AssignmentTarget::Variable { variable, setting: variable.parse(&value) }
            }
            None => AssignmentTarget::Proc,
        };
        Self { name, value, tolerant, target }
    }
}
