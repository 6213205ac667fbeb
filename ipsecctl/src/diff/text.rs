//! A plan as text, in the language of setkey(8). In the place of a key is its fingerprint, as in JSON.

use std::io::{self, IsTerminal, Write};

use cli::{
    json::{ChangeJson, ChangeKind, Fingerprints},
    wrap_hanging,
};
use engine::{Plan, Step, Unselected};
use grammar::PolicyStatement;
use model::{Direction, Key, Policy, ReplayState, Sa};

/// Blanks before the further lines of a statement or a difference.
const FURTHER: usize = 6;

/// The widths of lines.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    /// Of all that is printed; `None`: of any length.
    all: Option<usize>,
    /// Of statements. What is not a terminal gets each in one line.
    statements: Option<usize>,
}

impl Widths {
    /// Those of standard output.
    pub fn of_output() -> Self {
        let all = cli::output_width();
        Self { all, statements: all.filter(|_| io::stdout().is_terminal()) }
    }

    fn statement(
        self,
        sign: char,
        step: &Step,
        fingerprints: &Fingerprints,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let text = format!("{sign} {}", statement(step, fingerprints));
        match self.statements {
            // A statement may have line feeds, which are kept.
            None => writeln!(out, "{text}"),
            width => out.write_all(wrap_hanging(&text, 0, FURTHER, width).as_bytes()),
        }
    }
}

/// Prints a plan: what comes, what goes and what differs.
pub fn print(
    plan: &Plan,
    fingerprints: &Fingerprints,
    widths: Widths,
    out: &mut impl Write,
) -> io::Result<()> {
    for step in &plan.steps {
        let Some(change) = super::change(step, fingerprints) else { continue };
        let sign = match change.change {
            ChangeKind::Add => '+',
            ChangeKind::Delete => '-',
            ChangeKind::Update | ChangeKind::Replace | ChangeKind::Move | ChangeKind::Require => {
                '~'
            }
        };
        widths.statement(sign, step, fingerprints, out)?;
        print_differences(&change, widths, out)?;
    }
    let foreign = plan.conflicts.iter().map(|step| (step, "another program's: it stays as it is"));
    let crossing = plan.crossing.iter();
    let crossing =
        crossing.map(|step| (step, "the filter selects it as one of the two: it stays as it is"));
    for (step, reason) in foreign.chain(crossing) {
        let Some(change) = super::change(step, fingerprints) else { continue };
        widths.statement('!', step, fingerprints, out)?;
        print_members(&change, widths, out)?;
        writeln!(out, "    # {reason}")?;
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

fn print_members(change: &ChangeJson, widths: Widths, out: &mut impl Write) -> io::Result<()> {
    for difference in &change.differences {
        let [installed, requested] = [&difference.installed, &difference.requested]
            .map(|value| value.as_deref().unwrap_or("none"));
        let text = format!("{}: {installed} -> {requested}", difference.member);
        out.write_all(wrap_hanging(&text, 4, FURTHER, widths.all).as_bytes())?;
    }
    Ok(())
}

fn print_differences(change: &ChangeJson, widths: Widths, out: &mut impl Write) -> io::Result<()> {
    print_members(change, widths, out)?;
    match change.change {
        ChangeKind::Replace => {
            writeln!(out, "    # deleted and added again: its packets are dropped in between")
        }
        ChangeKind::Move => {
            writeln!(out, "    # moved behind others of its priority, as in the files")
        }
        ChangeKind::Require => writeln!(out, "    # only while an SA that serves it is replaced"),
        ChangeKind::Add | ChangeKind::Update | ChangeKind::Delete => Ok(()),
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

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, Spi};

    use super::*;

    #[test]
    fn a_statement_is_one_line_unless_it_is_on_a_terminal() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        sa.mark = model::Mark { value: 0x2a, mask: 0xffff_ffff };
        let steps = vec![Step::AddSa(Box::new(sa))];
        let mut plan = Plan::default();
        (plan.steps, plan.staying_policies) = (steps, 2);
        let text = |all, statements| {
            let (mut out, widths) = (Vec::new(), Widths { all, statements });
            print(&plan, &Fingerprints::new(&[7; 32]), widths, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let (whole, narrow) = (text(Some(40), None), text(Some(40), Some(40)));
        let first = whole.lines().next().unwrap();
        assert!(first.len() > 40 && first.ends_with(';'), "{whole}");
        let lines: Vec<_> = narrow.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 48), "{narrow}");
        assert!(lines[1].starts_with("      "), "{narrow}");
        let joined = lines[..lines.len() - 1].iter().map(|line| line.trim()).collect::<Vec<_>>();
        assert_eq!(joined.join(" "), first);
    }
}
