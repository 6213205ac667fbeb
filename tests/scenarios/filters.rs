//! Filters: what the subcommands of `ipsecctl` print of a part of the SAs and policies, and that nothing else is touched.

use scenarios::{Host, Outcome};
use serde_json::Value;

const SCRIPT: &str = r#"
    add 192.0.2.1 192.0.2.2 esp 0x1001 -u 7 -E aes-cbc "sixteen byte key";
    add 192.0.2.1 192.0.2.3 esp 0x1002 -u 8 -E aes-cbc "sixteen byte kez";
    add 192.0.2.3 192.0.2.1 ah 0x1003 -u 8 -A hmac-md5 "sixteen byte key";
    spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//unique:7;
    spdadd 192.0.2.1 192.0.2.3 any -P out ipsec esp/transport//unique:8;
    spdadd 192.0.2.3 192.0.2.1 any -P in discard;
    "#;

fn host() -> Host {
    let host = Host::new("filters");
    host.load(SCRIPT);
    host
}

fn json(host: &Host, words: &str) -> Value {
    let outcome = host.ipsecctl(words);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn spis(host: &Host, filter: &str) -> Vec<u64> {
    let document = json(host, &format!("show sas --json {filter}"));
    let sas = document["sas"].as_array().expect("SAs");
    sas.iter().filter_map(|sa| sa["spi"].as_u64()).collect()
}

#[test]
fn each_option_selects() {
    let host = host();
    host.load(
        r#"add 192.0.2.1 192.0.2.9 esp 0x1009 -ifid 5 -mark 6 -E aes-cbc "sixteen byte keu";"#,
    );
    for (filter, expected) in [
        ("", &[0x1001, 0x1002, 0x1003, 0x1009][..]),
        ("--src 192.0.2.3", &[0x1003]),
        ("--dst 192.0.2.2/31", &[0x1001, 0x1002]),
        ("--proto ah", &[0x1003]),
        ("--spi 0x1002", &[0x1002]),
        ("--reqid 8", &[0x1002, 0x1003]),
        ("--reqid 8 --proto esp", &[0x1002]),
        ("--ifid 5", &[0x1009]),
        ("--mark 6", &[0x1009]),
        ("--state mature --reqid 7", &[0x1001]),
        ("--state larval", &[]),
        ("--dev none0", &[]),
    ] {
        assert_eq!(spis(&host, filter), expected, "{filter}");
    }
    let table = host.ipsecctl("show sas -o spi --proto ah").stdout;
    assert_eq!(table.split_whitespace().collect::<Vec<_>>(), ["spi", "0x1003"]);
    // What serves a policy is found among all SAs.
    let policies = json(&host, "show policies --json --dir out --reqid 8");
    let policies = policies["policies"].as_array().expect("policies");
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0]["templates"][0]["sas"][0], 0x1002);
}

#[test]
fn what_is_counted_and_found_is_of_a_part() {
    let host = host();
    let metrics = host.ipsecctl("metrics --by sa --dst 192.0.2.3").stdout;
    assert!(metrics.contains("xfrm_sas{state=\"mature\"} 1\n"), "{metrics}");
    assert!(metrics.contains("xfrm_policies{direction=\"out\"} 1\n"), "{metrics}");
    assert!(metrics.contains("spi=\"0x1002\"") && !metrics.contains("spi=\"0x1001\""), "{metrics}");

    let codes = |filter: &str| -> Vec<String> {
        let findings = json(&host, &format!("check --live --json {filter}"));
        let findings = findings["findings"].as_array().expect("findings");
        let places = findings.iter().map(|it| format!("{}:{}", it["line"], it["code"]));
        places.collect()
    };
    let all = codes("");
    assert!(all.contains(&"3:\"algorithm-must-not\"".to_owned()), "{all:?}");
    assert_eq!(
        codes("--proto ah"),
        all.iter().filter(|it| it.starts_with('3')).cloned().collect::<Vec<_>>()
    );
    assert_eq!(codes("--spi 0x77"), Vec::<String>::new());

    let directions = |filter: &str| json(&host, &format!("counters --all --json {filter}"));
    let all = directions("")["counters"].as_array().expect("counters").len();
    let of =
        |dir| directions(&format!("--dir {dir}"))["counters"].as_array().expect("counters").len();
    assert_eq!((of("in") > 5, of("out") > 5, of("in") + of("out") + of("fwd")), (true, true, all));

    // The policy without an SA is another peer's.
    host.load("spdadd 192.0.2.1 192.0.2.4 any -P out ipsec ah/transport//require;");
    let causes = |filter: &str| {
        let diagnosis = json(&host, &format!("diagnose --seconds 1 --json {filter}"));
        diagnosis["diagnosis"]["causes"].as_array().expect("causes").len()
    };
    assert_eq!((causes("--dst 192.0.2.4"), causes("--dst 192.0.2.2")), (1, 0));
    assert_eq!(causes("--proto esp"), 0);
}

