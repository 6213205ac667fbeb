//! `ipsecctl show`: what was asked for, and what the kernel makes of it.

use std::{env, fs, path::Path};

use scenarios::{Host, report_skipped};
use serde_json::{Value, json};

const SA: &str = r#"
    add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel
        -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!";
"#;

fn show(host: &Host, words: &str) -> String {
    let outcome = host.ipsecctl(&format!("show {words}"));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "show {words}");
    outcome.stdout
}

fn json_of(host: &Host, words: &str) -> Value {
    let text = show(host, &format!("{words} --json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn policies_follow_variables_and_sas() {
    let host = Host::new("host");
    assert_eq!(show(&host, "policies"), "No policies.\n");
    let outcome = host.setkey_text(
        "spdadd 10.0.0.1 10.0.0.2 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use;
        spdadd 10.0.0.1 10.0.0.3 any -P out prio high ipsec ah/transport//default;",
    );
    assert_eq!(outcome.stdout, "");
    let lines = || {
        let lines = show(&host, "policies");
        lines.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let states = || {
        let policies = json_of(&host, "policies")["policies"].clone();
        [0, 1].map(|place| policies[place]["templates"][0]["installed"].clone())
    };
    let [first, second] = &lines()[..] else { panic!("two policies") };
    assert!(first.contains(" 10.0.0.3 ") && first.contains("/default (required)"), "{first}");
    assert!(
        second.contains("esp/tunnel/192.0.2.1-192.0.2.2/use (not installed) sas=none"),
        "{second}"
    );
    assert_eq!(states(), ["required", "not installed"]);

    host.set("net.inet.ipsec.ah_trans_deflev=1");
    host.load(SA);
    assert!(lines()[0].contains("(optional)") && lines()[1].contains("(required) sas=0x1001"));
    assert_eq!(states(), ["optional", "required"]);
}

#[test]
fn sas_are_joined_with_the_policies_that_they_serve() {
    let host = Host::new("host");
    host.load(SA);
    host.ip("xfrm policy add src 10.0.0.0/24 dst 10.1.0.0/24 dir out index 9 \
            tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel
        xfrm policy add src 10.0.0.0/24 dst 10.2.0.0/24 dir out index 17 \
            tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 7
        xfrm policy add src 10.0.0.0/24 dst 10.1.0.0/24 dir in index 24 \
            tmpl src 192.0.2.1 dst 192.0.2.9 proto esp mode tunnel
        xfrm policy add src 10.0.0.0/24 dst 10.3.0.0/24 dev lo dir out index 33 mark 1 if_id 5 \
            tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel");
    assert_eq!(show(&host, "sas -o spi,policies"), "spi     policies\n0x1001  9,24\n");
    assert_eq!(json_of(&host, "sas")["sas"][0]["policies"], json!([9, 24]));
    assert_eq!(json_of(&host, "policies")["policies"][0]["templates"][0]["sas"], json!([0x1001]));
    let policies = show(&host, "policies -o index,mark,if_id,device,templates");
    let lines = policies.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let lines = lines.map(|words| words.join(" ")).collect::<Vec<_>>();
    let tunnel = "esp/tunnel/192.0.2.1-192.0.2.2";
    assert_eq!(
        lines,
        [
            "index mark if_id device templates".to_owned(),
            "24 - - - esp/tunnel/192.0.2.1-192.0.2.9/require sas=0x1001".to_owned(),
            format!("9 - - - {tunnel}/require sas=0x1001"),
            format!("17 - - - {tunnel}/unique:7 sas=none"),
            format!("33 0x1/0xffffffff 5 lo {tunnel}/require sas=none"),
        ]
    );
}

/// tests/show/README.md
#[test]
fn captures() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("show");
    let is_written = env::var("SHOW_CAPTURES").is_ok_and(|what| what == "write");
    for count in [1, 40] {
        let host = Host::new("host");
        let script = directory.join(format!("{count}.conf"));
        let loaded = host.setkey_file("-k", &script);
        if loaded.stderr.contains("this kernel lacks -dir") {
            return report_skipped("SAs with a direction, which this kernel does not have");
        }
        assert_eq!((loaded.status, loaded.stdout.as_str(), loaded.stderr.as_str()), (0, "", ""));
        for width in [80, 120, 200] {
            for subject in ["policies", "sas"] {
                let text = show(&host, &format!("{subject} --width {width}"));
                let capture = directory.join(format!("{subject}-{count}-{width}.txt"));
                if is_written {
                    fs::write(&capture, &text).expect("the capture");
                }
                assert_eq!(text, fs::read_to_string(&capture).expect("a capture"));
                let longest = text.lines().map(|line| line.chars().count()).max();
                assert!(longest <= Some(width), "{subject} of {count} entries: {longest:?}");
            }
        }
        let words = |text: &str| {
            let mut words = text
                .split(|c: char| c.is_whitespace() || c == '=')
                .filter(|word| !["", "-", "templates"].contains(word))
                .map(str::to_owned)
                .collect::<Vec<_>>();
            words.sort();
            words.dedup();
            words
        };
        for subject in ["policies", "sas"] {
            // Whatever the width, no value is missing and none is broken.
            let [narrow, any] =
                ["--width 80", ""].map(|width| words(&show(&host, &format!("{subject} {width}"))));
            assert_eq!(narrow, any);
        }
    }
}

#[test]
fn what_packets_meet_comes_first() {
    let host = Host::new("host");
    host.load(SA);
    let all = show(&host, "");
    let headings = all
        .lines()
        .filter(|line| ["policies", "sas", "default", "variables", "kernel"].contains(line));
    assert!(headings.eq(["policies", "sas", "default", "variables", "kernel"]), "{all}");
    for (alias, name) in [("policy", "policies"), ("sa", "sas")] {
        assert_eq!(show(&host, alias), show(&host, name));
        assert_eq!(show(&host, &format!("{alias} --json")), show(&host, &format!("{name} --json")));
    }
}

#[test]
fn an_unknown_column_is_answered_with_those_there_are() {
    let host = Host::new("host");
    let outcome = host.ipsecctl("show sas -o spi,mod");
    assert_eq!(outcome.status, 2);
    for part in ["'mod'", "src, dst, protocol", "a similar value exists: 'mode'"] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    for words in ["sas -o spi --json", "policies --wide --json", "sas --width 80 --json"] {
        assert_eq!(host.ipsecctl(&format!("show {words}")).status, 2, "{words}");
    }
}

#[test]
fn keys_are_shown_to_who_asks_for_them() {
    let host = Host::new("host");
    host.load(SA);
    let key = "0x7369787465656e2062797465206b6579";
    assert!(show(&host, "sas").contains(" 0x1001 ") && !show(&host, "sas").contains(key));
    assert!(show(&host, "sas --keys").contains(key));
    assert_eq!(json_of(&host, "sas")["sas"][0]["encryption"].get("key"), None);
    assert_eq!(json_of(&host, "sas --keys")["sas"][0]["encryption"]["key"], key);
    assert!(!show(&host, "").contains(key));
}

/// The rows of `show default`: what is demanded of in, out and fwd, the kernel's own, and whether it holds.
fn default_rows(host: &Host, version: u8) -> [(String, String, bool); 3] {
    let rows = json_of(host, "default")["default_policies"].clone();
    ["in", "out", "fwd"].map(|direction| {
        let is_row = |row: &&Value| row["version"] == version && row["direction"] == direction;
        let row = rows.as_array().expect("a list").iter().find(is_row).expect("it is there");
        let word = |name: &str| row[name].as_str().expect("a word").to_owned();
        (word("default_policy"), word("kernel_default"), row["in_force"] == true)
    })
}

#[test]
fn the_default_policy_may_not_be_in_force() {
    let host = Host::new("host");
    let all = |policy: &str, in_force| [(); 3].map(|()| (policy.into(), "none".into(), in_force));
    let default = || [default_rows(&host, 4), default_rows(&host, 6)];
    assert_eq!(default(), [all("none", true), all("none", true)]);
    host.set("net.inet6.ipsec6.def_policy=0");
    assert_eq!(default(), [all("none", true), all("discard", true)]);
    host.ip("xfrm policy flush");
    assert_eq!(default(), [all("none", true), all("discard", false)]);
    let lines = show(&host, "default");
    assert_eq!(lines.lines().filter(|line| line.ends_with(" no")).count(), 3, "{lines}");
    host.flush();
    assert_eq!(default(), [all("none", true), all("discard", true)]);
    let all = json_of(&host, "");
    assert_eq!(all["default_policies"], json_of(&host, "default")["default_policies"]);
}

#[test]
fn the_default_policy_of_another_program_is_shown() {
    let host = Host::new("host");
    host.ip("xfrm policy setdefault in accept fwd block out accept");
    let expected = [("none", true), ("none", true), ("discard", false)]
        .map(|(kernel, in_force)| ("none".to_owned(), kernel.to_owned(), in_force));
    assert_eq!([4, 6].map(|version| default_rows(&host, version)), [expected.clone(), expected]);
    let lines = show(&host, "default");
    let fwd = lines.lines().filter(|line| line.contains(" fwd ")).collect::<Vec<_>>();
    assert!(fwd.iter().all(|line| line.contains(" discard ") && line.ends_with(" no")), "{lines}");
}

#[test]
fn the_size_of_the_tables() {
    let host = Host::new("host");
    host.load(SA);
    host.ip("xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out
        xfrm policy set hthresh4 24 16 hthresh6 64 48");
    let kernel = json_of(&host, "kernel")["kernel"].clone();
    let numbers = ["sas", "policies_in", "policies_out", "policies_fwd"].map(|name| &kernel[name]);
    assert_eq!(numbers, [1, 0, 1, 0]);
    assert_eq!(kernel["hash_threshold_v4"], json!({"local": 24, "remote": 16}));
    assert_eq!(kernel["hash_threshold_v6"], json!({"local": 64, "remote": 48}));
    let lines = show(&host, "kernel");
    let has = |line: &str| lines.lines().any(|it| it.split_whitespace().eq(line.split(' ')));
    assert!(has("policies_out 1") && has("hash_threshold_v4 local /24, remote /16"), "{lines}");
}

#[test]
fn variables() {
    let host = Host::new("host");
    host.set("net.key.spi_minval=0x1000 net.key.larval_lifetime=7");
    let variables = json_of(&host, "variables");
    let value = |name: &str| {
        let rows = variables["variables"].as_array().expect("a list");
        rows.iter().find(|row| row["name"] == name).expect("it is there")["value"].clone()
    };
    let names = ["net.key.spi_min_value", "net.key.spi_minval", "net.key.larval_lifetime"];
    assert_eq!(names.map(value), [0x1000, 0x1000, 7]);
}
