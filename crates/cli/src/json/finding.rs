use grammar::{Excerpt, Finding, Place, Position};
use schemars::JsonSchema;
use serde::Serialize;

/// What `setkey --check` and `ipsecctl check` find in a script or in the kernel's tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub struct FindingJson {
    /// The script, as it was named; `<SAD>` or `<SPD>` for the kernel's tables.
    pub file: String,
    /// The line, from 1; of the kernel's tables the place of the entry, oldest first.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
    /// The byte after the last that is meant.
    pub end: PositionJson,
    /// A short word for the kind of finding, which does not change when its message does.
    pub code: &'static str,
    /// `error`: the statement is refused or ends the script, or packets do not pass; `warning`: it works.
    pub severity: &'static str,
    /// What is wrong. It contains no key.
    pub message: String,
    /// What would be right in this place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of the kernel's tables: the entry as a statement, with `*` for keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// What a program finds itself, for [`FindingJson::of_advice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice<'a> {
    /// The code.
    pub code: &'static str,
    /// Whether packets do not pass.
    pub is_error: bool,
    /// What is wrong.
    pub message: &'a str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Position")]
pub struct PositionJson {
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
}

impl FindingJson {
    /// What is wrong with a statement of the script `name`.
    #[must_use]
    pub fn of_finding(name: &str, Finding { kind, place }: &Finding) -> Self {
        let finding = Self::at(name, place, kind.code(), kind.is_failure(), kind.to_string());
        let (expected, help) = (kind.expected(), kind.help().map(Into::into));
        Self { expected, help, ..finding }
    }

    /// What a program has found in a statement of the script `name`.
    #[must_use]
    pub fn of_advice(name: &str, place: &Place, advice: Advice<'_>) -> Self {
        let Advice { code, is_error, message, why, help } = advice;
        let finding = Self::at(name, place, code, is_error, message.to_owned());
        Self { help: Some(help.to_owned()), why: Some(why.to_owned()), ..finding }
    }

    fn at(
        name: &str,
        Place { position, excerpt, .. }: &Place,
        code: &'static str,
        is_error: bool,
        message: String,
    ) -> Self {
        Self {
            file: name.to_owned(),
            line: position.line,
            column: position.column,
            end: end(*position, excerpt),
            code,
            severity: if is_error { "error" } else { "warning" },
            message,
            expected: None,
            help: None,
            why: None,
            statement: None,
        }
    }
}

/// Where the bytes end that begin at a position.
fn end(Position { line, column }: Position, Excerpt { text, span, .. }: &Excerpt) -> PositionJson {
    let meant = &text[span.start..span.end];
    match meant.rfind('\n') {
        Some(last) => {
            PositionJson { line: line + meant.matches('\n').count(), column: meant.len() - last }
        }
        None => PositionJson { line, column: column + meant.len() },
    }
}
