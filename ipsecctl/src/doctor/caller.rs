//! What this process may do, the daemon, and its directory.

use std::{fs::metadata, path::Path};

use engine::{Namespace, RUN_DIRECTORY};
use rustix::{
    fs::{Access, access},
    thread::{CapabilitySet, capabilities},
};

use super::{
    condition::{Condition, Subject},
    files::Files,
    tables::ExaminedTables,
};

/// The line of /proc/PID/uid_map in the first user namespace.
const FIRST: [&str; 3] = ["0", "0", "4294967295"];

/// The capabilities that xfrm-tools use.
const USED: [(CapabilitySet, &str); 3] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
];

pub fn conditions(files: &Files, tables: &ExaminedTables) -> Vec<Condition> {
    let mut conditions = vec![privileges(files)];
    if let Some(error) = &tables.error {
        let what =
            format!("the SAD and the SPD were not read, nor what they need looked at: {error}");
        conditions.push(Condition::unknown(Subject::Caller, what, "`sudo ipsecctl doctor`"));
    }
    if let Some(most) = files.sysctl("user/max_user_namespaces") {
        let may = files.sysctl("kernel/unprivileged_userns_clone") != Some(0) && most > 0;
        let not = if may { "" } else { "not " };
        let what = format!(
            "users without privileges may {not}make user namespaces, with tables of their own"
        );
        conditions.push(Condition::ok(Subject::Caller, what));
    }
    conditions
}

fn privileges(files: &Files) -> Condition {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let has = USED.iter().filter(|(capability, _)| effective.contains(*capability));
    let names = has.map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let map = files.read("proc/self/uid_map").unwrap_or_default();
    let is_first = map.split_whitespace().eq(FIRST);
    let namespace =
        if is_first { "the first user namespace" } else { "a user namespace of its own" };
    let names = if names.is_empty() { "no capability that it uses".to_owned() } else { names };
    Condition::ok(Subject::Caller, format!("ipsecctl has {names}, in {namespace}"))
}

/// The daemon and what it keeps.
pub fn ipsecd(tables: &ExaminedTables, has_daemon: bool) -> Vec<Condition> {
    let of = Subject::Ipsecd;
    let daemon = if has_daemon {
        Condition::ok(of, "ipsecd runs in this network namespace")
    } else if tables.partial > 0 {
        let what = format!(
            "ipsecd does not run, which installs optional tunnels when there is an SA: {} policies have one",
            tables.partial
        );
        Condition::advice(of, what, "`systemctl start ipsecd`")
    } else {
        Condition::ok(of, "ipsecd does not run, and no policy needs it")
    };
    vec![daemon, directory(Namespace::current().directory())]
}

fn directory(path: &Path) -> Condition {
    let of = Subject::Ipsecd;
    let there = [path, Path::new(RUN_DIRECTORY), Path::new("/run")];
    let Some(there) = there.into_iter().find(|it| metadata(it).is_ok_and(|it| it.is_dir())) else {
        let what = "/run is missing: what XFRM cannot hold is not kept";
        return Condition::advice(of, what, "`mount -t tmpfs tmpfs /run`");
    };
    let name = there.display();
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        let what = format!("what XFRM cannot hold is kept in {}", path.display());
        Condition::ok(of, what)
    } else if rustix::process::geteuid().is_root() {
        let what = format!("{name} cannot be written: what XFRM cannot hold is not kept");
        Condition::advice(
            of,
            what,
            format!("`mount -o remount,rw {name}`, or another file system there"),
        )
    } else {
        Condition::ok(of, format!("{name} is root's"))
    }
}
