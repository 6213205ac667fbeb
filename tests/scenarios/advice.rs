//! `ipsecctl check --live`: what is found in a script is found in the kernel that has loaded it.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use scenarios::{Background, Host, report_skipped, scripts};
use serde_json::Value;

/// The findings in the kernel's tables, as JSON.
fn live(host: &Host) -> Vec<Value> {
    let outcome = host.ipsecctl("check --live --json");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    document["findings"].as_array().expect("a list").clone()
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// The scripts of the tests of `ipsecctl check`, with the options that they are for.
fn folder(name: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipsecctl/tests/check").join(name);
    // A second script beside one is for it alone.
    let alone = |path: &PathBuf| !path.with_extension("second").exists();
    let with_options = |path: PathBuf| {
        let args = fs::read_to_string(path.with_extension("args")).unwrap_or_default();
        let options = args.lines().find_map(|line| line.strip_prefix("options "));
        (path, options.unwrap_or_default().to_owned())
    };
    scripts(&folder).into_iter().filter(alone).map(with_options).collect()
}

/// Loads a script, and returns whether the kernel took all of it.
fn is_loaded(host: &Host, script: &Path, options: &str) -> bool {
    host.setkey_file(&format!("{options} --strict"), script).status == 0
}

#[test]
fn clean_tables_have_no_finding() {
    for (script, options) in folder("clean") {
        // The kernel does not keep whether the word had the length in it.
        if script.ends_with("truncated-on-purpose.conf") {
            continue;
        }
        let host = Host::new("host");
        if !is_loaded(&host, &script, &options) {
            report_skipped(&format!("{}: this kernel does not take it", script.display()));
            continue;
        }
        assert_eq!(live(&host), Vec::<Value>::new(), "{}", script.display());
    }
}

/// The kinds of findings that are about a script or about its loading.
const OF_SCRIPTS: [&str; 5] =
    ["management-session-caught", "reserved-spi", "sa-exists", "policy-syntax", "unpaired-sa"];

#[test]
fn planted_faults_are_found_in_the_kernel_too() {
    let (mut compared, mut different) = (0, Vec::new());
    for (script, options) in folder("planted") {
        let expected = fs::read_to_string(script.with_extension("expect")).expect("expectations");
        let code = expected.trim().rsplit(' ').next().expect("a code");
        if OF_SCRIPTS.contains(&code) {
            continue;
        }
        let host = Host::new("host");
        if !is_loaded(&host, &script, &options) {
            report_skipped(&format!("{}: this kernel does not take it", script.display()));
            continue;
        }
        // A kernel without IP-TFS takes the SA and keeps no setting of it.
        if code == "mtu" && !host.setkey("-D --script").stdout.contains("pkt-size=9000") {
            report_skipped("the size of packets of IP-TFS: this kernel does not keep it");
            continue;
        }
        let found = live(&host);
        if codes(&found) != [code] {
            different.push(format!("{}: {:?}", script.display(), codes(&found)));
        }
        compared += 1;
    }
    assert!(different.is_empty(), "{different:#?}");
    assert!(compared >= 50, "{compared}");
}

/// Requests for SAs that a program receives are answered by it.
#[test]
fn a_key_daemon_adds_the_missing_sas() {
    let host = Host::new("host");
    host.load(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -E null -A hmac-sha1 0x000000000000000000000000000000000000dead;
        spdadd 192.0.2.1 192.0.2.3 any -P out ipsec esp/transport//require;",
    );
    assert_eq!(codes(&live(&host)), ["policy-without-sa"]);
    let mut daemon = host.command("ip");
    let mut daemon = Background::start(daemon.args(["xfrm", "monitor", "acquire"]));
    let start = Instant::now();
    while !codes(&live(&host)).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "the monitor is not seen");
        thread::sleep(Duration::from_millis(100));
    }
    daemon.end();
}

/// Entries of other programs have a place, and no key.
#[test]
fn entries_of_other_programs_are_shown_as_statements() {
    let host = Host::new("host");
    host.ip("xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel \
            enc cbc(des3_ede) 0x0123456789abcdeffedcba98765432100123456789abcdef \
            auth-trunc hmac(sha512) 0xdead5432 256 limit time-soft 20 limit time-hard 10
        xfrm policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir in \
            tmpl src 192.0.2.2 dst 192.0.2.1 proto esp mode tunnel level use");
    let found = live(&host);
    assert_eq!(
        codes(&found),
        ["algorithm-should-not", "no-forward-policy", "optional-inbound", "late-soft-limit"]
    );
    let places = found.iter().map(|one| format!("{}:{}", one["file"], one["line"]));
    let expected = ["<SAD>", "<SPD>", "<SPD>", "<SAD>"].map(|table| format!("\"{table}\":1"));
    assert_eq!(places.collect::<Vec<_>>(), expected);
    let statement = found[0]["statement"].as_str().expect("a statement");
    assert!(statement.starts_with("add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel"), "{statement}");
    assert!(!statement.contains("0123456789abcdef") && !statement.contains("dead"), "{statement}");
    let text = host.ipsecctl("check --live").stdout;
    assert!(text.starts_with("<SAD>:1:") && text.contains("^^^^^^^^"), "{text}");
    let denied = host.ipsecctl("check --live --deny late-soft-limit");
    assert_eq!(denied.status, 3);
    let sarif = host.ipsecctl("check --live --format sarif").stdout;
    let log: Value = serde_json::from_str(&sarif).expect("JSON");
    let location = &log["runs"][0]["results"][0]["locations"][0]["logicalLocations"][0];
    assert_eq!(location["name"], "<SAD>");
}
