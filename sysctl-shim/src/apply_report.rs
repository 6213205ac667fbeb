//! What the user should know after variables were applied.

use engine::Applied;

/// The lines of the report.
pub fn lines(applied: &Applied) -> Vec<String> {
    let mut lines = Vec::new();
    match applied.old_sas {
        0 => {}
        1 => lines.push(old_flags("1 SA keeps its", "it is")),
        many => lines.push(old_flags(&format!("{many} SAs keep their"), "they are")),
    }
    match applied.renewed_sas {
        0 => {}
        1 => lines.push("1 SA was recreated".to_owned()),
        many => lines.push(format!("{many} SAs were recreated")),
    }
    if applied.needs_daemon {
        lines.push(
            "no ipsecd runs in this network namespace: optional outbound tunnels, \
             def_policy and dfbit=1 are right only until the SAD or SPD changes"
                .to_owned(),
        );
    }
    lines
}

fn old_flags(sas: &str, until: &str) -> String {
    format!("{sas} DF and ECN settings until {until} recreated (--rekey-flags does it now)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_effect_is_a_line() {
        let mut applied = Applied { policies: 3, ..Applied::default() };
        assert_eq!(lines(&applied), [""; 0]);
        applied.old_sas = 1;
        let line =
            "1 SA keeps its DF and ECN settings until it is recreated (--rekey-flags does it now)";
        assert_eq!(lines(&applied), [line]);
        applied = Applied { old_sas: 2, renewed_sas: 2, needs_daemon: true, ..applied };
        let lines = lines(&applied);
        assert!(lines[0].starts_with("2 SAs keep their DF and ECN settings until they are"));
        assert_eq!(lines[1], "2 SAs were recreated");
        assert!(lines[2].starts_with("no ipsecd runs in this network namespace: "));
    }
}
