//! The PF_KEY service answers as AF_KEY, message by message: the cases of `tests/pfkey`, played on both.

use std::{env, path::Path};

use scenarios::{
    Host, Outcome, WithoutAfKey,
    pfkey::{ALLOWED, Allowed, Comparison, Report, RunningService, Side, TABLES, cases},
};

#[test]
fn as_af_key() {
    let only = env::var("PFKEY_CASE").unwrap_or_default();
    let (count, report) = played(&only);
    println!(
        "{} cases, {} steps, {} messages, tables compared {} times",
        count, report.steps, report.messages, report.tables
    );
    for Allowed { reason, daemons, .. } in ALLOWED {
        let count = report.allowed.get(reason).copied().unwrap_or_default();
        println!("{count} differences allowed: {reason}; {daemons}");
    }
    for masked in TABLES {
        println!("not compared in the tables: {}", masked.reason);
    }
    let differences = &report.differences;
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.concat());
    for allowed in ALLOWED.iter().filter(|_| only.is_empty()) {
        assert!(report.allowed.contains_key(allowed.reason), "no longer met: {}", allowed.reason);
    }
}

/// AF_KEY and XFRM count ACQUIREs apart, and a larval SA has the number of the one that came last.
#[test]
fn acquires_numbered_by_others() {
    let failed = "the key management has failed";
    let (_, before) = played(failed);
    drop(WithoutAfKey::new());
    let (_, after) = played(failed);
    for report in [&before, &after] {
        assert_eq!(report.differences.concat(), "");
    }
    assert_eq!(before.allowed, after.allowed);
}

/// How many cases have `only` in their names, and what came of them.
fn played(only: &str) -> (usize, Report) {
    let mut cases = cases(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pfkey")));
    cases.retain(|case| case.name.contains(only));
    assert!(!cases.is_empty(), "no cases");
    let host = Host::new("service");
    let service = RunningService::start(&host);
    let mut comparison = Comparison::new(Side::af_key(), Side::service(host, service.path()));
    comparison.connect_wires();
    for case in &cases {
        comparison.play(case);
    }
    (cases.len(), comparison.report())
}

/// Without CAP_NET_ADMIN there is one message, header and EPERM, and then the end.
#[test]
fn strangers_are_sent_away() {
    let host = Host::new("service");
    let service = RunningService::start(&host);
    let knock = "import socket, sys
service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
service.connect(sys.argv[1])
print(service.recv(99).hex(), service.recv(99).hex())";
    let mut stranger = host.command("setpriv");
    stranger.args(["--bounding-set", "-net_admin", "python3", "-c", knock]).arg(service.path());
    let eperm = "02000100020000000000000000000000 \n";
    assert_eq!(Outcome::success(&mut stranger), eperm);
}