/// A file with other keys, other actions and fewer entries is applied to one peer.
#[test]
fn apply_touches_what_is_selected() {
    let host = host();
    let of_others = |host: &Host| {
        let dump = host.setkey("-D --script").stdout + &host.setkey("-DP --script").stdout;
        let others = dump.lines().filter(|line| line.contains("192.0.2.3")).map(str::to_owned);
        others.collect::<Vec<_>>()
    };
    let before = of_others(&host);
    assert!(before.len() >= 4, "{before:?}");
    let wished = r#"flush; spdflush;
        add 192.0.2.1 192.0.2.2 esp 0x2001 -u 7 -E aes-cbc "sixteen byte kew";
        add 192.0.2.1 192.0.2.3 esp 0x1002 -u 8 -E aes-cbc "another sixteenb";
        spdadd 192.0.2.1 192.0.2.2 any -P out discard;"#;
    let outcome = run(&host, "apply --dst 192.0.2.2", wished);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let signs = outcome.stdout.lines().filter_map(|line| line.chars().next());
    assert_eq!(signs.filter(|it| "+-~!#".contains(*it)).collect::<String>(), "+~-#", "{outcome:?}");
    assert!(
        outcome.stdout.ends_with("# 2 SAs and 3 policies are in no file or left out, and stay\n"),
        "{outcome:?}"
    );
    let unselected = "ipsecctl: the filter leaves out: add 192.0.2.1 192.0.2.3 esp 0x1002";
    assert!(
        outcome.stderr.starts_with(unselected) && outcome.stderr.lines().count() == 1,
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains("sixteen"), "{outcome:?}");
    assert_eq!(spis(&host, "--dst 192.0.2.2"), [0x2001]);
    assert_eq!(of_others(&host), before);
    // A second run has nothing to do; JSON counts what was left out.
    let document = run(&host, "diff --dst 192.0.2.2 --json", wished);
    assert_eq!(document.status, 0, "{document:?}");
    let document: Value = serde_json::from_str(&document.stdout).expect("JSON");
    assert_eq!(document["unselected"], serde_json::json!({"sas": 1, "policies": 0}));
    assert_eq!(document["changes"], serde_json::json!([]));
}

/// An entry whose change crosses the filter is not changed, and neither is any other.
#[test]
fn a_change_that_crosses_the_filter_is_a_conflict() {
    let host = host();
    let dump = || host.setkey("-D --script").stdout + &host.setkey("-DP --script").stdout;
    let before = dump();
    let wished = r#"
        add 192.0.2.1 192.0.2.2 esp 0x1001 -u 9 -E aes-cbc "sixteen byte key";
        spdadd 192.0.2.1 192.0.2.5 any -P out ipsec esp/transport//unique:7;"#;
    for filter in ["--reqid 7", "--reqid 9"] {
        let outcome = run(&host, &format!("diff {filter}"), wished);
        assert_eq!(outcome.status, 3, "{outcome:?}");
        let crossing = "! add 192.0.2.1 192.0.2.2 esp 0x1001";
        assert!(outcome.stdout.contains(crossing), "{outcome:?}");
        let outcome = run(&host, &format!("apply --prune {filter}"), wished);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        let end = "the filter selects these as they are or as they are to be, not as both: nothing was changed\n";
        assert!(outcome.stderr.ends_with(end), "{outcome:?}");
        assert_eq!(dump(), before);
    }
}

fn run(host: &Host, words: &str, file: &str) -> Outcome {
    let path = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(path.path(), file).expect("a file");
    host.ipsecctl(&format!("{words} {}", path.path().display()))
}
