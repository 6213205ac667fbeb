//! What restricts the kernel: lockdown, security modules, FIPS.

use super::{
    condition::{Condition, Subject},
    files::Files,
};

pub fn conditions(files: &Files) -> Vec<Condition> {
    let mut conditions = vec![lockdown(files)];
    if files.sysctl("crypto/fips_enabled") == Some(1) {
        let what = "FIPS mode: the kernel refuses algorithms that are not approved";
        conditions.push(Condition::ok(Subject::Security, what));
    }
    conditions
}

fn lockdown(files: &Files) -> Condition {
    let of = Subject::Security;
    let Some(modules) = files.read("sys/kernel/security/lsm") else {
        let what = "lockdown and security modules were not looked at: securityfs is not mounted";
        let remedy = "`mount -t securityfs securityfs /sys/kernel/security`";
        return Condition::unknown(of, what, remedy);
    };
    let text = files.read("sys/kernel/security/lockdown");
    let lockdown = text.as_deref().map_or("none", chosen);
    if lockdown == "confidentiality" {
        let what = "lockdown is confidentiality: the kernel shows zeros for the keys of SAs, so dumps cannot be \
             loaded again";
        return Condition::advice(of, what, "`lockdown=integrity` on the kernel's command line");
    }
    Condition::ok(of, format!("lockdown: {lockdown}; security modules: {}", modules.trim()))
}

/// The word in brackets: `none [integrity] confidentiality`.
fn chosen(text: &str) -> &str {
    text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("none", |it| it.0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lockdown_that_hides_keys_is_named() {
        let root = tempfile::tempdir().unwrap();
        let files = Files::below(root.path(), "6.1");
        let line = || conditions(&files)[0].line();
        assert!(line().starts_with("unknown security  lockdown"), "{}", line());
        let security = root.path().join("sys/kernel/security");
        fs::create_dir_all(&security).unwrap();
        fs::write(security.join("lsm"), "lockdown,capability,apparmor").unwrap();
        let lockdown = |text| fs::write(security.join("lockdown"), text).unwrap();
        lockdown("none [integrity] confidentiality\n");
        assert!(line().starts_with("ok      security  lockdown: integrity; "), "{}", line());
        lockdown("none integrity [confidentiality]\n");
        assert!(line().starts_with("advice  security  lockdown is"), "{}", line());
    }
}
