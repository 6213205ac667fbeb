//! A plan as text, in the language of setkey(8). In the place of a key is its fingerprint, as in JSON.

use std::io::{self, Write};

use cli::json::{ChangeJson, Fingerprints};
use engine::{Plan, Step, Unselected};
use grammar::PolicyStatement;
use model::{Direction, Key, Policy, ReplayState, Sa};

/// Prints a plan: what comes, what goes and what differs.
pub fn print(plan: &Plan, fingerprints: &Fingerprints, out: &mut impl Write) -> io::Result<()> {
    for step in &plan.steps {
        let Some(change) = super::change(step, fingerprints) else { continue };
        let sign = match change.change {
            "add" => '+',
            "delete" => '-',
            _ => '~',
        };
        writeln!(out, "{sign} {}", statement(step, fingerprints))?;
        print_differences(&change, out)?;
    }
    for step in &plan.conflicts {
        let Some(change) = super::change(step, fingerprints) else { continue };
        writeln!(out, "! {}", statement(step, fingerprints))?;
        print_members(&change, out)?;
        writeln!(out, "    # another program's: it stays as it is")?;
    }
    for step in &plan.crossing {
        let Some(change) = super::change(step, fingerprints) else { continue };
        writeln!(out, "! {}", statement(step, fingerprints))?;
        print_members(&change, out)?;
        writeln!(out, "    # the filter selects it as one of the two: it stays as it is")?;
    }
    let Plan { staying_sas, staying_policies, .. } = plan;
    if staying_sas + staying_policies > 0 {
        let sas = counted(*staying_sas, "SA", "SAs");
        let policies = counted(*staying_policies, "policy", "policies");
        let Unselected { sas: left_sas, policies: left_policies } = &plan.unselected;
        let place = match left_sas.len() + left_policies.len() {
            0 => "in no file",
            _ => "in no file or left out,",
        };
        writeln!(out, "# {sas} and {policies} are {place} and stay")?;
    }
    Ok(())
}

/// The entry that a step leaves, or that it deletes, as a statement.
pub fn statement(step: &Step, fingerprints: &Fingerprints) -> String {
    match step {
        Step::AddSa(sa) => sa_text(sa, fingerprints),
        Step::UpdateSa { requested, .. } | Step::ReplaceSa { requested, .. } => {
            sa_text(requested, fingerprints)
        }
        Step::DeleteSa(entry) => sa_text(&entry.sa, fingerprints),
        Step::AddPolicy(policy)
        | Step::ReleasePolicy(policy)
        | Step::DeferPolicy { policy, .. } => policy_text(policy),
        Step::UpdatePolicy { requested, .. }
        | Step::RequeuePolicy { requested, .. }
        | Step::RequirePolicy { requiring: requested, .. } => policy_text(requested),
        Step::DeletePolicy(entry) => policy_text(&entry.policy),
    }
}

/// The entry of the kernel that a step replaces or deletes; otherwise the one that it leaves.
pub fn installed(step: &Step, fingerprints: &Fingerprints) -> String {
    match step {
        Step::UpdateSa { installed, .. } | Step::ReplaceSa { installed, .. } => {
            sa_text(&installed.sa, fingerprints)
        }
        Step::UpdatePolicy { installed, .. }
        | Step::RequeuePolicy { installed, .. }
        | Step::RequirePolicy { installed, .. } => policy_text(&installed.policy),
        _ => statement(step, fingerprints),
    }
}

fn print_members(change: &ChangeJson, out: &mut impl Write) -> io::Result<()> {
    for difference in &change.differences {
        let [installed, requested] = [&difference.installed, &difference.requested]
            .map(|value| value.as_deref().unwrap_or("none"));
        writeln!(out, "    {}: {installed} -> {requested}", difference.member)?;
    }
    Ok(())
}

fn print_differences(change: &ChangeJson, out: &mut impl Write) -> io::Result<()> {
    print_members(change, out)?;
    match change.change {
        "replace" => {
            writeln!(out, "    # deleted and added again: its packets are dropped in between")
        }
        "move" => writeln!(out, "    # moved behind others of its priority, as in the files"),
        "require" => writeln!(out, "    # only while an SA that serves it is replaced"),
        _ => Ok(()),
    }
}

fn sa_text(sa: &Sa, fingerprints: &Fingerprints) -> String {
    let name = |key: &Key| match fingerprints.of(key) {
        Some(fingerprint) => format!("<{fingerprint}>"),
        None => "\"\"".to_owned(),
    };
    // Sequence numbers are no part of a state.
    let sa = Sa { replay_state: ReplayState::default(), ..sa.clone() };
    grammar::redacted_script_of_sa(&sa, name).text.to_string()
}

fn policy_text(policy: &Policy) -> String {
    let without_copy = policy.id.direction == Direction::In;
    PolicyStatement { without_copy, ..PolicyStatement::default() }.write(policy).text.to_string()
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
