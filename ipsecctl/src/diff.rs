//! `ipsecctl diff`: what the kernel has otherwise than files describe.

mod text;

use std::{io::Write, process::ExitCode};

use cli::json::{ChangeJson, Document, Fingerprints, StayingJson};
use engine::{Engine, Namespace, Options, Plan, Removal, Step};

use crate::{Error, output, state_files::StateFiles};

/// Exit status if the kernel has not what files describe.
pub const DIFFERENT: u8 = 3;

/// Compare the SAD and SPD with files that describe them. Nothing is changed.
#[derive(clap::Args)]
pub struct Diff {
    #[command(flatten)]
    comparison: Comparison,
}

/// What is compared with the kernel, and how the differences are printed.
#[derive(clap::Args)]
pub struct Comparison {
    #[command(flatten)]
    files: StateFiles,
    /// Remove what no file describes, whether a file begins with a flush or not
    #[arg(long)]
    prune: bool,
    /// Remove nothing, whether a file begins with a flush or not
    #[arg(long, conflicts_with = "prune")]
    no_prune: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Comparison {
    /// Compares the kernel with the files: the changes, and the engine that can make them.
    pub fn plan(&self) -> Result<(Engine, Plan), Error> {
        let dialect = self.files.dialect()?;
        let requested = self.files.read(dialect)?;
        let removal = match (self.prune, self.no_prune) {
            (true, _) => Removal::All,
            (_, true) => Removal::None,
            (false, false) => Removal::OfFlushedTables,
        };
        let mut engine = Engine::open(Options { dialect, ..Options::default() })?;
        let plan = engine.plan(&requested, removal)?;
        Ok((engine, plan))
    }

    /// Prints a plan as text, or as JSON.
    pub fn print(&self, plan: &Plan) -> Result<ExitCode, Error> {
        output::print(|out| print(plan, self.json, out))
    }
}

impl Diff {
    /// Prints the differences.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let (_, plan) = self.comparison.plan()?;
        let printed = self.comparison.print(&plan)?;
        if plan.steps.is_empty() || printed != ExitCode::SUCCESS {
            return Ok(printed);
        }
        Ok(ExitCode::from(DIFFERENT))
    }
}

fn print(plan: &Plan, is_json: bool, out: &mut impl Write) -> Result<(), Error> {
    let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
    if !is_json {
        return Ok(text::print(plan, &fingerprints, out)?);
    }
    let changes = plan.steps.iter().filter_map(|step| change(step, &fingerprints)).collect();
    let document = Document {
        fingerprint_scope: Some(fingerprints.scope()),
        changes: Some(changes),
        staying: Some(StayingJson { sas: plan.staying_sas, policies: plan.staying_policies }),
        ..Document::default()
    };
    Ok(document.write(out)?)
}

/// A step as a statement, without keys.
pub fn statement(step: &Step) -> String {
    text::statement(step, &Fingerprints::new(&Namespace::current().fingerprint_secret()))
}

/// A step as one change; none for what other steps imply.
fn change(step: &Step, fingerprints: &Fingerprints) -> Option<ChangeJson> {
    let sa = |change, installed, requested| {
        Some(ChangeJson::of_sa(change, installed, requested, fingerprints))
    };
    let policy =
        |change, installed, requested| Some(ChangeJson::of_policy(change, installed, requested));
    match step {
        Step::AddSa(requested) => sa("add", None, Some(requested)),
        Step::UpdateSa { installed, requested } => sa("update", Some(installed), Some(requested)),
        Step::ReplaceSa { installed, requested } => sa("replace", Some(installed), Some(requested)),
        Step::DeleteSa(installed) => sa("delete", Some(installed), None),
        Step::AddPolicy(requested) => policy("add", None, Some(requested)),
        Step::UpdatePolicy { installed, requested } => {
            policy("update", Some(installed), Some(requested))
        }
        Step::RequeuePolicy { installed, requested } => {
            policy("move", Some(installed), Some(requested))
        }
        Step::RequirePolicy { installed, requiring } => {
            policy("require", Some(installed), Some(requiring))
        }
        Step::DeletePolicy(installed) => policy("delete", Some(installed), None),
        Step::DeferPolicy { .. } | Step::ReleasePolicy(_) => None,
    }
}
