//! `ipsecctl show`: what was asked for, and what the kernel makes of it.

use scenarios::Host;
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
        let policies = json_of(&host, "policies");
        [0, 1].map(|place| policies[place]["requests"][0]["held"].clone())
    };
    let [first, second] = &lines()[..] else { panic!("two policies") };
    assert!(first.contains(" 10.0.0.3 ") && first.contains("/default (required)"), "{first}");
    assert!(second.contains("esp/tunnel/192.0.2.1-192.0.2.2/use (left out)"), "{second}");
    assert_eq!(states(), ["required", "left out"]);

    host.set("net.inet.ipsec.ah_trans_deflev=1");
    host.load(SA);
    assert!(lines()[0].contains("(optional)") && lines()[1].contains("(required)"));
    assert_eq!(states(), ["optional", "required"]);
}

#[test]
fn keys_are_shown_to_who_asks_for_them() {
    let host = Host::new("host");
    host.load(SA);
    let key = "0x7369787465656e2062797465206b6579";
    assert!(show(&host, "sas").contains(" 0x1001 ") && !show(&host, "sas").contains(key));
    assert!(show(&host, "sas --keys").contains(key));
    assert_eq!(json_of(&host, "sas")[0]["encryption"].get("key"), None);
    assert_eq!(json_of(&host, "sas --keys")[0]["encryption"]["key"], key);
    assert!(!show(&host, "").contains(key));
}

#[test]
fn the_default_policy_may_not_be_in_force() {
    let host = Host::new("host");
    let default = |v4: (&str, bool), v6: (&str, bool)| {
        let of = |version: u8, (policy, in_force): (&str, bool)| json!({"version": version, "default_policy": policy, "in_force": in_force});
        json!([of(4, v4), of(6, v6)])
    };
    assert_eq!(json_of(&host, "default"), default(("none", true), ("none", true)));
    host.set("net.inet6.ipsec6.def_policy=0");
    assert_eq!(json_of(&host, "default"), default(("none", true), ("discard", true)));
    host.ip("xfrm policy flush");
    assert_eq!(json_of(&host, "default"), default(("none", true), ("discard", false)));
    let lines = show(&host, "default");
    assert!(lines.lines().any(|line| line.ends_with(" not in force")), "{lines}");
    host.flush();
    assert_eq!(json_of(&host, "")["default"], default(("none", true), ("discard", true)));
}

#[test]
fn variables() {
    let host = Host::new("host");
    host.set("net.key.spi_minval=0x1000 net.key.larval_lifetime=7");
    let variables = json_of(&host, "variables");
    let value = |name: &str| {
        let rows = variables.as_array().expect("a list");
        rows.iter().find(|row| row["name"] == name).expect("it is there")["value"].clone()
    };
    let names = ["net.key.spi_min_value", "net.key.spi_minval", "net.key.larval_lifetime"];
    assert_eq!(names.map(value), [0x1000, 0x1000, 7]);
}
