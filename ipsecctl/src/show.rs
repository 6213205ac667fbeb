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

use cli::{Keys, Table};
use serde::Serialize;
use serde_json::{Map, Value};

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

/// A subject, as it is shown.
struct Shown {
    table: Table,
    json: Value,
}

impl Shown {
    fn new(table: Table, json: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { table, json: serde_json::to_value(json).map_err(io::Error::from)? })
    }
}

impl Subject {
    /// Its name, in headings and JSON.
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

    fn read(self) -> Result<Shown, Error> {
        match self {
            Subject::Policies => policies::read(),
            Subject::Sas { keys: true } => sas::read(Keys::Shown),
            Subject::Sas { keys: false } => sas::read(Keys::Hidden),
            Subject::Variables => variables::read(),
            Subject::Default => default_policy::read(),
            Subject::Clients => clients::read(),
            Subject::Kernel => kernel::read(),
        }
    }
}

impl Show {
    /// Prints the subject, or all.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let text = match self.subject {
            Some(subject) => {
                let Shown { table, json } = subject.read()?;
                if self.json { format!("{json:#}\n") } else { table.to_string() }
            }
            None => self.all()?,
        };
        match io::stdout().write_all(text.as_bytes()) {
            // The reader of standard output has gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
            written => Ok(written.map(|()| ExitCode::SUCCESS)?),
        }
    }

    fn all(&self) -> Result<String, Error> {
        let mut object = Map::new();
        let mut text = Vec::new();
        for subject in ALL {
            let Shown { table, json } = subject.read()?;
            object.insert(subject.name().into(), json);
            text.push(format!("{}\n\n{table}", subject.name()));
        }
        Ok(if self.json { format!("{:#}\n", Value::Object(object)) } else { text.join("\n") })
    }
}
