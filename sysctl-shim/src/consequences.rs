//! What there is to know after a change of the variables.

use engine::Applied;

/// A line for each thing.
pub fn words(applied: &Applied) -> Vec<String> {
    let mut lines = Vec::new();
    match applied.old_sas {
        0 => {}
        1 => lines.push(kept("1 SA keeps its", "it is")),
        many => lines.push(kept(&format!("{many} SAs keep their"), "they are")),
    }
    match applied.renewed_sas {
        0 => {}
        1 => lines.push("1 SA was made anew".to_owned()),
        many => lines.push(format!("{many} SAs were made anew")),
    }
    if applied.needs_daemon {
        lines.push(
            "no ipsecd follows in this network namespace: optional outbound tunnels, \
             def_policy and dfbit=1 hold until somebody changes the SAD or SPD"
                .to_owned(),
        );
    }
    lines
}

fn kept(who: &str, until: &str) -> String {
    format!("{who} DF and ECN settings until {until} made anew (--rekey-flags does it now)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_thing() {
        let mut applied = Applied { policies: 3, ..Applied::default() };
        assert_eq!(words(&applied), [""; 0]);
        applied.old_sas = 1;
        let line =
            "1 SA keeps its DF and ECN settings until it is made anew (--rekey-flags does it now)";
        assert_eq!(words(&applied), [line]);
        applied = Applied { old_sas: 2, renewed_sas: 2, needs_daemon: true, ..applied };
        let lines = words(&applied);
        assert!(lines[0].starts_with("2 SAs keep their DF and ECN settings until they are made"));
        assert_eq!(lines[1], "2 SAs were made anew");
        assert!(lines[2].starts_with("no ipsecd follows in this network namespace: "));
    }
}
