use model::{Variable, variable::Values};
use schemars::JsonSchema;
use serde::Serialize;

/// A variable of ipsec(4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Variable")]
pub struct VariableJson {
    /// The name.
    pub name: &'static str,
    /// The value; null if the variable has none here.
    pub value: Option<i64>,
    /// The initial value.
    pub initial: i32,
    /// What the variable is.
    pub description: &'static str,
    /// The values that the variable takes.
    pub values: ValuesJson,
}

/// A variable of ipsec(4), or one of /proc/sys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AnyVariable")]
#[serde(untagged)]
pub enum AnyVariableJson {
    /// One of ipsec(4).
    Ours(VariableJson),
    /// One of /proc/sys.
    Proc(ProcVariableJson),
}

/// The values that a variable takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Values")]
#[serde(untagged)]
pub enum ValuesJson {
    /// A list of all values.
    OneOf(Vec<ValueJson>),
    /// All of a range.
    Range {
        /// The lowest.
        from: i32,
        /// The highest.
        to: i32,
    },
}

/// A value that a variable takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Value")]
pub struct ValueJson {
    /// The value.
    pub value: i32,
    /// What the value means, where it is not the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
}

/// A variable of /proc/sys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ProcVariable")]
pub struct ProcVariableJson {
    /// The name.
    pub name: String,
    /// The text of the file, without newlines at its end.
    pub value: String,
}

impl VariableJson {
    /// A variable with its value.
    #[must_use]
    pub fn new(variable: &Variable, value: Option<i64>) -> Self {
        Self {
            name: variable.name,
            value,
            initial: variable.initial,
            description: variable.description,
            values: (&variable.values).into(),
        }
    }
}

impl From<&Values> for ValuesJson {
    fn from(values: &Values) -> Self {
        match values {
            Values::OneOf(values) | Values::OneOfBut(values, ..) => {
                let value = |&(value, meaning)| ValueJson { value, meaning: Some(meaning) };
                Self::OneOf(values.iter().map(value).collect())
            }
            Values::Range(from, to) => Self::Range { from: *from, to: *to },
            Values::Only(value, _) => Self::OneOf(vec![ValueJson { value: *value, meaning: None }]),
        }
    }
}
