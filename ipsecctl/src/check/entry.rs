//! SAs and policies with their places.

use std::rc::Rc;

use cli::json::{Advice, FindingJson};
use grammar::{Excerpt, Part, Place, Position, Script, Statement, tree::Span};
use model::{Dialect, Policy, SaEntry};

use super::code::Code;

/// Where an entry is from.
#[derive(Debug, Clone)]
pub enum EntrySource {
    /// A statement of a script, and the place of the script among the others.
    Statement {
        /// What messages call the script.
        name: Rc<str>,
        /// Its place on the command line.
        file: usize,
        /// The statement.
        statement: Rc<Statement>,
    },
    /// The kernel, and the place of the entry in its table, oldest first, from 1.
    Kernel(usize),
}

/// An SA.
#[derive(Debug, Clone)]
pub struct SaAt {
    /// The SA; one of a script is mature and has seen nothing.
    pub entry: SaEntry,
    /// Where it is from.
    pub origin: EntrySource,
    /// Whether it is meant: what is found of others is not reported.
    pub is_meant: bool,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct PolicyAt {
    /// The policy.
    pub policy: Policy,
    /// Whether it has a forward copy beside it.
    pub has_copy: bool,
    /// The kernel's number, if the kernel has it.
    pub index: Option<u32>,
    /// Where it is from.
    pub origin: EntrySource,
    /// As of an SA.
    pub is_meant: bool,
}

/// Something to be reported.
#[derive(Debug, Clone)]
pub struct PlacedFinding {
    /// Of the script on the command line.
    pub file: usize,
    /// What is printed.
    pub json: FindingJson,
    /// The text that it is about.
    pub excerpt: Excerpt,
    /// Whether the entry that it is about is meant.
    pub is_meant: bool,
}

impl SaAt {
    /// A finding about a part of it.
    pub fn finding(&self, code: Code, part: Part, message: &str) -> PlacedFinding {
        let text = || grammar::script_of_sa(&self.entry.sa).text;
        let finding = self.origin.finding("<SAD>", &text, code, part, message);
        PlacedFinding { is_meant: self.is_meant, ..finding }
    }

    /// What a message about `other` calls it.
    pub fn name_for(&self, other: &EntrySource) -> String {
        let sa = &self.entry.sa;
        let kernel = || format!("the SA to {} with SPI {:#x}", sa.ends.dst(), sa.spi.0);
        self.origin.name_for(other, &kernel)
    }
}

impl PolicyAt {
    /// A finding about a part of it.
    pub fn finding(&self, code: Code, part: Part, message: &str) -> PlacedFinding {
        let text = || grammar::script_of_policy(&self.policy).text;
        let finding = self.origin.finding("<SPD>", &text, code, part, message);
        PlacedFinding { is_meant: self.is_meant, ..finding }
    }

    /// What a message about `other` calls it.
    pub fn name_for(&self, other: &EntrySource) -> String {
        let kernel = || format!("policy {}", self.index.unwrap_or_default());
        self.origin.name_for(other, &kernel)
    }
}

impl EntrySource {
    fn finding(
        &self,
        table: &str,
        text: &dyn Fn() -> zeroize::Zeroizing<String>,
        code: Code,
        part: Part,
        message: &str,
    ) -> PlacedFinding {
        let advice = Advice {
            code: code.word(),
            is_error: code.is_error(),
            message,
            why: code.why(),
            help: code.help(),
        };
        match self {
            EntrySource::Statement { name, file, statement } => {
                let place = statement.place_of(part);
                let json = FindingJson::of_advice(name, &place, advice);
                PlacedFinding { file: *file, json, excerpt: place.excerpt, is_meant: true }
            }
            EntrySource::Kernel(number) => {
                let place = place_of_entry(&text(), *number, part);
                let json = FindingJson::of_advice(table, &place, advice);
                let statement = Some(place.excerpt.text.clone());
                let json = FindingJson { statement, ..json };
                PlacedFinding { file: 0, json, excerpt: place.excerpt, is_meant: true }
            }
        }
    }

    fn name_for(&self, other: &EntrySource, kernel: &dyn Fn() -> String) -> String {
        match (self, other) {
            (
                EntrySource::Statement { file, statement, .. },
                EntrySource::Statement { file: other, .. },
            ) if file == other => {
                format!("line {}", statement.place_of(Part::Command).position.line)
            }
            (EntrySource::Statement { name, statement, .. }, _) => {
                format!("{name}:{}", statement.place_of(Part::Command).position.line)
            }
            (EntrySource::Kernel(_), _) => kernel(),
        }
    }
}

/// The place of a part of an entry of the kernel, in the statement that would add it. What no statement can
/// add has a place of its own without text.
fn place_of_entry(text: &str, number: usize, part: Part) -> Place {
    let statement = Script::new(text.as_bytes(), Dialect::Linux).next_statement();
    let Some(Ok(statement)) = statement else {
        let (text, span) = (String::new(), Span::default());
        let excerpt = Excerpt { text, first_line: number, span };
        let position = Position { line: number, column: 1 };
        let (token, redacted_token) = (String::new(), String::new());
        return Place { line: number, position, token, redacted_token, excerpt };
    };
    let mut place = statement.place_of(part);
    (place.position.line, place.excerpt.first_line) = (number, number);
    place
}
