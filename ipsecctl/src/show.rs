//! `ipsecctl show`: what there is in this network namespace, as tables or JSON.

mod clients;
mod default_policy;
mod kernel;
mod policies;
mod sas;
mod variables;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use cli::{Keys, Table, json::Document};

use crate::Error;

/// Show policies, SAs, variables, the clients of the PF_KEY service, and what becomes of packets that
/// no policy matches.
///
/// Without a subject all but the clients are shown.
#[derive(clap::Args)]
pub struct Show {
    #[command(subcommand)]
    subject: Option<Subject>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand, Clone, Copy)]
enum Subject {
    /// The SPD, in the order in which the kernel asks it, with what the kernel holds just now
    Policies,
    /// The SAD, oldest SA first
    Sas {
        /// Show keys
        #[arg(long)]
        keys: bool,
    },
    /// The host's variables
    Variables,
    /// What becomes of packets that no policy matches
    Default,
    /// The programs that have a socket of the PF_KEY service
    Clients,
    /// The size of the kernel's tables
    Kernel,
}

/// What is there whether a daemon runs or not.
const ALL: [Subject; 5] = [
    Subject::Kernel,
    Subject::Policies,
    Subject::Sas { keys: false },
    Subject::Default,
    Subject::Variables,
];

impl Subject {
    /// Its name, in headings.
    fn name(self) -> &'static str {
        match self {
            Subject::Policies => "policies",
            Subject::Sas { .. } => "sas",
            Subject::Variables => "variables",
            Subject::Default => "default",
            Subject::Clients => "clients",
            Subject::Kernel => "kernel",
        }
    }

    /// Its table. What it has is added to the document.
    fn read(self, document: &mut Document) -> Result<Table, Error> {
        match self {
            Subject::Policies => policies::read(document),
            Subject::Sas { keys: true } => sas::read(Keys::Shown, document),
            Subject::Sas { keys: false } => sas::read(Keys::Hidden, document),
            Subject::Variables => variables::read(document),
            Subject::Default => default_policy::read(document),
            Subject::Clients => clients::read(document),
            Subject::Kernel => kernel::read(document),
        }
    }
}

impl Show {
    /// Prints the subject, or all.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let mut document = Document::default();
        let tables = match self.subject {
            Some(subject) => subject.read(&mut document)?.to_string(),
            None => all(&mut document)?,
        };
        let mut out = io::stdout().lock();
        let written =
            if self.json { document.write(&mut out) } else { out.write_all(tables.as_bytes()) };
        match written {
            // The reader of standard output has gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
            written => Ok(written.map(|()| ExitCode::SUCCESS)?),
        }
    }
}

fn all(document: &mut Document) -> Result<String, Error> {
    let table = |subject: Subject| Ok(format!("{}\n\n{}", subject.name(), subject.read(document)?));
    let tables = ALL.into_iter().map(table).collect::<Result<Vec<_>, Error>>()?;
    Ok(tables.join("\n"))
}
