//! What a user without privilege may do, and what no user may.

mod common;

use common::{Host, Outcome};
use model::variable::VARIABLES;

fn failed(err: &str) -> Outcome {
    Outcome { status: 1, out: String::new(), err: err.to_owned() }
}

#[test]
fn anybody_may_read() {
    let host = Host::new();
    // With and without a store.
    for value in ["2", "0"] {
        for variable in &VARIABLES {
            let outcome = host.unprivileged(&["-n", variable.name]);
            assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{}", variable.name);
        }
        let outcome = host.unprivileged(&["net.inet.ipsec.dfbit"]);
        assert_eq!(outcome.out, format!("net.inet.ipsec.dfbit = {value}\n"));
        host.prints(&["net.inet.ipsec.dfbit=0"]);
    }
    let outcome = host.unprivileged(&["-a", "-r", "ipsec|ip_forward$|fastopen_key"]);
    assert_eq!(outcome.out.lines().count(), 18, "{}", outcome.out);
    let denied = "sysctl-shim: permission denied on key 'net.ipv4.tcp_fastopen_key'\n";
    assert_eq!((outcome.status, outcome.err.as_str()), (0, denied));
}

#[test]
fn only_root_may_set() {
    let host = Host::new();
    for variable in &VARIABLES {
        let name = variable.name;
        let set = format!("{name}={}", variable.initial);
        let denied = format!("permission denied on key \"{name}\"");
        let outcome = host.unprivileged(&[&set]);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{name}");
        let first = outcome.err.lines().next();
        assert_eq!(first, Some(format!("sysctl-shim: {denied}").as_str()));
        let outcome = host.unprivileged(&["--", &format!("-{set}")]);
        assert_eq!((outcome.status, outcome.out.as_str()), (0, ""), "{name}");
        let first = outcome.err.lines().next();
        assert_eq!(first, Some(format!("sysctl-shim: {denied}, ignoring").as_str()));
    }
    let outcome = host.unprivileged(&["net.inet.ipsec.dfbit=0"]);
    assert!(outcome.err.contains("CAP_NET_ADMIN"), "{}", outcome.err);
    let outcome = host.unprivileged(&["--dialect", "freebsd", "net.inet.ipsec.dfbit=0"]);
    let first = outcome.err.lines().next();
    assert_eq!(first, Some("sysctl-shim: net.inet.ipsec.dfbit: Operation not permitted"));
    assert_eq!(host.prints(&["-n", "net.inet.ipsec.dfbit"]), "2\n");
}

#[test]
fn a_read_only_file_system() {
    let host = Host::new();
    host.shell("mount -t tmpfs -o ro none /run");
    assert_eq!(host.prints(&["net.inet.ipsec.dfbit"]), "net.inet.ipsec.dfbit = 2\n");
    let outcome = host.shim(&["net.inet.ipsec.dfbit=0"]);
    let denied = "sysctl-shim: permission denied on key \"net.inet.ipsec.dfbit\"\n";
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.starts_with(denied), "{}", outcome.err);
    let why = &outcome.err[denied.len()..];
    assert!(why.starts_with("sysctl-shim: /run/xfrm-tools/"), "{why}");
    assert!(why.ends_with(": Read-only file system\n"), "{why}");
    host.shell("mount -o bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys");
    let outcome = host.shim(&["net.ipv4.ip_forward=0", "net.key.larval_lifetime=31"]);
    let denied = "sysctl-shim: permission denied on key \"net.ipv4.ip_forward\"\n\
        sysctl-shim: permission denied on key \"net.key.larval_lifetime\"\n";
    assert_eq!(outcome, failed(denied));
}

#[test]
fn in_a_namespace_of_ones_own() {
    let host = Host::of_unprivileged_user();
    assert_eq!(host.prints(&["net.inet.ipsec.dfbit=0"]), "net.inet.ipsec.dfbit = 0\n");
    let why = "sysctl-shim: net.key.larval_lifetime is Linux's net.core.xfrm_acq_expires, which \
        network namespaces of unprivileged users do not have\n";
    let unknown = "sysctl-shim: \"net.key.larval_lifetime\" is an unknown key\n";
    assert_eq!(host.shim(&["net.key.larval_lifetime"]), failed(&format!("{unknown}{why}")));
    let setting =
        "sysctl-shim: setting key \"net.key.larval_lifetime\": No such file or directory\n";
    assert_eq!(host.shim(&["net.key.larval_lifetime=30"]), failed(&format!("{setting}{why}")));
    // A folder lists what there is.
    let names = host.prints(&["net.key"]);
    assert_eq!(names.lines().count(), 4, "{names}");
}
