//! `ipsecctl show`: what there is in this network namespace, as tables or JSON.

mod cells;
mod clients;
mod default_policy;
mod kernel;
mod order;
mod policies;
mod sas;
pub mod selector;
mod variables;

use std::{io::Write, num::NonZeroU16, process::ExitCode, slice};

use clap::builder::PossibleValuesParser;
use cli::{
    Choice, Column, Keys,
    json::{Document, DocumentStream, Fingerprints},
};
use engine::{Engine, EngineOptions, Namespace};

use crate::{
    Error,
    filter::Filter,
    output::{self, Output},
};

/// Show policies, SAs, variables, the clients of the PF_KEY service, and the default policy.
///
/// Without a subject all but the clients are shown.
#[derive(clap::Args)]
pub struct Show {
    #[command(subcommand)]
    subject: Option<Subject>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print all columns, in lines of any length
    #[arg(long, global = true, conflicts_with_all = ["json", "width"])]
    wide: bool,
    /// Print lines of this width, not of the terminal's or the variable COLUMNS
    #[arg(long, global = true, value_name = "N", conflicts_with = "json")]
    width: Option<NonZeroU16>,
}

#[derive(clap::Subcommand, Clone)]
enum Subject {
    /// The SPD, in the order in which the kernel looks it up, with how its templates are installed and
    /// the SAs that serve them
    #[command(visible_alias = "policy")]
    Policies {
        /// Print these columns
        #[arg(short, value_name = "COLUMN", value_delimiter = ',', conflicts_with_all = ["json", "wide"])]
        #[arg(value_parser = names(&policies::COLUMNS))]
        output: Vec<String>,
        #[command(flatten)]
        filter: Filter,
    },
    /// The SAD, oldest SA first, with the policies that it serves
    #[command(visible_alias = "sa")]
    Sas {
        /// Print these columns
        #[arg(short, value_name = "COLUMN", value_delimiter = ',', conflicts_with_all = ["json", "wide"])]
        #[arg(value_parser = names(&sas::COLUMNS))]
        output: Vec<String>,
        /// Show keys
        #[arg(long)]
        keys: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// The host's variables
    Variables,
    /// The default policy: what happens to packets that no policy matches
    Default,
    /// The programs that have a socket of the PF_KEY service
    Clients,
    /// The size of the kernel's tables
    Kernel,
}

fn names<T>(columns: &[Column<T>]) -> PossibleValuesParser {
    PossibleValuesParser::new(columns.iter().map(|column| column.name))
}

/// How a listing is printed.
struct Style<'a> {
    is_wide: bool,
    /// Of a line, in columns; `None`: of any length.
    width: Option<usize>,
    /// The names of the columns of `-o`.
    output: &'a [String],
}

impl Style<'_> {
    fn choice(&self) -> Choice {
        match self.output {
            [] if self.is_wide => Choice::Long,
            [] => Choice::Fitting(self.width),
            names => Choice::Named(names.to_vec(), self.width),
        }
    }
}

impl Subject {
    /// Those that need no daemon: what packets meet first, then what it rests on.
    fn all() -> [Subject; 5] {
        [
            Subject::Policies { output: Vec::new(), filter: Filter::default() },
            Subject::Sas { output: Vec::new(), keys: false, filter: Filter::default() },
            Subject::Default,
            Subject::Variables,
            Subject::Kernel,
        ]
    }

    /// Its name, in headings.
    fn name(&self) -> &'static str {
        match self {
            Subject::Policies { .. } => "policies",
            Subject::Sas { .. } => "sas",
            Subject::Variables => "variables",
            Subject::Default => "default",
            Subject::Clients => "clients",
            Subject::Kernel => "kernel",
        }
    }

    /// Prints it as a table.
    fn list(&self, is_wide: bool, width: Option<usize>, out: &mut Output) -> Result<(), Error> {
        let style = |output| Style { is_wide, width, output };
        let read = match self {
            Subject::Policies { output, filter } => {
                return policies::list(filter, &style(output), out);
            }
            Subject::Sas { output, keys, filter } => {
                return sas::list(filter, keys_of(*keys), &style(output), out);
            }
            Subject::Variables => variables::read,
            Subject::Default => default_policy::read,
            Subject::Clients => clients::read,
            Subject::Kernel => kernel::read,
        };
        Ok(out.write_all(read(&mut Document::default())?.text(width).as_bytes())?)
    }

    /// Prints its members of a document.
    fn print_json(
        &self,
        fingerprints: &Fingerprints,
        document: &mut DocumentStream,
        out: &mut Output,
    ) -> Result<(), Error> {
        let mut rest = Document::default();
        match self {
            Subject::Policies { filter, .. } => {
                return policies::print_json(filter, document, out);
            }
            Subject::Sas { keys, filter, .. } => {
                return sas::print_json(filter, keys_of(*keys), fingerprints, document, out);
            }
            Subject::Variables => drop(variables::read(&mut rest)?),
            Subject::Default => drop(default_policy::read(&mut rest)?),
            Subject::Clients => drop(clients::read(&mut rest)?),
            Subject::Kernel => drop(kernel::read(&mut rest)?),
        }
        Ok(document.members(out, &rest)?)
    }
}

fn keys_of(is_shown: bool) -> Keys {
    if is_shown { Keys::Shown } else { Keys::Hidden }
}

impl Show {
    /// Prints the subject, or all.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        output::print(|out| if self.json { self.print_json(out) } else { self.print(out) })
    }

    fn print(&self, out: &mut Output) -> Result<(), Error> {
        let width = match self.width {
            _ if self.wide => None,
            Some(width) => Some(usize::from(width.get())),
            None => cli::output_width(),
        };
        if let Some(subject) = &self.subject {
            return subject.list(self.wide, width, out);
        }
        for (place, subject) in Subject::all().iter().enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            write!(out, "{gap}{}\n\n", subject.name())?;
            subject.list(self.wide, width, out)?;
        }
        Ok(())
    }

    fn print_json(&self, out: &mut Output) -> Result<(), Error> {
        let all = Subject::all();
        let subjects = self.subject.as_ref().map_or(&all[..], slice::from_ref);
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let mut document = DocumentStream::default();
        let needs_kernel =
            |it: &Subject| matches!(it, Subject::Policies { .. } | Subject::Sas { .. });
        if subjects.iter().any(needs_kernel) {
            // Nothing is printed if there are no tables to print.
            Engine::open(EngineOptions::default())?;
        }
        if subjects.iter().any(|it| matches!(it, Subject::Sas { .. })) {
            let fingerprint_scope = Some(fingerprints.scope());
            document.members(out, &Document { fingerprint_scope, ..Document::default() })?;
        }
        for subject in subjects {
            subject.print_json(&fingerprints, &mut document, out)?;
        }
        Ok(document.finish(out)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_in_the_glossary_and_the_manual() {
        let glossary = include_str!("../../docs/glossary.md");
        let manual = include_str!("../../man/ipsecctl.8");
        let columns = glossary.split("## Columns").nth(1).expect("it has a table of columns");
        let show = manual.split(".Ss The show subcommand").nth(1).expect("it has the subcommand");
        let words = show.split_whitespace().collect::<Vec<_>>();
        let of_policies = policies::COLUMNS.iter().map(|column| column.name);
        for name in of_policies.chain(sas::COLUMNS.iter().map(|column| column.name)) {
            assert!(columns.contains(&format!("`{name}`")), "{name} is not in docs/glossary.md");
            assert!(words.contains(&name), "{name} is not in man/ipsecctl.8");
        }
    }
}
