//! def_policy=0 in a session that would not survive it.

mod common;

use common::{Host, Outcome};

const V4: &str = "net.inet.ipsec.def_policy";
const V6: &str = "net.inet6.ipsec6.def_policy";

fn shim(host: &Host, client: &str, args: &[&str]) -> Outcome {
    let connection = format!("{client} 50000 192.0.2.2 22");
    let environment = [("SSH_CONNECTION", connection.as_str())];
    host.run_with(host.folder().join("sysctl-shim"), args, &environment, "")
}

#[test]
fn the_sessions_own_version_is_refused() {
    let host = Host::new();
    for (client, name, other) in [("192.0.2.1", V4, V6), ("2001:db8::1", V6, V4)] {
        let cut = format!("{name}=0");
        let outcome = shim(&host, client, &[&cut]);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
        let words = format!("{cut} would drop the packets of this ssh session with {client}");
        assert!(outcome.err.starts_with(&format!("sysctl-shim: {words}")), "{}", outcome.err);
        assert!(outcome.err.contains("--force"), "{}", outcome.err);
        assert_eq!(host.prints(&["-n", name]), "1\n");
        // Nothing else of the call is set either.
        let outcome = shim(&host, client, &[&cut, "net.inet.ipsec.dfbit=0"]);
        assert_eq!((outcome.status, outcome.err.lines().count()), (1, 2), "{}", outcome.err);
        assert_eq!(host.prints(&["-n", "net.inet.ipsec.dfbit"]), "2\n");
        assert_eq!(shim(&host, client, &["--dry-run", &cut]).status, 1);
        for args in [&[format!("{other}=0")][..], &[format!("{other}=1")]] {
            let args = args.iter().map(String::as_str).collect::<Vec<_>>();
            assert_eq!(shim(&host, client, &args).status, 0);
        }
        let outcome = shim(&host, client, &["--force", &cut]);
        assert_eq!((outcome.status, outcome.out), (0, format!("{name} = 0\n")));
        // It is done: nothing is cut that was not.
        assert_eq!(shim(&host, client, &[&cut]).status, 0);
        host.prints(&[&format!("{name}=1")]);
    }
}

#[test]
fn other_sessions_are_not() {
    let host = Host::new();
    for client in ["127.0.0.1", "::1", "UNKNOWN"] {
        for name in [V4, V6] {
            assert_eq!(shim(&host, client, &[&format!("{name}=0")]).status, 0);
            assert_eq!(shim(&host, client, &[&format!("{name}=1")]).status, 0);
        }
    }
}

#[test]
fn what_needs_a_daemon_is_reported() {
    let host = Host::new();
    let outcome = host.shim(&["net.inet.ipsec.def_policy=0"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "net.inet.ipsec.def_policy = 0\n"));
    let expected = "sysctl-shim: no ipsecd runs in this network namespace: ";
    assert!(outcome.err.starts_with(expected), "{}", outcome.err);
    assert_eq!(outcome.err.lines().count(), 1);
    host.prints(&["net.inet.ipsec.def_policy=1"]);
}
