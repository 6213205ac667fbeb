//! `ipsecctl diff`: what the kernel has otherwise than files describe.

mod document;
mod text;

use std::process::ExitCode;

use cli::{
    json::{AppliedJson, ChangeJson, ChangeKind, Fingerprints},
    print_error,
};
use engine::{Engine, EngineOptions, EntryFilter, Namespace, Plan, Removal, Step, Unselected};

use crate::{Error, filter::Filter, output, state_files::StateFiles};

/// Exit status if the kernel has not what files describe.
pub const DIFFERENT: u8 = 3;

/// So many entries of the files that a filter leaves out are named.
const MOST_UNSELECTED: usize = 20;

/// Compare the SAD and SPD with files that describe them. Nothing is changed.
#[derive(clap::Args)]
pub struct Diff {
    #[command(flatten)]
    comparison: Comparison,
}

/// What is compared with the kernel, and how the differences are printed.
#[derive(clap::Args)]
// A file describes no state of an SA.
#[command(mut_arg("state", |state| state.conflicts_with("paths").hide(true)))]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Comparison {
    #[command(flatten)]
    files: StateFiles,
    /// Remove what no file describes, whether a file begins with a flush or not
    #[arg(long)]
    prune: bool,
    /// Remove nothing, whether a file begins with a flush or not
    #[arg(long, conflicts_with = "prune")]
    no_prune: bool,
    /// Touch only what earlier runs with this option have made
    #[arg(long)]
    pub owned: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Comparison {
    /// Compares the kernel with the files: the changes, and the engine that can make them, with its options.
    pub fn plan(&self) -> Result<(EngineOptions, Engine, Plan), Error> {
        let dialect = self.files.dialect()?;
        let requested = self.files.read(dialect)?;
        let removal = match (self.prune, self.no_prune) {
            (true, _) => Removal::All,
            (_, true) => Removal::None,
            (false, false) => Removal::OfFlushedTables,
        };
        let options = EngineOptions { dialect, ..EngineOptions::default() };
        let mut engine = Engine::open(options)?;
        let owned = self.owned.then(|| engine.owned());
        let filter = Some(&self.filter).filter(|filter| filter.is_given());
        let filter = filter.map(|filter| filter as &dyn EntryFilter);
        let plan = engine.plan(&requested, removal, owned.as_ref(), filter)?;
        report_unselected(&plan.unselected);
        Ok((options, engine, plan))
    }

    /// Prints a plan as text, or as JSON.
    pub fn print(&self, plan: &Plan) -> Result<ExitCode, Error> {
        if self.json {
            return self.print_document(plan, None);
        }
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        output::print(|out| Ok(text::print(plan, &fingerprints, text::Widths::of_output(), out)?))
    }

    /// Prints a plan and what came of it as JSON.
    pub fn print_applied(&self, plan: &Plan, applied: AppliedJson) -> Result<ExitCode, Error> {
        self.print_document(plan, Some(applied))
    }

    fn print_document(&self, plan: &Plan, applied: Option<AppliedJson>) -> Result<ExitCode, Error> {
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let has_unselected = self.filter.is_given();
        let has_conflicts = self.owned || has_unselected;
        let optional = document::Optional { has_conflicts, has_unselected, applied };
        output::print(|out| Ok(document::print(plan, optional, &fingerprints, out)?))
    }
}

impl Diff {
    /// Prints the differences.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let (_, _, plan) = self.comparison.plan()?;
        let printed = self.comparison.print(&plan)?;
        if plan.steps.is_empty() && !has_conflicts(&plan) || printed != ExitCode::SUCCESS {
            return Ok(printed);
        }
        Ok(ExitCode::from(DIFFERENT))
    }
}

/// Whether there is something otherwise that may not be touched.
pub fn has_conflicts(plan: &Plan) -> bool {
    !plan.conflicts.is_empty() || !plan.crossing.is_empty()
}

/// Names the entries of the files that the filter does not select.
fn report_unselected(unselected: &Unselected) {
    let Unselected { sas, policies } = unselected;
    let steps = sas.iter().map(|sa| Step::AddSa(Box::new(sa.clone())));
    let steps = steps.chain(policies.iter().map(|it| Step::AddPolicy(Box::new(it.clone()))));
    for step in steps.take(MOST_UNSELECTED) {
        print_error("ipsecctl", &format_args!("the filter leaves out: {}", statement(&step)));
    }
    match (sas.len() + policies.len()).saturating_sub(MOST_UNSELECTED) {
        0 => {}
        more => print_error("ipsecctl", &format_args!("the filter leaves out {more} more")),
    }
}

/// A step as a statement, without keys.
pub fn statement(step: &Step) -> String {
    text::statement(step, &Fingerprints::new(&Namespace::current().fingerprint_secret()))
}

/// What the kernel has in the place of a step, as a statement without keys.
pub fn installed(step: &Step) -> String {
    text::installed(step, &Fingerprints::new(&Namespace::current().fingerprint_secret()))
}

/// How many entries a plan adds, changes and deletes.
pub fn counts(plan: &Plan) -> [usize; 3] {
    let mut counts = [0; 3];
    for step in &plan.steps {
        match step {
            Step::AddSa(_) | Step::AddPolicy(_) => counts[0] += 1,
            Step::UpdateSa { .. }
            | Step::ReplaceSa { .. }
            | Step::UpdatePolicy { .. }
            | Step::RequeuePolicy { .. } => counts[1] += 1,
            Step::DeleteSa(_) | Step::DeletePolicy(_) => counts[2] += 1,
            Step::DeferPolicy { .. } | Step::RequirePolicy { .. } | Step::ReleasePolicy(_) => {}
        }
    }
    counts
}

/// A step as one change; none for what other steps imply.
fn change(step: &Step, fingerprints: &Fingerprints) -> Option<ChangeJson> {
    let sa = |change, installed, requested| {
        Some(ChangeJson::of_sa(change, installed, requested, fingerprints))
    };
    let policy =
        |change, installed, requested| Some(ChangeJson::of_policy(change, installed, requested));
    match step {
        Step::AddSa(requested) => sa(ChangeKind::Add, None, Some(requested)),
        Step::UpdateSa { installed, requested } => {
            sa(ChangeKind::Update, Some(installed), Some(requested))
        }
        Step::ReplaceSa { installed, requested } => {
            sa(ChangeKind::Replace, Some(installed), Some(requested))
        }
        Step::DeleteSa(installed) => sa(ChangeKind::Delete, Some(installed), None),
        Step::AddPolicy(requested) => policy(ChangeKind::Add, None, Some(requested)),
        Step::UpdatePolicy { installed, requested } => {
            policy(ChangeKind::Update, Some(installed), Some(requested))
        }
        Step::RequeuePolicy { installed, requested } => {
            policy(ChangeKind::Move, Some(installed), Some(requested))
        }
        Step::RequirePolicy { installed, requiring } => {
            policy(ChangeKind::Require, Some(installed), Some(requiring))
        }
        Step::DeletePolicy(installed) => policy(ChangeKind::Delete, Some(installed), None),
        Step::DeferPolicy { .. } | Step::ReleasePolicy(_) => None,
    }
}
